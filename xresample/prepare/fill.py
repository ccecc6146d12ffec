"""Flagged pixels filled with the prediction of a sharpened mosaic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample.accumulate.job import Admitted, Job
from xresample.accumulate.weights import bad_bits_for, deposited_weights
from xresample.accumulate.window import require_wcs
from xresample.arguments import whole
from xresample.datamodel import dq_flags, schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import GridLike
from xresample.datamodel.options import Options
from xresample.datamodel.signatures import checks_options, chosen_options
from xresample.errors import InvalidInputError
from xresample.progress import bar

from .admission import checked_exposures
from .blot import interpolation_code
from .flag_bits import UNUSABLE, free_bit
from .neighbours import typical
from .patches import Patch, patched
from .report import ExposureList, report_of
from .sharpen import SharpModel

if TYPE_CHECKING:
    from xresample.kernels.blot import Interpolation

ESTIMATED = "FLUX_ESTIMATED"
"""Flag of filled pixels."""

FILLED_VARIANCE = "var_filled"
"""Variance of filled pixels beyond that of a measured pixel."""

NOT_THE_SKY = ("NON_SCIENCE", "REFERENCE_PIXEL")
"""Flags of pixels that never see the sky, which are not filled."""

PARTLY_COUNTED = ("var_sky",)
"""Variances that contain others, and therefore do not add to the variance of a pixel."""

MODEL: dict[str, Any] = {"kernel": "square", "pixfrac": 1.0}
"""Options of the model that do not depend on those of the co-add."""

BARE: dict[str, Any] = {
    "fillval": None,
    "enable_ctx": False,
    "enable_var": False,
    "compute_err": None,
    "propagate_dq": False,
    "planes": (),
    "exposure_map": False,
    "rejected": (),
    "noise_covariance": False,
}
"""Options of a model without planes but data and weights."""

MIN_WEIGHT = 0.8
"""Minimum weight of the model at a pixel, in units of the weight of one exposure."""


@checks_options()
def fill_flagged(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike,
    *,
    iterations: int = 2,
    interpolation: Interpolation = "poly5",
    threads: int | None = None,
    progress: bool = False,
    **options: Any,
) -> ExposureList:
    """Fill flagged pixels with what the other exposures predict, so that the sampling is even.

    Pixels that are missing leave an undersampled star unevenly sampled, and its flux in a mosaic
    depends on which pixels are missing. The prediction comes from a mosaic of the good pixels,
    which is sharpened: in each iteration the mosaic is interpolated at the pixels of the
    exposures, and the differences from the exposures are co-added and added to the mosaic.

    Pixels are filled if they have a flag that ``good_bits`` does not allow, if their data or weight
    is not finite, or if their weight is 0; but not where the mosaic has less than 0.8 of the weight
    of one exposure, and not if they have a flag ``NON_SCIENCE`` or ``REFERENCE_PIXEL``.

    A filled pixel gets the weight, the ``err`` and the variances of its neighbours. The flags that
    exclude it are replaced by the flag ``FLUX_ESTIMATED``, which the co-add accepts, whatever
    ``good_bits`` is. But a filled pixel repeats the noise of other pixels, so its noise does not
    average out with theirs. The exposures get a further variance, ``var_filled``, that corrects the
    variance of the mosaic for this: ``V (1 + w / W)``, where V is the variance of a pixel, w its
    weight, and W the weight of the mosaic there without it.

    All exposures are read ``iterations + 2`` times, one at a time. Memory holds one of them and
    four planes of the grid, and the new values of the filled pixels.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid of the model, as for `empty_mosaic`. Its pixels should not be larger than those
        of the exposures.
    iterations : int, optional
        Number of times that the model is sharpened. Each one halves the blur that is left, and
        raises the noise of the model a little. Default: 2.
    interpolation : str, optional
        Interpolation of the model, see ``blot``. Default: ``"poly5"``.
    threads : int, optional
        Threads to use. Default: one per CPU. The result is bit-for-bit the same for any value.
    progress : bool, optional
        Whether to show a progress bar (needs tqdm).
    **options
        Options of the model, see `Options`: ``good_bits=0``, ``weight_type="ivm"``, ...; but not
        ``kernel`` and ``pixfrac``, because the model has square pixels without gaps.

    Returns
    -------
    ExposureList
        The exposures, lazy if they were lazy. The attribute ``report`` of the list is a Dataset
        along ``exposure`` with ``flagged``, the number of pixels that would not be used, and
        ``filled``, the number of these that are filled.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault of it.
    InvalidInputError
        An argument is invalid, or the units differ.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4,
    ...            "NAXIS": 2, "NAXIS1": 9, "NAXIS2": 8})
    >>> exposures = [xrs.make_exposure(np.ones((8, 9)), wcs, dq=np.zeros((8, 9), int),
    ...                                filename=f"{k}.fits") for k in range(3)]
    >>> exposures[1]["dq"][3, 5] = 4
    >>> filled = xrs.fill_flagged(exposures, wcs, weight_type=None)
    >>> filled.report["filled"].values
    array([0, 1, 0])
    >>> filled[1]["dq"].attrs["flag_meanings"], float(filled[1]["data"][3, 5])
    ('FLUX_ESTIMATED', 1.0)
    """
    count = whole("iterations", iterations, at_least=0)
    if fixed := sorted(MODEL.keys() & options.keys()):
        raise InvalidInputError(
            f"fill_flagged always has a model of {MODEL}, got also {', '.join(fixed)}: pass "
            f"{', '.join(fixed)} to the co-add only"
        )
    interpolation_code(interpolation)
    wanted = Options(**chosen_options(options))
    readers = checked_exposures(exposures, wanted, "fill_flagged")
    job = Job.of_target(output_wcs, {**options, **MODEL, **BARE})
    require_wcs(job.grid.wcs, "mosaic")
    entries, job = job.admit_all(readers)
    with bar(progress, total=count + 2, desc="filling", unit="pass") as shown:
        model = SharpModel.of(job, entries, interpolation, threads)
        shown.update()
        for _ in range(count):
            model = model.sharper()
            shown.update()
        filled = [_filled(entry, model, wanted) for entry in entries]
        shown.update()
    return ExposureList([entry.dataset for entry in filled], _report(readers, filled))


@dataclass(frozen=True)
class _Filled:
    """An exposure with filled pixels."""

    dataset: xr.Dataset
    flagged: int
    """Number of pixels that would not be used."""
    filled: int


@dataclass(frozen=True)
class _Pixels:
    """The flagged pixels of an exposure, and what the model predicts for some of them."""

    good: np.ndarray
    """bool ``(y, x)``."""
    flags: np.ndarray
    """uint32 ``(y, x)``."""
    filled: np.ndarray
    """Flat indices of the pixels that are filled."""
    values: np.ndarray
    """Data of these pixels, in the units of the exposure, with its sky level."""
    excess: np.ndarray
    """Variance of these pixels over the variance of a measured pixel, minus 1."""


def _filled(entry: Admitted, model: SharpModel, options: Options) -> _Filled:
    """Return an exposure whose flagged pixels are filled."""
    exposure = entry.exposure
    pixels = _predicted(entry, model, options)
    flagged = pixels.good.size - int(np.count_nonzero(pixels.good))
    dataset, shape = exposure.given, exposure.shape
    eager = isinstance(dataset["data"].variable._data, np.ndarray)
    kept = {"dq": _flags(exposure, pixels, options)}

    def put(name: str, values: np.ndarray) -> None:
        old = dataset[name].variable if name in dataset else None
        dtype = np.result_type(np.float32, *([] if old is None else [old.dtype])).newbyteorder("=")
        kept[name] = patched(old, Patch(pixels.filled, values.astype(dtype), shape), dtype, eager)

    put("data", pixels.values)
    variances = [name for name in exposure.variances if name != FILLED_VARIANCE]
    around = {name: _around(exposure, name, pixels) for name in variances}
    for name, values in around.items():
        put(name, values)
    if schema.WEIGHT_MAP in dataset:
        put(schema.WEIGHT_MAP, _around(exposure, schema.WEIGHT_MAP, pixels))
    if "err" in dataset:
        put("err", _around(exposure, "err", pixels) * np.sqrt(1 + pixels.excess))
    if variances:
        used = options.error_from_variances or [n for n in variances if n not in PARTLY_COUNTED]
        total = np.nansum([around[n] for n in used if n in around] or [0 * pixels.excess], axis=0)
        put(FILLED_VARIANCE, total * pixels.excess)
        row = schema.require_row(schema.EXPOSURE, FILLED_VARIANCE)
        kept[FILLED_VARIANCE].attrs = schema.variable_attrs(FILLED_VARIANCE, row, exposure.units)
    return _Filled(dataset.assign(kept), flagged, len(pixels.filled))


def _predicted(entry: Admitted, model: SharpModel, options: Options) -> _Pixels:
    """Return the flagged pixels of an exposure and what the model predicts for them."""
    exposure = entry.exposure
    weights = deposited_weights(exposure, entry.options(options))
    good = weights > 0
    dq = exposure.plane("dq")
    flags = np.zeros(exposure.shape, np.uint32) if dq is None else dq_flags.as_uint32(dq)
    predicted, weight = model.predict(exposure)
    names = _flag_map(exposure)
    blind = np.uint32(sum({names[name] for name in NOT_THE_SKY if name in names}))
    wanted = np.flatnonzero(~good & np.isfinite(predicted) & (flags & blind == 0))
    # Drizzle spreads the weight of a pixel over the area of the pixel.
    own = typical(weights, good, wanted) * entry.scales.ratio**2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight.ravel()[wanted] / own
        excess = 1 + 1 / share
    chosen = share >= MIN_WEIGHT
    filled = wanted[chosen]
    values = predicted.ravel()[filled] / entry.scales.intensity + _sky(exposure, filled)
    return _Pixels(good, flags, filled, values, excess[chosen])


def _sky(exposure: Exposure, pixels: np.ndarray) -> np.ndarray:
    """Return the sky level that the co-add subtracts from pixels with the given flat indices."""
    along_y, along_x = exposure.level_slopes
    y, x = np.divmod(pixels, exposure.shape[1])
    level: np.ndarray = (
        exposure.level + along_y * (y + exposure.y.start) + along_x * (x + exposure.x.start)
    )
    return level


def _around(exposure: Exposure, name: str, pixels: _Pixels) -> np.ndarray:
    """Return the mean of a plane over the good neighbours of the filled pixels."""
    return typical(np.asarray(exposure.plane(name)), pixels.good, pixels.filled)


def _flag_map(exposure: Exposure) -> dict[str, int]:
    """Return the flags that the attributes of ``dq`` describe."""
    return dq_flags.flag_map_from_cf(exposure.dq_attrs) or {}


def _flags(exposure: Exposure, pixels: _Pixels, options: Options) -> xr.Variable:
    """Return the flags of an exposure whose filled pixels are marked, and accepted by the co-add.

    A pixel that the mission has marked as estimated, and that is not filled, gets the flag
    ``DO_NOT_USE`` instead, because the co-add now accepts the other flag.
    """
    old = exposure.dataset["dq"].variable if "dq" in exposure.dataset else None
    attrs, names = dict(exposure.dq_attrs), _flag_map(exposure)
    bad = np.uint32(bad_bits_for(exposure, options))
    estimated = _bit_of(ESTIMATED, names)
    mark = np.uint32(estimated)
    left = (pixels.flags & mark != 0) & (bad & mark != 0)
    left.ravel()[pixels.filled] = False
    flags = pixels.flags.ravel()
    others = np.flatnonzero(left)
    unusable = np.uint32(_bit_of(UNUSABLE, names) if len(others) else 0)
    changed = np.concatenate([pixels.filled, others])
    values = np.concatenate(
        [(flags[pixels.filled] & ~bad) | mark, (flags[others] & ~mark) | unusable]
    )
    order = np.argsort(changed, kind="stable")
    attrs |= schema.variable_attrs("dq", schema.require_row(schema.EXPOSURE, "dq"), None)
    attrs |= dq_flags.flag_map_to_cf(names)
    attrs[dq_flags.ACCEPTED] = dq_flags.accepted_flags(attrs) | estimated
    patch = Patch(changed[order], values[order], exposure.shape)
    marked = patched(old, patch, np.uint32, eager=True)
    marked.attrs = attrs
    return marked


def _bit_of(flag: str, names: dict[str, int]) -> int:
    """Return the value of a flag; a flag without a name yet gets a free bit."""
    if flag not in names:
        names[flag] = free_bit(names)
    return names[flag]


def _report(readers: list[Exposure], filled: list[_Filled]) -> xr.Dataset:
    """Return the report of a filling."""
    texts = {
        "flagged": "number of pixels that would not be used",
        "filled": "number of flagged pixels that are filled",
    }
    columns = {
        name: ([getattr(f, name) for f in filled], {"long_name": text})
        for name, text in texts.items()
    }
    return report_of(readers, columns)
