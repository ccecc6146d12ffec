"""A mosaic written to zarr tile by tile, which goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.accumulator import identity_of, plane_names
from xresample.datamodel import schema
from xresample.datamodel.context import n_planes
from xresample.errors import InvalidInputError
from xresample.progress import bar

from .graph import Graph
from .plan import Plan, plan
from .resume import described, require_same
from .worker import Block, Job, Source, Tile, compute_tile

PROGRESS = "progress"
"""Group of the store that says what it is made of, and which tiles are done."""

DONE = "done"
_JOB, _READY = "job", "ready"

_PARTIAL = ".partial"
"""Suffix of the files that zarr writes before it gives them their names."""


def coadd_to_zarr(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: Any,
    store: Any,
    *,
    chunks: Any = "auto",
    overwrite: bool = False,
    compressors: Any = "auto",
    threads: int | None = None,
    progress: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Co-add exposures into a zarr store, tile by tile, in bounded memory.

    Runs on the dask scheduler in use: threads, processes, or a cluster whose workers all reach
    the store. A tile is marked as done once all its planes are written. The same call, after
    an interruption of any kind, does the tiles that are left, and the store is the same to the
    byte as without. Tiles that no exposure touches are not written.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures, best opened lazily from files.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    store : str, path or zarr store
        Where to write, in format 3 of zarr.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of the tiles, and of the chunks of the store: as for `coadd`, but all the same.
    overwrite : bool, optional
        Delete what is there and start afresh.
    compressors : optional
        As ``zarr.create_array`` takes them; None: no compression, which is fastest.
    threads : int, optional
        Threads to use within a tile, one by default: dask does several tiles at a time.
    progress : bool, optional
        Show a bar that counts tiles (needs tqdm).
    **options
        See `Options`.

    Returns
    -------
    xarray.Dataset
        The mosaic, opened from the store and not read yet.

    Raises
    ------
    GridMismatchError
        The store holds a mosaic of other exposures, options or tiles; names what differs.
    InvalidInputError
        The store holds something else, or tiles differ in size.
    InvalidExposureError
        An exposure cannot be used; lists every fault of it.

    Examples
    --------
    >>> import numpy as np, tempfile, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS(naxis=2)
    >>> wcs.wcs.ctype, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [-1e-5, 1e-5]
    >>> wcs.array_shape = (40, 40)
    >>> exposure = xrs.make_exposure(np.ones((20, 20), "f4"), wcs, exposure_time=10.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mosaic = xrs.coadd_to_zarr([exposure], wcs, folder + "/mosaic.zarr", chunks=16,
    ...                                weight_type="exptime")
    ...     float(mosaic["wht"].sum())
    4000.0
    """
    planned = plan(exposures, output_wcs, chunks=chunks, threads=threads, **options)
    size = _uniform(planned)
    root = _prepared(planned, store, size, overwrite, compressors)
    done = root[PROGRESS][DONE][:]
    left = [index for index in planned.parts if not done[index]]
    if left:
        _sweep(store)
        _run(planned, left, store, progress)
    mosaic = xr.open_zarr(store, consolidated=False)
    planes = plane_names(planned.job.layout, planned.job.options)
    return mosaic[[*planes, *(row.name for row in schema.PROVENANCE)]]


def write_tile(
    job: Job,
    tile: Tile,
    sources: Sequence[Source],
    blocks: Sequence[Sequence[Block]],
    store: Any,
    index: Sequence[int],
) -> np.ndarray:
    """Compute a tile and write it, then mark it as done; return 1 as an array ``(1, 1)``."""
    import zarr

    planes = compute_tile(job, tile, sources, blocks)
    root: Any = zarr.open_group(store, mode="r+")
    rows, columns = (
        slice(side.start - first, side.stop - first)
        for side, first in ((tile.y, job.grid.y0), (tile.x, job.grid.x0))
    )
    for name, plane in planes.items():
        root[name][..., rows, columns] = plane
    root[PROGRESS][DONE][tuple(index)] = 1
    return np.ones((1, 1), np.uint8)


def _run(planned: Plan, left: list[tuple[int, int]], store: Any, progress: bool) -> None:
    """Write the tiles that are left, with the scheduler in use."""
    import dask
    import dask.array as da
    from dask.base import get_scheduler

    graph = Graph(planned)
    name = f"write-{graph.token}"
    rows, columns = planned.tiling.shape
    nothing = np.zeros((1, 1), np.uint8)
    tasks: dict[Any, Any] = {(name, j, i): nothing for j in range(rows) for i in range(columns)}
    for j, i in left:
        tasks[name, j, i] = graph.task(j, i, partial(write_tile, store=store, index=(j, i)))
    one_each = ((1,) * rows, (1,) * columns)
    written = da.Array(graph.layers(name, tasks), name, one_each, dtype=np.uint8)
    keys = {(name, j, i) for j, i in left}
    with bar(progress, total=len(left), desc="co-adding", unit="tile") as shown:
        client = getattr(get_scheduler(collections=[written]), "__self__", None)
        if client is not None:
            from distributed import as_completed, futures_of

            for future in as_completed(futures_of(written.persist())):
                future.result()
                if future.key in keys:
                    shown.update()
            return

        def count(key: Any, *_: Any) -> None:
            if key in keys:
                shown.update()

        with dask.callbacks.Callback(posttask=count):
            written.compute(optimize_graph=False)


def _uniform(planned: Plan) -> tuple[int, int]:
    """Return the size of the tiles; those at the far ends may be smaller."""
    sizes = []
    for side in planned.tiling.chunks:
        if len(set(side[:-1])) > 1 or side[-1] > side[0]:
            raise InvalidInputError(
                f"Tiles of {side} pixels along one side: the chunks of a zarr store all have the "
                "same size, but for the last"
            )
        sizes.append(side[0])
    return sizes[0], sizes[1]


def _prepared(
    planned: Plan, store: Any, size: tuple[int, int], overwrite: bool, compressors: Any
) -> Any:
    """Return the group of a store that has all but the tiles: found there, or made."""
    zarr = _zarr()
    job = described(planned, size)
    root = _opened(store)
    if overwrite:
        if root is not None and PROGRESS in root:
            # What is half deleted must not count as done.
            root[PROGRESS].attrs[_READY] = False
        root = zarr.open_group(store, mode="w", zarr_format=3)
    elif root is None:
        _require_empty(store, _files(store))
        root = zarr.open_group(store, mode="a", zarr_format=3)
    if PROGRESS in root:
        require_same(job, root[PROGRESS].attrs.get(_JOB), store)
        if root[PROGRESS].attrs.get(_READY):
            return root
    else:
        _require_empty(store, [*(name for name, _ in root.members()), *root.attrs])
        root.create_group(PROGRESS, attributes={_JOB: job, _READY: False})
    # First what is being made, in one write, then the room for it, then that the room is there:
    # after an interruption in between this is done again.
    _make_room(planned, root, size, compressors)
    root[PROGRESS].attrs.put({_JOB: job, _READY: True})
    return root


def _zarr() -> Any:
    """Return the package, or say that it is not installed."""
    try:
        import zarr
    except ImportError:
        raise InvalidInputError(
            "coadd_to_zarr needs zarr, which is not installed: pip install 'xresample[dask]'"
        ) from None
    return zarr


def _opened(store: Any) -> Any:
    """Return the group of a store; None where there is none."""
    zarr = _zarr()
    try:
        return zarr.open_group(store, mode="r+")
    except (FileNotFoundError, zarr.errors.ContainsArrayError):
        return None


def _folder(store: Any) -> Path | None:
    """Return the folder of a store on a file system, where there is one."""
    from zarr.storage import LocalStore

    folder = store.root if isinstance(store, LocalStore) else store
    found = Path(folder) if isinstance(folder, str | PathLike) else None
    return found if found is not None and found.is_dir() else None


def _files(store: Any) -> list[str]:
    """Return what lies in the folder of a store, but for what an interruption left there."""
    folder = _folder(store)
    return [] if folder is None else [p.name for p in folder.iterdir() if p.suffix != _PARTIAL]


def _sweep(store: Any) -> None:
    """Remove what an interruption left of files that were being written."""
    folder = _folder(store)
    for path in () if folder is None else folder.rglob(f"*{_PARTIAL}"):
        path.unlink(missing_ok=True)


def _require_empty(store: Any, found: list[str]) -> None:
    """Raise an `InvalidInputError` that says what a store holds, other than a mosaic."""
    if found:
        raise InvalidInputError(
            f"{store} holds {sorted(found)}, and no record of tiles: give another store, or "
            "overwrite=True to delete what is there"
        )


def _make_room(planned: Plan, root: Any, size: tuple[int, int], compressors: Any) -> None:
    """Write the coordinates, what is kept of the exposures, and empty planes."""
    options, layout = planned.job.options, planned.job.layout
    names = plane_names(layout, options)
    labels = planned.dataset({})
    for name in schema.TEXT:
        labels[name].encoding.update(schema.TEXT_ENCODING)
    for name in filter(root.__contains__, map(str, labels.variables)):
        # From an interrupted run: xarray would compare types, and read texts as another one.
        del root[name]
    labels.to_zarr(root.store, mode="a", consolidated=False, zarr_format=3)
    for name in names:
        row = schema.require_row(schema.MOSAIC, name)
        planes = (n_planes(planned.n_exposures),) if name == "con" else ()
        identity = identity_of(name, layout, options)
        root.create_array(
            name,
            shape=(*planes, *planned.shape),
            chunks=(*planes, *size),
            dtype=schema.plane_dtype(name, options.dtype),
            # A chunk that nobody writes reads as this.
            fill_value=identity,
            compressors=compressors,
            attributes=schema.variable_attrs(name, row, planned.units, options.weight_type),
            dimension_names=row.dims,
            overwrite=True,
        )
    tiles = planned.tiling.shape
    root[PROGRESS].create_array(
        DONE, shape=tiles, chunks=(1, 1), dtype="uint8", fill_value=0, overwrite=True
    )
