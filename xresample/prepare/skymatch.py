"""Sky levels of exposures that agree where the exposures overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.accumulate.weights import weights_of
from xresample.arguments import choice, whole
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import GridLike
from xresample.datamodel.options import Conserve, Options
from xresample.datamodel.pixels import pixel_axis
from xresample.datamodel.schema import LEVEL_SLOPES, PIXELS
from xresample.errors import InvalidInputError, NoOverlapWarning, warn

from .admission import checked_exposures
from .comparison import Comparison
from .differences import MINIMUM_PIXELS
from .levels import Anchor, Levels, solve
from .report import ExposureList, report_of
from .stack import labels_of

SkyMethod = Literal["match", "local", "global", "global+match"]

CLIPPED = 5
"""Number of times that stars are clipped from the pixels of an exposure."""

CLIP = 4.0
"""Number of standard deviations from the median at which pixels of an exposure are clipped."""


def match_sky(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike | None = None,
    *,
    method: SkyMethod = "match",
    order: Literal[0, 1] = 0,
    by: str | None = "group_id",
    anchor: str = "minimum",
    superpixel: int = 64,
    good_bits: Any = 0,
    flag_map: Any = None,
    conserve: Conserve = "surface_brightness",
    threads: int | None = None,
    progress: bool = False,
) -> ExposureList:
    """Return exposures with sky levels that agree where the exposures overlap.

    No pixel is changed: the levels are attributes of the exposures, which the co-add subtracts.
    Earlier levels are replaced. Lazy exposures stay lazy.

    Each group of exposures is put on a grid with pixels of the same size as the exposures.
    The differences of two groups are averaged in superpixels, without outliers. The levels follow
    from these averages by least squares, in which superpixels that disagree lose weight.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures, all in the same units.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset or dict, optional
        The part of the sky in which the exposures are compared, as for `coadd`. Default: all.
    method : {"match", "local", "global", "global+match"}
        ``"match"``: the levels agree in the overlaps, relative to the anchor. ``"local"``: the
        median of the pixels of each group, without stars. ``"global"``: the smallest of these
        medians, for all groups. ``"global+match"``: levels that agree in the overlaps, plus the
        smallest of the medians that remain.
    order : {0, 1}
        Whether a level is a constant, or a plane (``"match"`` and ``"global+match"``).
    by : str or None, optional
        Attribute that the exposures of a group share. None: each exposure is a group.
    anchor : str, optional
        Level that is 0 in a connected set of groups: ``"minimum"``, ``"mean"``, or that of the
        group or exposure of this name. Other sets then take the minimum.
    superpixel : int, optional
        Number of pixels along the side of a superpixel.
    good_bits, flag_map, conserve : optional
        As for `coadd`.
    threads : int, optional
        Threads to use. Default: one per CPU. The result is bit-for-bit the same for any value.
    progress : bool, optional
        Whether to show a progress bar (needs tqdm).

    Returns
    -------
    ExposureList
        The exposures, with the attributes ``level``, ``subtracted=False`` and, for planes,
        ``level_slope_y`` and ``level_slope_x``. The attribute ``report`` of the list is a Dataset
        along ``exposure`` with ``level`` and its ``error`` in the middle of the group, the name of
        the ``group``, and the number of the connected ``set`` of groups.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault.
    InvalidInputError
        An argument is invalid, or the units differ.

    Warns
    -----
    NoOverlapWarning
        Groups do not overlap, so that their levels cannot be compared.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4,
    ...            "NAXIS": 2, "NAXIS1": 50, "NAXIS2": 40})
    >>> exposures = [xrs.make_exposure(np.full((40, 50), value), wcs) for value in (5.0, 3.0)]
    >>> matched = xrs.match_sky(exposures, wcs)
    >>> [round(exposure.attrs["level"], 6) for exposure in matched]
    [2.0, 0.0]
    """
    _require_valid(method, order, superpixel)
    options = Options(weight_type=None, good_bits=good_bits, flag_map=flag_map, conserve=conserve)
    readers = checked_exposures(exposures, options, "match_sky")
    bare = [_with_level(reader.dataset, 0.0) for reader in readers]
    compared = Comparison.of(bare, by, output_wcs, options, int(superpixel))
    groups = _Groups(readers, compared.groups.members, labels_of(compared.groups, by))
    zero = _anchor_of(anchor, groups)
    levels = None
    if "match" in method:
        levels = solve(compared.differences(threads, progress), len(groups.names), order, zero)
        _warn_of_sets(levels.component, groups.names)
    offsets = _offsets(method, groups, levels, options, threads)
    prepared = []
    for k, reader in enumerate(readers):
        factor, number = compared.intensity(k), groups.of_exposure[k]
        plane = _plane(compared, reader, levels, number)
        level = (plane[0] + offsets[number]) / factor
        slopes = tuple(slope / factor for slope in plane[1:])
        prepared.append(_with_level(reader.given, *_in_given_pixels(reader, level, slopes)))
    facts = {"method": method, "order": int(order), "anchor": anchor}
    return ExposureList(prepared, _report(groups, levels, offsets, facts))


@dataclass(frozen=True)
class _Groups:
    """The exposures and their groups."""

    readers: list[Exposure]
    members: tuple[tuple[int, ...], ...]
    """Numbers of the exposures of each group."""
    names: list[str]
    """Names of the groups."""

    @property
    def of_exposure(self) -> list[int]:
        """Number of the group of each exposure."""
        pairs = {k: g for g, numbers in enumerate(self.members) for k in numbers}
        return [pairs[k] for k in range(len(self.readers))]


def _require_valid(method: Any, order: Any, superpixel: Any) -> None:
    """Raise an error that names the argument that is invalid."""
    choice("method", method, get_args(SkyMethod))
    if isinstance(order, bool) or order not in (0, 1):
        raise InvalidInputError(f"order must be 0 (a constant) or 1 (a plane), got {order!r}")
    if order and "match" not in method:
        raise InvalidInputError(
            f"order must be 0 with method={method!r}, which has one number per group, got {order}"
        )
    # A smaller superpixel has fewer pixels than a difference needs.
    whole("superpixel", superpixel, at_least=math.isqrt(MINIMUM_PIXELS - 1) + 1)


def _anchor_of(anchor: Any, groups: _Groups) -> Anchor:
    """Return the number of the group that an anchor names, or the rule that it names."""
    if anchor in ("minimum", "mean"):
        return cast(Anchor, anchor)
    for number, (name, members) in enumerate(zip(groups.names, groups.members, strict=True)):
        if anchor == name or anchor in [groups.readers[k].scalars["filename"] for k in members]:
            return number
    raise InvalidInputError(
        "anchor must be 'minimum', 'mean', or the name of an exposure or of one of the groups "
        f"({', '.join(groups.names)}), got {anchor!r}"
    )


def _warn_of_sets(component: np.ndarray, names: Sequence[str]) -> None:
    """Warn if the groups are not one connected set."""
    count = component.max() + 1
    if count == 1 and len(names) > 1:
        return
    if len(names) == 1:
        text = f"There is only one group, {names[0]}: it has nothing to be compared with"
    else:
        sets = [
            ", ".join(names[int(k)] for k in np.flatnonzero(component == number))
            for number in range(count)
        ]
        text = f"The groups form {count} sets that do not overlap: {'; '.join(sets)}"
    warn(f"{text}. The levels of a set are relative to a level of 0 in this set", NoOverlapWarning)


def _offsets(
    method: str, groups: _Groups, levels: Levels | None, options: Options, threads: int | None
) -> np.ndarray:
    """Return what is added to the levels of the groups, which is 0 for ``method="match"``."""
    if method == "match":
        return np.zeros(len(groups.names))
    offsets = _local(groups, options, threads)
    if levels is not None:
        offsets = offsets - levels.level
    if "global" in method:
        finite = offsets[np.isfinite(offsets)]
        offsets = np.full(len(offsets), finite.min() if len(finite) else 0.0)
    return np.where(np.isfinite(offsets), offsets, 0.0)


def _local(groups: _Groups, options: Options, threads: int | None) -> np.ndarray:
    """Return the median of the pixels of each group without stars; NaN without good pixels."""
    found = np.zeros((len(groups.readers), 2))

    def measure(k: int) -> None:
        found[k] = _clipped_median(groups.readers[k], options)

    pool.run(measure, range(len(groups.readers)), threads)
    levels = []
    for members in groups.members:
        median, count = found[list(members)].T
        there = count > 0
        total = count[there].sum()
        levels.append(np.sum(median[there] * count[there]) / total if total else np.nan)
    return np.array(levels)


def _clipped_median(exposure: Exposure, options: Options) -> tuple[float, int]:
    """Return the median of the good pixels of an exposure, without stars, and their number."""
    data = np.asarray(exposure.plane("data"))
    good = np.isfinite(data) & (weights_of(exposure, options) > 0)
    values = np.sort(data[good], axis=None).astype(np.float64)
    for _ in range(CLIPPED):
        if not len(values):
            break
        far = CLIP * values.std()
        middle = values[len(values) // 2]
        first, last = np.searchsorted(values, [middle - far, middle + far], side="left")
        values = values[first : max(last, first + 1)]
    return (float(np.median(values)), len(values)) if len(values) else (np.nan, 0)


def _plane(
    compared: Comparison, exposure: Exposure, levels: Levels | None, group: int
) -> tuple[float, ...]:
    """Return the level of an exposure at pixel (0, 0) and, for planes, its slopes along y and x."""
    if levels is None:
        return (0.0,)
    if levels.coefficients.shape[1] == 1:
        return (float(levels.coefficients[group, 0]),)
    y, x, to_y, to_x = compared.positions(exposure)
    values = levels.at(group, to_y, to_x)
    if not len(values):
        return (0.0, 0.0, 0.0)
    # A plane on the sky is nearly a plane on the detector: the distortion bends it a little.
    terms = np.stack([np.ones(len(y)), y, x], axis=1)
    return tuple(float(value) for value in np.linalg.lstsq(terms, values, rcond=None)[0])


def _in_given_pixels(
    exposure: Exposure, level: float, slopes: tuple[float, ...]
) -> tuple[float, tuple[float, ...]]:
    """Return a level in the pixels that the user gave, which may be binned or flipped."""
    if not slopes or exposure.given is exposure.dataset:
        return level, slopes
    given = []
    for slope, name in zip(slopes, PIXELS, strict=True):
        first, step = pixel_axis(exposure.given, name)
        given.append(slope / step)
        level -= slope / step * first
    return level, tuple(given)


def _with_level(dataset: xr.Dataset, level: float, slopes: tuple[float, ...] = ()) -> xr.Dataset:
    """Return an exposure with a sky level that the co-add subtracts."""
    attrs = {"level": float(level), "subtracted": 0}
    attrs |= dict(zip(LEVEL_SLOPES, slopes, strict=False))
    replaced = {"level", "subtracted", *LEVEL_SLOPES}
    # A coordinate of the same name would take precedence over the attribute.
    bare = dataset.drop_vars([name for name in replaced if name in dataset.coords])
    kept = {name: value for name, value in bare.attrs.items() if name not in replaced}
    bare.attrs = {**kept, **attrs}
    return bare


def _report(
    groups: _Groups, levels: Levels | None, offsets: np.ndarray, facts: dict[str, Any]
) -> xr.Dataset:
    """Return the report of a match."""
    number = groups.of_exposure
    units = next((reader.units for reader in groups.readers if reader.units), None)
    known = {} if units is None else {"units": units}
    level, error = offsets, np.full(len(offsets), np.nan)
    sets = np.arange(len(offsets))
    if levels is not None:
        level, error, sets = offsets + levels.level, levels.error, levels.component
        facts = {**facts, "scatter": levels.scatter}
    variables = {
        "level": (level, {"long_name": "sky level in the middle of the group", **known}),
        "error": (error, {"long_name": "standard deviation relative to the anchor", **known}),
        "set": (sets, {"long_name": "number of the set of groups that overlap"}),
    }
    if levels is not None:
        text = "number of differences of superpixels of the group"
        variables["differences"] = levels.compared, {"long_name": text}
    columns = {name: (values[number], attrs) for name, (values, attrs) in variables.items()}
    named = np.array([groups.names[k] for k in number], dtype=str)
    report = report_of(groups.readers, columns).assign_coords(group=("exposure", named))
    return report.assign_attrs(facts, sets=int(sets.max()) + 1)
