"""Outliers, such as cosmic rays: pixels that differ from what the other exposures show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.accumulate.notices import sentence_on
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.facts import name_of
from xresample.datamodel.grid import Grid, GridLike
from xresample.datamodel.options import Options
from xresample.datamodel.signatures import checks_options, differing_options
from xresample.datamodel.stack import at_least_one
from xresample.datamodel.validation import validate
from xresample.errors import InvalidExposureError, InvalidInputError, OutlierWarning, warn
from xresample.progress import bar
from xresample.tiled.groups import GroupPlan, GroupReader
from xresample.tiled.window_graph import PlacedImage
from xresample.tiled.worker import mapping_of

from .admission import require_same_units
from .blot import row_slabs
from .flag_bits import FlagBits, with_flags
from .judge import Judge, Outliers
from .lazy_outliers import lazy_outliers, lazy_unresampled
from .reference import Recipe, make_reference, streaming_tiles
from .report import ExposureList, outlier_report
from .rules import PARAMETERS, Blur, Noise, OutlierRules, Pair, Preset, outlier_rules
from .stack import plan_groups
from .unresampled import outliers_without_resampling

if TYPE_CHECKING:
    from xresample.kernels.blot import Interpolation
    from xresample.kernels.selection import Method


@checks_options(PARAMETERS)
def flag_outliers(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike | None = None,
    *,
    preset: Preset | None = None,
    snr: Pair | None = None,
    scale: Pair | None = None,
    backg: float | None = None,
    maskpt: float | None = None,
    combine: Method | None = None,
    nlow: int | None = None,
    nhigh: int | None = None,
    interpolation: Interpolation | None = None,
    noise: Noise | None = None,
    blur: Blur | None = None,
    epochs: bool | None = None,
    grow: int | None = None,
    resample_data: bool | None = None,
    flag: str | int | None = None,
    by: str | None = "group_id",
    chunks: Any = None,
    threads: int | None = None,
    progress: bool = False,
    warn_above: float = 0.1,
    **options: Any,
) -> ExposureList:
    """Flag pixels that differ from what the other exposures show, such as cosmic rays.

    Each group of exposures is resampled onto the grid, the groups are combined with a median, and
    the median is interpolated at the pixels of each exposure. With the difference ``D`` of a pixel
    from the median, and the maximum difference ``d`` of the interpolated median from its four
    neighbours, a pixel is flagged if ``D > scale[1] d + snr[1] err`` and a pixel among its 3 x 3
    neighbours and itself has ``D > scale[0] d + snr[0] err``.

    This is the rule of AstroDrizzle and of the pipelines of JWST and Roman. Pixels are compared
    only where at least two groups have a value. The pixels of the exposures do not change.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures, of at least two groups. Each must have ``err``.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid on which exposures are compared, as for `empty_mosaic`. Its pixel scale should
        be that of the exposures. Not used with ``resample_data=False``.
    preset : {"astrodrizzle", "jwst", "romancal"}, optional
        Take the defaults of a pipeline; parameters that are given win. With ``"astrodrizzle"``
        the names of AstroDrizzle, such as ``driz_cr_snr``, are accepted, too. Default: the
        values of JWST with ``good_bits=0``.
    snr : (float, float) or str, optional
        Limits in standard deviations. Default: ``(5, 4)``.
    scale : (float, float) or str, optional
        Limits in units of the blur ``d``. Default: ``(1.2, 0.7)``, or ``(3, 2)`` with
        ``blur="spread"``.
    backg : float, optional
        Background to subtract from the difference. Default: the ``level`` of each exposure, if
        it has not been subtracted.
    maskpt : float, optional
        Pixels whose weight is below this fraction of the mean weight of their group do not count
        in the median; see ``combine``. Default: 0.7.
    combine : str, optional
        Method that combines the groups, see ``combine``. Default: ``"median"``.
    nlow, nhigh : int, optional
        Number of lowest and highest values that the combination rejects. Default: 0.
    interpolation : str, optional
        Interpolation of the combined image, see ``blot``. Default: ``"linear"``.
    noise : {"err", "median", "max"}, optional
        The noise of a pixel: its ``err``; the median of ``err`` over the groups at its position,
        because a cosmic ray inflates its own error; or the maximum of the two, because other
        pixels may be noisy for good reasons. Default: ``"err"``.
    blur : {"gradient", "spread"}, optional
        Definition of ``d``: the steepest step of the interpolated image; or the scatter of the
        groups (``"mad"`` of ``combine``), the maximum of 3 x 3 pixels. The scatter finds fainter
        cosmic rays on bright sources, but flags more pixels of sources wrongly, above all with few
        groups; combine it with ``interpolation="poly5"`` and ``epochs=True``. Default:
        ``"gradient"``.
    epochs : bool, optional
        Keep pixels where more than ``min(0.4 N, 2 + 0.03 N)`` of ``N`` groups deviate from their
        median by more than ``snr[1]`` standard deviations: the deviations belong to the sky, as
        for a variable source or the core of an undersampled star. Default: False.
    grow : int, optional
        Side, in pixels, of the box that is flagged around each outlier. Default: 1, which is the
        outlier alone.
    resample_data : bool, optional
        False: compare pixel by pixel without resampling, for exposures that are not dithered; a
        pixel is flagged if it differs by more than ``snr[0] err``. Default: True.
    flag : str or int, optional
        Flag to set, by name or value. Default: the flag of the mission (``OUTLIER``, or
        ``CRDRIZ`` of HST), or else a new flag ``OUTLIER``. Where ``dq`` describes a flag
        ``DO_NOT_USE``, this flag is set, too.
    by : str or None, optional
        Attribute that exposures of one group share, as for `stack`. Default: ``"group_id"``.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of the tiles of the grid. If given, or if a plane of an exposure is a dask array,
        nothing is computed: ``dq`` and the report are dask arrays. Otherwise the work is done
        tile by tile. The result is bit-for-bit the same for any value.
    threads : int, optional
        Threads to use. Default: one per CPU. The result is bit-for-bit the same for any value.
    progress : bool, optional
        Show a progress bar (needs tqdm).
    warn_above : float, optional
        Warn if a larger fraction of an exposure is flagged. Default: 0.1.
    **options
        Options of the resampling, see `Options`: ``kernel="square"``, ``pixfrac=1.0``,
        ``weight_type="ivm"``, ``good_bits=0``, ...; and ``nsigma``, ``lthresh``, ``hthresh`` of
        ``combine``.

    Returns
    -------
    ExposureList
        The exposures with outliers flagged in ``dq``, as a list, in order. Its attribute
        ``report`` is a Dataset along ``exposure`` with ``count``, the number of outliers,
        ``fraction``, their share of all pixels, and ``compared``, the number of pixels that were
        compared.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault of it.
    InvalidInputError
        There are fewer than two groups, no exposure overlaps the grid, or a parameter is invalid.

    Warns
    -----
    OutlierWarning
        Many pixels of an exposure are flagged, or the median is taken of two groups only.
    NoOverlapWarning
        An exposure lies outside the grid.

    References
    ----------
    Gonzaga et al. 2012, The DrizzlePac Handbook (STScI), section 4.2.8 (``driz_cr``).

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4,
    ...            "NAXIS": 2, "NAXIS1": 9, "NAXIS2": 8})
    >>> images = np.random.default_rng(0).normal(1.0, 0.1, (4, 8, 9)).astype("f4")
    >>> images[1, 3, 5] = 100.0
    >>> exposures = [xrs.make_exposure(i, wcs, err=np.full((8, 9), 0.1, "f4")) for i in images]
    >>> flagged = xrs.flag_outliers(exposures, wcs, weight_type=None)
    >>> flagged.report["count"].values
    array([0, 1, 0, 0])
    >>> int(flagged[1]["dq"][3, 5])
    4096
    """
    given = {
        "snr": snr, "scale": scale, "backg": backg, "maskpt": maskpt, "combine": combine,
        "nlow": nlow, "nhigh": nhigh, "interpolation": interpolation, "noise": noise,
        "blur": blur, "epochs": epochs, "grow": grow, "resample_data": resample_data,
    }  # fmt: skip
    named = {name: value for name, value in given.items() if value is not None}
    rules = outlier_rules(preset, differing_options(options) | named)
    datasets = at_least_one(exposures, "flag_outliers")
    _require_err(datasets)
    readers = [Exposure(dataset) for dataset in datasets]
    bits = [FlagBits.of(exposure, flag) for exposure in readers]
    if not rules.resample_data:
        require_same_units(readers)
        _require_groups(len(readers), rules)
        how = Options(**rules.options)
        if any(map(_is_chunked, datasets)):
            return lazy_unresampled(readers, how, rules, bits)
        found = _unresampled(readers, how, rules, threads, progress)
        return _flagged(readers, bits, found, warn_above)
    if output_wcs is None:
        raise InvalidInputError(
            "flag_outliers needs a grid to compare exposures on: pass output_wcs, for example from "
            "fit_wcs(exposures), or resample_data=False for exposures that are not dithered"
        )
    lazy = chunks is not None or any(_is_chunked(dataset) for dataset in datasets)
    groups = _groups(datasets, output_wcs, rules, by, "auto" if lazy and chunks is None else chunks)
    if lazy:
        return lazy_outliers(groups, rules, bits)
    return _flagged(readers, bits, _resampled(groups, rules, threads, progress), warn_above)


def _require_err(datasets: list[xr.Dataset]) -> None:
    """Raise an `InvalidExposureError` unless every exposure is valid and has errors."""
    for dataset in datasets:
        validate(dataset)
        if "err" not in dataset:
            name = name_of(dataset) or "The exposure"
            raise InvalidExposureError(
                f"{name} cannot be used:\n- err is missing, which the limits snr refer to: assign "
                "the standard deviation, for example the root of the sum of the variances"
            )


def _is_chunked(dataset: xr.Dataset) -> bool:
    """Tell whether a plane of an exposure is a dask array."""
    return any(
        dataset[name].chunks is not None for name in ("data", "err", "dq") if name in dataset
    )


def _groups(
    datasets: list[xr.Dataset],
    output_wcs: GridLike,
    rules: OutlierRules,
    by: str | None,
    chunks: Any,
) -> GroupPlan:
    """Return the groups of exposures on the tiles of the grid."""
    options = {**rules.options}
    if rules.needs_err:
        options["compute_err"] = "driz_err"
    if chunks is None:
        planes = 4 * (3 if rules.needs_err else 2)
        chunks = streaming_tiles(Grid.of(output_wcs).pixels, planes * max(len(datasets), 1))
    groups = plan_groups(datasets, output_wcs, by, chunks, 1, options)
    if not groups.plan.parts:
        raise InvalidInputError("No exposure overlaps the grid: pass a grid of the same field")
    _require_groups(len(groups.members), rules)
    return groups


def _require_groups(count: int, rules: OutlierRules) -> None:
    """Raise an error for one group, and warn about the median of two."""
    if count < 2:
        raise InvalidInputError(
            f"Outliers are found by comparing groups of exposures, got {count} group: pass "
            "exposures of at least two groups, or by=None if each exposure is a group"
        )
    if count == 2 and not rules.nhigh and rules.combine not in ("min", "minmed"):
        warn(
            f"The {rules.combine} of two groups lies midway between the two, so a cosmic ray in "
            "one also flags the other: use combine='min' or nhigh=1",
            OutlierWarning,
        )


def _resampled(
    groups: GroupPlan, rules: OutlierRules, threads: int | None, progress: bool
) -> list[Outliers]:
    """Return the outliers of each exposure, computed tile by tile, then exposure by exposure."""
    plan = groups.plan
    with bar(
        progress, total=len(plan.parts) + plan.n_exposures, desc="flagging", unit="step"
    ) as shown:
        planes = make_reference(groups, Recipe(rules), threads, shown.update)
        grid = plan.job.grid
        models = {name: PlacedImage(plane, *grid.origin) for name, plane in planes.items()}
        found: list[Outliers | None] = [None] * plan.n_exposures
        reader = GroupReader(groups)
        inner = max(1, pool.count(threads) // plan.n_exposures)

        def work(number: int) -> None:
            entry = plan.admitted[number]
            mapping = mapping_of(reader.exposures[number], reader.shared)
            found[number] = Judge(rules).outliers(
                entry.exposure, mapping, models, entry.scales.intensity, inner
            )
            shown.update()

        pool.run(work, range(plan.n_exposures), threads)
    return [outliers for outliers in found if outliers is not None]


def _unresampled(
    readers: list[Exposure],
    options: Options,
    rules: OutlierRules,
    threads: int | None,
    progress: bool,
) -> list[Outliers]:
    """Return the outliers of exposures that are compared without resampling."""
    slabs = len(row_slabs(readers[0].shape[0]))
    with bar(progress, total=slabs, desc="flagging", unit="step") as shown:
        return outliers_without_resampling(readers, options, rules, threads, shown.update)


def _flagged(
    readers: list[Exposure], bits: list[FlagBits], found: list[Outliers], warn_above: float
) -> ExposureList:
    """Return the flagged exposures and the report."""
    sizes = np.array([exposure.shape[0] * exposure.shape[1] for exposure in readers])
    counts = np.array([np.count_nonzero(outliers.mask) for outliers in found])
    compared = np.array([outliers.compared for outliers in found])
    many = [
        exposure.scalars["filename"] or str(number)
        for number, (exposure, fraction) in enumerate(zip(readers, counts / sizes, strict=True))
        if fraction > warn_above
    ]
    if many:
        more = (
            f"more than {100 * warn_above:g} % of the pixels flagged as outliers: the errors may "
            "be too small, or a sky level or WCS wrong"
        )
        warn(sentence_on(many, len(readers), f"has {more}", f"have {more}"), OutlierWarning)
    flagged = [
        with_flags(exposure, own, outliers.mask)
        for exposure, own, outliers in zip(readers, bits, found, strict=True)
    ]
    return ExposureList(flagged, outlier_report(readers, counts, compared))
