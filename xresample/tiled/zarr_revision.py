"""Drop and replace exposures of a mosaic in a zarr store, in place; a run can be resumed.

A revision has two steps, so that it can be interrupted at any moment:

1. Tiles that change are computed and written. The context, which changes everywhere because the
   exposures get other numbers, is written to a second array; the old one stays complete.
2. The second context, the provenance and the description of the mosaic take the place of the old
   ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from xresample.arguments import flag
from xresample.datamodel import context, provenance, schema
from xresample.datamodel.coordinates import wcs_variable
from xresample.datamodel.exposure_sets import NOTHING, ExposureSets, text_array
from xresample.datamodel.labels import LABELS, SETS
from xresample.datamodel.provenance import Row
from xresample.errors import GridMismatchError, InvalidInputError

from .folders import in_use, local_path
from .plan import Plan
from .resume import run_description
from .revision import Revision, dropping, replacing, revision
from .zarr_store import (
    DONE,
    EXPECTED,
    JOB,
    PROGRESS,
    READY,
    checked_store,
    create_marks,
    create_plane,
    opened,
    opened_mosaic,
    place_of,
    run_tiles,
    uniform_tiles,
    write_labels,
    write_tile,
)

_RULES = schema.Rule.CONTEXT, schema.Rule.LABELS, schema.Rule.SETS
CONTEXT = tuple(row.name for row in schema.MOSAIC if row.rule in _RULES)
"""Planes of the context, with one bit or one label per pixel."""

CON = CONTEXT[0]

_SECOND = {name: f"{PROGRESS}/{name}" for name in CONTEXT}
"""The array of the second context for each plane of the context."""

_REVISION, _REVISED, _STEP = "revision", "revised", "step"
_TILES, _SWAP = "tiles", "swap"

Order = Callable[
    [Sequence[Row]], tuple[tuple[int | None, ...], tuple[int, ...], Iterable[xr.Dataset]]
]
"""Returns ``Revision.old``, ``Revision.gone`` and the exposures from the provenance."""


def drop_from_zarr(
    store: Any,
    names: str | int | Iterable[str | int],
    *,
    exposures: xr.Dataset | Iterable[xr.Dataset],
    threads: int | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Drop exposures from the mosaic in a zarr store, in place.

    The store then holds the mosaic that `coadd_to_zarr` makes of the other exposures, bit for
    bit. Only the tiles that the dropped exposures touch are computed. After an interruption of any
    kind, the same call completes the work; until then the store holds a mixture.

    Parameters
    ----------
    store : str, path or zarr store
        The store, written by `coadd_to_zarr`.
    names : str, int or iterable of these
        The exposures to drop, by ``filename`` (all exposures of the file) or number.
    exposures : Dataset or iterable of Dataset
        The other exposures of the mosaic, in the same order.
    threads : int, optional
        Threads to use within a tile. Default: 1, because dask runs several tiles at a time.
    progress : bool, optional
        Whether to show a progress bar that counts the tiles that are computed (needs tqdm).

    Returns
    -------
    xarray.Dataset
        The mosaic, opened lazily from the store.

    Raises
    ------
    InvalidInputError
        The store holds no finished mosaic, the mosaic has no such exposure, or ``exposures`` are
        not its other exposures.
    GridMismatchError
        Another revision of the store has been interrupted.
    InvalidExposureError
        An exposure cannot be used; lists every fault.

    Examples
    --------
    >>> import numpy as np, tempfile, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS(naxis=2)
    >>> wcs.wcs.ctype, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [-1e-5, 1e-5]
    >>> wcs.array_shape = (20, 20)
    >>> good, bad = (xrs.make_exposure(np.full((20, 20), value), wcs, filename=name)
    ...              for value, name in ((1.0, "good.fits"), (9.0, "bad.fits")))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = folder + "/mosaic.zarr"
    ...     _ = xrs.coadd_to_zarr([good, bad], wcs, store, chunks=16, weight_type=None)
    ...     mosaic = xrs.drop_from_zarr(store, "bad.fits", exposures=[good])
    ...     float(mosaic["data"].max())
    1.0
    """

    def order(rows: Sequence[Row]) -> tuple[tuple[int | None, ...], tuple[int, ...], Any]:
        gone, stay = dropping(rows, names)
        return stay, gone, exposures

    return _revise(store, order, threads, flag("progress", progress))


def replace_in_zarr(
    store: Any,
    new: xr.Dataset | Iterable[xr.Dataset],
    *,
    exposures: xr.Dataset | Iterable[xr.Dataset],
    threads: int | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Replace exposures of the mosaic in a zarr store by others of the same names, in place.

    Only the tiles that the old and the new exposures touch are computed, and an interrupted call
    can be resumed, as for `drop_from_zarr`.

    Parameters
    ----------
    store : str, path or zarr store
        The store, written by `coadd_to_zarr`.
    new : Dataset or iterable of Dataset
        The new exposures, each with the ``filename`` of the exposure that it replaces.
    exposures : Dataset or iterable of Dataset
        The other exposures of the mosaic, in the same order.
    threads : int, optional
        Threads to use within a tile. Default: 1, because dask runs several tiles at a time.
    progress : bool, optional
        Whether to show a progress bar that counts the tiles that are computed (needs tqdm).

    Returns
    -------
    xarray.Dataset
        The mosaic, opened lazily from the store.

    Raises
    ------
    InvalidInputError
        The store holds no finished mosaic, the mosaic does not have exactly one exposure with the
        name of each new exposure, or ``exposures`` are not its other exposures.
    GridMismatchError
        Another revision of the store has been interrupted.
    InvalidExposureError
        An exposure cannot be used; lists every fault.

    Examples
    --------
    >>> import tempfile, xresample as xrs
    >>> old, rest = xrs.tutorial.open_exposures("jwst", count=2, size=40)
    >>> new = old.assign(data=2 * old["data"])
    >>> grid = xrs.fit_wcs([old, rest])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = folder + "/mosaic.zarr"
    ...     _ = xrs.coadd_to_zarr([old, rest], grid, store, chunks=32)
    ...     mosaic = xrs.replace_in_zarr(store, new, exposures=[rest]).load()
    >>> mosaic["data"].equals(xrs.coadd([new, rest], grid)["data"])
    True
    """
    return _revise(
        store, lambda rows: replacing(rows, new, exposures), threads, flag("progress", progress)
    )


def _revise(store: Any, order: Order, threads: int | None, progress: bool) -> xr.Dataset:
    """Revise the mosaic in a store, or complete an interrupted revision."""
    store = checked_store(store)
    root = _finished(store)
    record = root[PROGRESS].attrs.get(_REVISION)
    swapping = record is not None and record[_STEP] == _SWAP
    if swapping:
        # The provenance may be half written, but the grid and the options are complete.
        rows: Sequence[Row] = [{"filename": name} for name in record["filenames"]]
        mosaic = _grid_of(root)
    else:
        mosaic = xr.open_zarr(store, consolidated=False)
        rows = provenance.rows_of(mosaic)
    old, gone, exposures = order(rows)
    sides = tuple(
        tuple(min(size, length - start) for start in range(0, length, size))
        for size, length in zip(root["wht"].chunks, root["wht"].shape, strict=True)
    )
    revised = revision(mosaic, old, gone, exposures, sides, threads, None if swapping else rows)
    if revised.plan.job.options.noise_covariance:
        raise InvalidInputError(
            "A store with noise_covariance cannot be revised in place: make the mosaic again with "
            "coadd_to_zarr(..., overwrite=True), or use drop and replace of the accessor"
        )
    size = uniform_tiles(revised.plan)
    wanted: dict[str, Any] = {
        JOB: run_description(revised.plan, size),
        "old": [-1 if number is None else number for number in old],
        "gone": list(gone),
        "filenames": [row["filename"] for row in rows],
    }
    if record is not None and any(record[name] != value for name, value in wanted.items()):
        raise GridMismatchError(
            f"Another revision of {store} has been interrupted: repeat the call that began it"
        )
    with in_use(local_path(store), [*revised.plan.planes, PROGRESS]):
        if record is None:
            _begin(root, revised, size)
            root[PROGRESS].attrs[_REVISION] = {**wanted, _STEP: _TILES}
        if not swapping:
            _write_tiles(root, revised, store, progress)
            root[PROGRESS].attrs[_REVISION] = {**wanted, _STEP: _SWAP}
        _swap(root, revised, size, wanted[JOB])
    return opened_mosaic(store, revised.plan.planes)


def _finished(store: Any) -> Any:
    """Return the group of a store that holds a complete mosaic."""
    root = opened(store)
    ready = root is not None and PROGRESS in root and root[PROGRESS].attrs.get(READY)
    if not ready:
        raise InvalidInputError(f"store must hold a mosaic of coadd_to_zarr, but {store} does not")
    if "wht" not in root or not (root[PROGRESS].attrs.get(_REVISION) or _is_complete(root)):
        raise InvalidInputError(
            f"store must hold a finished mosaic, but tiles of {store} are missing: repeat the call "
            "of coadd_to_zarr first"
        )
    return root


def _is_complete(root: Any) -> bool:
    """Tell whether no tile of a store is left, according to the number of tiles to write."""
    expected = root[PROGRESS].attrs.get(EXPECTED)
    return expected is None or int((root[PROGRESS][DONE][:] != 0).sum()) >= expected


def _grid_of(root: Any) -> xr.Dataset:
    """Return the grid and the options of a store as a Dataset without planes."""
    coords: dict[str, Any] = {name: (name, root[name][:]) for name in schema.PIXELS}
    coords[schema.WCS] = wcs_variable(str(root[schema.WCS][()]))
    return xr.Dataset(coords=coords, attrs=dict(root.attrs))


def _begin(root: Any, revised: Revision, size: tuple[int, int]) -> None:
    """Make the second context, the list of revised tiles, and planes that are new."""
    planned = revised.plan
    for name in planned.planes:
        if name not in root:
            create_plane(planned, root, name, size, root["wht"].compressors)
    for name in _context_planes(planned):
        create_plane(planned, root, name, size, root[name].compressors, _SECOND[name])
    create_marks(planned, root, _REVISED)


def _write_tiles(root: Any, revised: Revision, store: Any, progress: bool) -> None:
    """Write the tiles that change, and the second context of all others."""
    done = root[PROGRESS][_REVISED][:]
    changed = []
    for j, i in np.argwhere(done == 0).tolist():
        if _changes(root, revised, j, i):
            changed.append((j, i))
        else:
            _renumber(root, revised, j, i)
    if changed:
        write = partial(write_tile, store=store, marks=_REVISED, elsewhere=_SECOND)
        run_tiles(revised.plan, changed, write, progress)


def _changes(root: Any, revised: Revision, j: int, i: int) -> bool:
    """Tell whether a tile may change."""
    margin = revised.margin
    if margin is None or (j, i) in revised.new_tiles:
        return True
    rows, columns = _slices(revised, j, i)
    ny, nx = revised.plan.shape
    at_border = min(rows.start, columns.start, ny - rows.stop, nx - columns.stop) < margin
    if at_border:
        return True
    wide = [slice(max(0, s.start - margin), s.stop + margin) for s in (rows, columns)]
    if LABELS in root:
        return _touches_labels(root, revised, wide)
    return bool(revised.changed(root[CON][:, wide[0], wide[1]]).any())


def _touches_labels(root: Any, revised: Revision, window: Sequence[slice]) -> bool:
    """Tell whether exposures that leave contribute to a window, according to labels."""
    tiling, grid = revised.plan.tiling, revised.plan.job.grid
    y, x = (
        range(side.start + first, min(side.stop + first, edges[-1]))
        for side, first, edges in zip(window, (grid.y0, grid.x0), (tiling.y, tiling.x), strict=True)
    )
    (j0, i0), (j1, i1) = tiling.blocks.index(y[0], x[0]), tiling.blocks.index(y[-1], x[-1])
    for j, i in product(range(j0, j1 + 1), range(i0, i1 + 1)):
        there = ExposureSets.from_text(root[SETS][j : j + 1, i : i + 1][0, 0]).has_any(revised.gone)
        if there.any():
            rows, columns = _slices(revised, j, i)
            part = root[LABELS][
                max(rows.start, window[0].start) : min(rows.stop, window[0].stop),
                max(columns.start, window[1].start) : min(columns.stop, window[1].stop),
            ]
            if there[part].any():
                return True
    return False


def _slices(revised: Revision, j: int, i: int) -> tuple[slice, slice]:
    """Return the rows and columns of a tile in the arrays of a store."""
    return revised.plan.job.grid.pixels.slices(*revised.plan.tiling.tile(j, i))


def _context_planes(planned: Plan) -> list[str]:
    """Return the planes of the context that a mosaic has."""
    return [name for name in CONTEXT if name in planned.planes]


def _renumber(root: Any, revised: Revision, j: int, i: int) -> None:
    """Write the second context of a tile that does not change otherwise."""
    tile = revised.plan.tile(j, i)
    for name in _context_planes(revised.plan):
        where = (..., *place_of(name, tile, (j, i), revised.plan.job.grid))
        held = root[name][where]
        if name == CON and held.any():
            root[_SECOND[name]][where] = context.renumbered(held, revised.old)
        elif name == LABELS and held.any():
            root[_SECOND[name]][where] = held
        elif name == SETS and held[0, 0] != NOTHING:
            sets = ExposureSets.from_text(held[0, 0]).renumbered(revised.old)
            root[_SECOND[name]][where] = text_array(sets)
    root[PROGRESS][_REVISED][j, i] = 1


def _swap(root: Any, revised: Revision, size: tuple[int, int], job: dict[str, Any]) -> None:
    """Put the second context, the provenance and the description in the place of the old ones."""
    planned = revised.plan
    for name in _context_planes(planned):
        second = root[_SECOND[name]]
        first = create_plane(planned, root, name, size, second.compressors)
        empty = NOTHING if name == SETS else 0
        for index in np.ndindex(*planned.tiling.shape):
            where = (..., *place_of(name, planned.tile(*index), index, planned.job.grid))
            held = second[where]
            if (held != empty).any():
                first[where] = held
    known = {row.name for row in schema.MOSAIC if not row.per_variance}
    for name, _ in list(root.arrays()):
        is_plane = name in known or name.startswith(schema.VARIANCE_PREFIX)
        if is_plane and name not in planned.planes:
            del root[name]
    image = root["data"]
    image.attrs.put({**image.attrs, **schema.ancillary(planned.planes)})
    write_labels(planned, root, kept=(*schema.PIXELS, schema.WCS))
    done = np.zeros(planned.tiling.shape, np.uint8)
    for index in planned.parts:
        done[index] = 1
    root[PROGRESS][DONE][:] = done
    root[PROGRESS].attrs.put({JOB: job, READY: True, EXPECTED: len(planned.parts)})
    for name in (*CONTEXT, _REVISED):
        if name in root[PROGRESS]:
            del root[PROGRESS][name]
