"""Combine two mosaics on one grid, plane by plane, by the rule in the row of each plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.buffers import Buffers
from xresample.accumulate.job import Job, warn_mixed
from xresample.accumulate.notices import warn_repeated
from xresample.accumulate.ranges import ADVICE
from xresample.accumulate.set_tree import SetTree
from xresample.datamodel import provenance
from xresample.datamodel.context import n_planes, shift_context
from xresample.datamodel.exposure_sets import paired
from xresample.datamodel.planes import Layout
from xresample.datamodel.schema import WEIGHT_SUFFIX, Rule
from xresample.datamodel.units import same_units
from xresample.errors import GridMismatchError, ValueRangeWarning, warn

ROWS = 256
"""Number of rows that are combined at a time, in float64."""

Pair = tuple[np.ndarray, np.ndarray]


def merged(first: Accumulator, second: Accumulator) -> Accumulator:
    """Return the mosaic of the exposures of ``first``, then those of ``second``."""
    job = _common_job(first, second)
    warn_repeated(provenance.repeated(first.rows, second.rows), job.count)
    a = first.buffers.with_layout(job.layout, job.options)
    b = second.buffers.with_layout(job.layout, job.options)
    grid = job.grid
    limited = False
    made = Buffers.unfilled(job.layout, job.options, grid.shape, *grid.origin)
    for name in job.layout.names:
        row = job.layout.planes.get(name)
        combine = _sum if row is None else _RULES[row.rule]
        for start in range(0, grid.shape[0], ROWS):
            rows = slice(start, start + ROWS)
            limited |= not _stored(combine(name, a, b, rows), made.plane(name)[rows])
    if limited:
        warn(
            f"The sum of the weights is too large for {job.options.dtype}, so wht is too small: "
            f"{ADVICE}",
            ValueRangeWarning,
        )
    if a.context is not None and b.context is not None:
        before = first.job.count
        if a.tree is not None and b.tree is not None:
            made.context, pairs = paired(a.context, b.context)
            more = b.tree.sets.take(pairs[:, 1]).shifted(before)
            made.tree = SetTree.of(a.tree.sets.take(pairs[:, 0]).joined(more))
        else:
            made.context = _combined_context(a.context, b.context, before, second.job.count)
    if a.dq is not None and b.dq is not None:
        made.dq = a.dq | b.dq
    if a.noise is not None and b.noise is not None:
        made.noise = a.noise + b.noise
    return Accumulator(job, made, first.rows.joined(second.rows), {**second.attrs, **first.attrs})


def _stored(numbers: np.ndarray, plane: np.ndarray) -> bool:
    """Write numbers into a plane, limited to its type; return whether the type holds them all."""
    try:
        with np.errstate(over="raise"):
            plane[...] = numbers
    except FloatingPointError:
        limit = np.finfo(plane.dtype).max
        plane[...] = np.clip(numbers, -limit, limit)
        return False
    return True


def _common_job(first: Accumulator, second: Accumulator) -> Job:
    """Return the job of both mosaics, which must have the same grid, options and units."""
    first.grid.require_equal(second.grid)
    first.options.require_equal(second.options)
    units = _common_units(first.job.plane_units, second.job.plane_units)
    further = second.buffers.layout
    layout = first.buffers.layout.widened(further.variances).reaching(further.lags)
    count = first.job.count + second.job.count
    warn_mixed(first.job.watched, second.job.watched)
    watched = provenance.watched(first.job.watched, second.rows)
    data = units.pop("data")
    return Job(first.grid, first.options, layout, data, count, watched, further=units)


def _common_units(
    first: Mapping[str, str | None], second: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Return the units of the planes of both mosaics, which must have the same units."""
    common = {}
    for name, mine in first.items():
        yours = second[name]
        if mine and yours and not same_units(mine, yours):
            of = "" if name == "data" else f" of {name}"
            raise GridMismatchError(
                f"The mosaics must have the same units{of}, got {mine!r} and {yours!r}: convert "
                "the exposures to the same units, and make the mosaics again"
            )
        common[name] = mine or yours
    return common


def _combined_context(a: np.ndarray, b: np.ndarray, before: int, more: int) -> np.ndarray:
    """Return the bits of two contexts, those of the second one after those of the first."""
    planes = max(n_planes(before + more), len(a), len(b))
    context = shift_context(b, before, planes)
    context[: len(a)] |= a
    return context


def _pair(name: str, a: Buffers, b: Buffers, rows: slice) -> Pair:
    """Return rows of a plane of both mosaics in float64."""
    return a.plane(name)[rows].astype(np.float64), b.plane(name)[rows].astype(np.float64)


def _sum(name: str, a: Buffers, b: Buffers, rows: slice) -> np.ndarray:
    mine, yours = _pair(name, a, b, rows)
    return mine + yours


def _mean(name: str, a: Buffers, b: Buffers, rows: slice) -> np.ndarray:
    return _weighted(*_pair(name, a, b, rows), *_pair(_weight(a.layout), a, b, rows))


def _variance(name: str, a: Buffers, b: Buffers, rows: slice) -> np.ndarray:
    own = f"{name}{WEIGHT_SUFFIX}" if a.layout.resampled else _weight(a.layout)
    return _weighted(*_pair(name, a, b, rows), *_pair(own, a, b, rows), squares=True)


def _weight(layout: Layout) -> str:
    """Return the name of the plane that weights the means."""
    return layout.by_rule(Rule.SUM)[0]


_RULES: dict[Rule, Callable[[str, Buffers, Buffers, slice], np.ndarray]] = {
    Rule.SUM: _sum,
    Rule.MEAN: _mean,
    Rule.VARIANCE: _variance,
}
"""The function that combines rows of a real-valued plane, by its rule."""


def _weighted(
    a: np.ndarray, b: np.ndarray, wa: np.ndarray, wb: np.ndarray, squares: bool = False
) -> np.ndarray:
    """Return ``(a wa + b wb) / (wa + wb)``; with squares, ``(a wa^2 + b wb^2) / (wa + wb)^2``.

    Where one mosaic has no weight, the value of the other mosaic is returned bit for bit.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        total = wa + wb
        fa, fb = wa / total, wb / total
        if squares:
            fa, fb = fa * fa, fb * fb
        return np.where(wb == 0, a, np.where(wa == 0, b, a * fa + b * fb))
