"""Revisions of a mosaic: exposures leave or are replaced, and only the touched tiles are made anew.

A revised mosaic has the bits of a new mosaic of the remaining exposures. Sums in single precision
cannot be undone, so the touched parts are computed from the exposures. The bits of the context
tell where an exposure contributed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.job import Job
from xresample.arguments import datasets, is_iterable, shown
from xresample.datamodel import context
from xresample.datamodel.mosaic import layout_of, options_of
from xresample.datamodel.options import Options
from xresample.datamodel.provenance import Row
from xresample.datamodel.stack import separate
from xresample.errors import InvalidInputError

from .plan import Plan, parts_of
from .tiling import Tiling


@dataclass(frozen=True)
class Revision:
    """A new mosaic that shares most exposures with an older mosaic."""

    plan: Plan
    """The plan of the new mosaic."""
    old: tuple[int | None, ...]
    """For each exposure its number in the old mosaic; None for new exposures."""
    gone: tuple[int, ...]
    """Numbers of the exposures of the old mosaic that leave."""
    margin: int | None
    """Distance in pixels of a changed pixel from the nearest pixel of the context or from the
    border of the mosaic; 0: the context has all changed pixels; None: any pixel may change."""

    @property
    def new_tiles(self) -> frozenset[tuple[int, int]]:
        """Tiles that new exposures can touch."""
        fresh = {number for number, old in enumerate(self.old) if old is None}
        parts = self.plan.parts.items()
        return frozenset(i for i, found in parts if fresh & {part.number for part in found})

    def changed(self, con: np.ndarray) -> np.ndarray:
        """Return the pixels of a context where exposures that leave contribute, ``(y, x)``."""
        return context.has_any(con, self.gone)


def dropping(rows: Sequence[Row], names: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the numbers of the exposures that leave, and of those that stay.

    Parameters
    ----------
    rows : sequence of dict
        Provenance of the mosaic; only the file names are used.
    names : str, int or iterable of these
        Names of files, or numbers of exposures.

    Raises
    ------
    InvalidInputError
        The mosaic has no exposure of a name or number.
    """
    given = [names] if isinstance(names, str) or not is_iterable(names) else list(names)
    if not given:
        raise InvalidInputError("names must name at least one exposure, got none")
    gone: set[int] = set()
    for name in given:
        found = _numbers(rows, name)
        if not found:
            known = ", ".join(row["filename"] or str(k) for k, row in enumerate(rows)) or "none"
            raise InvalidInputError(
                f"names must be files or numbers of exposures of the mosaic, got {shown(name)}; "
                f"its exposures are {known}"
            )
        gone |= found
    stay = tuple(number for number in range(len(rows)) if number not in gone)
    return tuple(sorted(gone)), stay


def _numbers(rows: Sequence[Row], name: Any) -> set[int]:
    """Return the numbers of the exposures that a file name or a number stands for."""
    if isinstance(name, str):
        return {k for k, row in enumerate(rows) if name and row["filename"] == name}
    is_number = isinstance(name, int | np.integer) and not isinstance(name, bool)
    return {int(name)} if is_number and 0 <= name < len(rows) else set()


def replacing(
    rows: Sequence[Row],
    new: xr.Dataset | Iterable[xr.Dataset],
    rest: xr.Dataset | Iterable[xr.Dataset],
) -> tuple[tuple[int | None, ...], tuple[int, ...], list[xr.Dataset]]:
    """Return the exposures of a mosaic after some are replaced by others of the same name.

    Returns
    -------
    tuple
        As ``Revision.old``, ``Revision.gone``, and the exposures in the order of the mosaic.

    Raises
    ------
    InvalidInputError
        A name is not that of exactly one exposure of the mosaic.
    """
    fresh: dict[int, xr.Dataset] = {}
    for exposure in datasets("new", new):
        name = str(getattr(exposure, "attrs", {}).get("filename", ""))
        found = _numbers(rows, name) - set(fresh)
        if len(found) != 1:
            raise InvalidInputError(
                "new must have the filename of one exposure of the mosaic, got "
                f"{name or 'no filename'!r}, which {len(found)} exposures have"
            )
        fresh[found.pop()] = exposure
    if not fresh:
        raise InvalidInputError("new must hold at least one exposure, got none")
    waiting = list(separate(rest))
    _require_count(len(waiting), len(rows) - len(fresh))
    others = iter(waiting)
    final = [fresh[k] if k in fresh else next(others) for k in range(len(rows))]
    old = tuple(None if k in fresh else k for k in range(len(rows)))
    return old, tuple(sorted(fresh)), final


def _require_count(got: int, expected: int) -> None:
    if got != expected:
        raise InvalidInputError(
            f"exposures must be the {expected} other exposures of the mosaic, in the same order, "
            f"got {got}"
        )


def revision(
    mosaic: xr.Dataset,
    old: tuple[int | None, ...],
    gone: tuple[int, ...],
    exposures: xr.Dataset | Iterable[xr.Dataset],
    chunks: Any = None,
    threads: int | None = None,
    rows: Sequence[Row] | None = None,
) -> Revision:
    """Return a revision of a mosaic.

    Parameters
    ----------
    mosaic : Dataset
        The mosaic.
    old, gone
        See `Revision`.
    exposures : iterable of Dataset
        The exposures of the new mosaic, in order.
    chunks : tuple of tuples, optional
        Sizes of the tiles. Default: one tile.
    threads : int, optional
        Threads to use within a tile.
    rows : sequence of dict, optional
        Provenance of the mosaic, with which the exposures are compared. Default: the mosaic is
        not complete, as in an interrupted revision, and has been compared before.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault of it.
    InvalidInputError
        The exposures are not the other exposures of the mosaic.
    """
    options = options_of(mosaic)
    if rows is not None:
        layout_of(mosaic, options)
    given = list(separate(exposures))
    _require_count(len(given) - old.count(None), len(old) - old.count(None))
    job = Job.of_mosaic(mosaic, options)
    admitted = []
    for dataset, before in zip(given, old, strict=True):
        entry = job.admit(dataset)
        if before is not None and rows is not None:
            _require_row(entry.row, rows[before], before)
        admitted.append(entry)
        job = job.after(entry)
    pixels = job.grid.pixels
    tiling = Tiling.of_sizes(chunks, pixels.origin) if chunks else Tiling.whole(pixels)
    parts = parts_of(admitted, job, tiling)
    plan = Plan(job, tiling, tuple(admitted), parts, threads or 1)
    return Revision(
        plan, old, gone, change_margin(options, [rows[k] for k in gone] if rows else [])
    )


def _require_row(given: Row, held: Row, number: int) -> None:
    """Raise an `InvalidInputError` unless an exposure has the provenance that a mosaic holds."""
    different = [name for name in held if not _equal(given.get(name), held[name])]
    if different:
        listed = ", ".join(f"{n}: {held[n]!r} and {given.get(n)!r}" for n in different)
        raise InvalidInputError(
            "exposures must be the other exposures of the mosaic, in the same order, but exposure "
            f"{number} differs (mosaic, then given): {listed}"
        )


def _equal(a: Any, b: Any) -> bool:
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or bool(a == b)


def change_margin(options: Options, rows: Sequence[Row]) -> int | None:
    """Return how far beyond its context an exposure changes pixels, see ``Revision.margin``.

    Lanczos kernels have negative overlaps, which set no bit of the context. A pixel of an exposure
    has a positive overlap with the output pixel nearest to its centre, if output pixels are smaller
    than two input pixels.
    """
    if not options.enable_ctx or options.rejected or options.noise_covariance:
        # The areas of rejected pixels set no bit of the context, and blocks are not pixels.
        return None
    is_whole = options.kernel == "square" and options.pixfrac == 1
    maps_more = options.exposure_map and not is_whole
    if not options.kernel.startswith("lanczos") and not maps_more:
        return 0
    ratios = [float(row.get("pixel_scale_ratio", math.nan)) for row in rows]
    if not all(0 < ratio < 2 for ratio in ratios):
        return None
    # Half a diagonal of a pixel, which may be distorted, is less than 1.5 pixels.
    reach = int(options.kernel[-1]) if options.kernel.startswith("lanczos") else 1.5
    return math.ceil(reach / min(ratios)) + 1
