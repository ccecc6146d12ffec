"""Groups of exposures, each by itself on one grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.accumulate.job import Job
from xresample.datamodel import schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.facts import value_of
from xresample.datamodel.grid import GridLike
from xresample.datamodel.signatures import checks_options, differing_options
from xresample.datamodel.stack import at_least_one
from xresample.errors import InvalidInputError
from xresample.tiled.groups import GroupPlan, GroupReader
from xresample.tiled.plan import plan_tiles
from xresample.tiled.tiling import Tiling

from .thresholds import mean_weight

GROUP = "group"
"""Dimension of a stack."""

MEAN_WEIGHT = "mean_weight"


@checks_options()
def stack(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike,
    *,
    by: str | None = "group_id",
    chunks: Any = None,
    threads: int | None = None,
    **options: Any,
) -> xr.Dataset:
    """Resample each group of exposures onto one grid: ``(group, y, x)``.

    Exposures of one group, such as the detectors of a camera that were exposed together, share an
    image of the stack. Nothing is co-added across groups.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures, or a stack of them (see `concat`).
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    by : str or None, optional
        Attribute whose value exposures of one group share. Exposures without a value are groups
        by themselves. None: every exposure is a group. Default: ``"group_id"``.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of tiles, as for `coadd`. If given, the stack is lazy: a chunk is one tile of one
        group, and chunks that a group does not touch cost neither time nor memory. The result is
        bit-for-bit the same for any value.
    threads : int, optional
        Threads to use. Default: one per CPU, or one per tile with ``chunks``. The result is
        bit-for-bit the same for any value.
    **options
        See `Options`. The defaults differ in ``fillval="nan"`` and ``enable_var=False``, also
        with ``options=Options(...)``.
        ``compute_err="driz_err"`` or ``"from_var"`` adds ``err``, ``propagate_dq=True`` adds
        ``dq``. A stack has no context, so ``enable_ctx`` is not allowed.

    Returns
    -------
    xarray.Dataset
        ``data``, ``wht``, and ``err`` and ``dq`` on request, ``(group, y, x)``. The coordinate
        ``mean_weight`` is the sigma-clipped mean of the weights of each group, which ``combine``
        needs for ``maskpt``.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault.
    InvalidInputError
        There are no exposures, or an argument is invalid.

    Warns
    -----
    NoOverlapWarning
        An exposure lies outside the grid.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4,
    ...            "NAXIS": 2, "NAXIS1": 5, "NAXIS2": 4})
    >>> exposures = [xrs.make_exposure(np.full((4, 5), value), wcs, group_id=name)
    ...              for value, name in ((1.0, "a"), (2.0, "b"), (4.0, "b"))]
    >>> stack = xrs.stack(exposures, wcs, weight_type=None)
    >>> stack["group"].values.tolist(), stack["data"][:, 2, 2].values.tolist()
    (['a', 'b'], [1.0, 3.0])
    """
    groups = plan_groups(exposures, output_wcs, by, chunks, threads, options)
    if chunks is None:
        planes, means = _eager(groups, threads)
    else:
        from xresample.tiled.stack_graph import lazy_stack

        planes, means = lazy_stack(groups, mean_weight)
    return _labelled(groups, planes, means, labels_of(groups, by))


def plan_groups(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike,
    by: str | None,
    chunks: Any,
    threads: int | None,
    options: dict[str, Any],
) -> GroupPlan:
    """Check the arguments of `stack`, and return which group touches which tile.

    ``chunks`` may also be a `Tiling`; None is one tile.
    """
    if "enable_ctx" in options:
        raise InvalidInputError("A stack has no context: remove the option enable_ctx")
    datasets = at_least_one(exposures, "stack")
    given = {
        "fillval": "nan",
        "enable_var": False,
        **differing_options(options),
        "enable_ctx": False,
    }
    job = Job.of_target(output_wcs, given)

    def tiling(job: Job) -> Tiling:
        if isinstance(chunks, Tiling):
            return chunks
        if chunks is None:
            return Tiling.whole(job.grid.pixels)
        return Tiling.of(chunks, job.grid.pixels, job.layout.pixel_bytes(job.options, 1))

    inner = pool.count(threads) if chunks is None else threads
    plan = plan_tiles(datasets, job, tiling, inner)
    return GroupPlan(plan, _members([_key(e, by) for e in plan.exposures], by))


def _key(exposure: Exposure, by: str | None) -> str:
    """Return the value by which an exposure is grouped; empty if it has none."""
    if by is None:
        return ""
    value = exposure.scalars.get(by, value_of(exposure.dataset, by, ""))
    missing = isinstance(value, float) and np.isnan(value)
    return "" if missing else str(value)


def _members(keys: Sequence[str], by: str | None) -> tuple[tuple[int, ...], ...]:
    """Return the numbers of the exposures of each group, in the order of their first exposures."""
    if by not in (None, "group_id") and not any(keys):
        raise InvalidInputError(
            f"by must name an attribute of the exposures or be None, got {by!r}, which no "
            "exposure has"
        )
    groups: dict[Any, list[int]] = {}
    for number, key in enumerate(keys):
        groups.setdefault(key or number, []).append(number)
    return tuple(tuple(numbers) for numbers in groups.values())


def labels_of(groups: GroupPlan, by: str | None) -> list[str]:
    """Return the name of each group: the shared value, or the file name, or a number."""
    exposures = groups.plan.exposures
    labels = []
    for numbers in groups.members:
        first = exposures[numbers[0]]
        labels.append(_key(first, by) or first.scalars["filename"] or str(numbers[0]))
    return labels


def _eager(groups: GroupPlan, threads: int | None) -> tuple[dict[str, Any], np.ndarray]:
    """Return the planes of a stack and the mean weights of its groups, in memory."""
    reader, count = GroupReader(groups), len(groups.members)
    shape = count, *groups.plan.shape
    planes = {name: np.full(shape, value) for name, value in groups.identities().items()}
    for g in range(count):
        for j, i in groups.tiles_of(g):
            for name, plane in reader.compute(g, j, i).items():
                planes[name][g] = plane
    means = np.empty(count)

    def mean(g: int) -> None:
        means[g] = mean_weight([planes["wht"][g]])

    pool.run(mean, range(count), threads)
    return planes, means


def _labelled(
    groups: GroupPlan, planes: dict[str, Any], means: Any, labels: list[str]
) -> xr.Dataset:
    """Return the Dataset of a stack."""
    job, dims = groups.plan.job, (GROUP, *schema.PIXELS)
    options = job.options
    variables = {}
    for name, plane in planes.items():
        row = schema.require_row(schema.MOSAIC, name)
        attrs = schema.variable_attrs(name, row, job.units, options.weight_type, planes)
        variables[name] = xr.Variable(dims, plane, attrs)
    scalars = [[groups.plan.exposures[n].scalars for n in numbers] for numbers in groups.members]
    weight = {"long_name": "sigma-clipped mean of the weights"}
    coords = {
        **job.grid.coords(),
        GROUP: (GROUP, np.array(labels), {"long_name": "group of exposures"}),
        MEAN_WEIGHT: (GROUP, means, weight),
        "n_exposures": (GROUP, [len(n) for n in groups.members]),
        "exposure_time": (
            GROUP, [max(s["exposure_time"] for s in group) for group in scalars], {"units": "s"}),
        "start_time": (
            GROUP, [min(s["start_time"] for s in group) for group in scalars], {"units": "d"}),
    }  # fmt: skip
    return xr.Dataset(variables, coords, options.to_attrs())
