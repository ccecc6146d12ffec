"""A mosaic written to zarr tile by tile; an interrupted run can be resumed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xresample.arguments import flag, path, shown
from xresample.datamodel import schema
from xresample.datamodel.exposure_sets import NOTHING
from xresample.datamodel.grid import Grid, GridLike
from xresample.datamodel.labels import SETS
from xresample.datamodel.mosaic import plane_attrs
from xresample.datamodel.signatures import spells_options
from xresample.errors import InvalidInputError
from xresample.progress import bar

from .folders import in_use, is_temporary, local_path, new_folder
from .graph import Graph
from .plan import Plan, plan
from .resume import require_same, run_description
from .sources import require_other_store
from .worker import Block, ExposureInput, SharedInput, Tile, compute_tile

PROGRESS = "progress"
"""Group of the store that describes the run, and records which tiles are done."""

DONE = "done"
JOB, READY, EXPECTED = "job", "ready", "expected"
"""Attributes of the group: the description, whether the planes exist, the number of tiles that an
exposure can touch."""


@spells_options
def coadd_to_zarr(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike,
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

    The tiles run on the current dask scheduler: threads, processes, or a cluster whose workers all
    reach the store. A tile is marked as done once all its planes are written. After an
    interruption of any kind, the same call computes the remaining tiles, and the store is
    byte-for-byte the same as without the interruption. Tiles that no exposure touches are not
    written.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures, or a stack of them (see `concat`). Open them lazily, from files.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    store : str, path or zarr store
        The store to write, in zarr format 3.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of the tiles, which are the chunks of the store: as for `coadd`, but all equal.
    overwrite : bool, optional
        Whether to delete an existing store and start again.
    compressors : optional
        Compressors for ``zarr.create_array``; None: no compression, which is fastest.
    threads : int, optional
        Threads to use within a tile. Default: 1, because dask runs several tiles at a time.
    progress : bool, optional
        Whether to show a progress bar that counts tiles (needs tqdm).
    **options
        See `Options`.

    Returns
    -------
    xarray.Dataset
        The mosaic, opened lazily from the store.

    Raises
    ------
    GridMismatchError
        The store holds a mosaic of other exposures, options or tiles; names the differences.
    InvalidInputError
        The store holds something else than a mosaic, the tiles differ in size, or overwriting
        would delete an exposure.
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
    overwrite, progress = flag("overwrite", overwrite), flag("progress", progress)
    store = checked_store(store)
    _require_compressors(compressors)
    planned = plan(exposures, output_wcs, chunks=chunks, threads=threads, **options)
    size = uniform_tiles(planned)
    if overwrite:
        datasets = [exposure.dataset for exposure in planned.exposures]
        require_other_store(local_path(store), store, datasets)
    root = _prepared(planned, store, size, overwrite, compressors)
    done = root[PROGRESS][DONE][:]
    left = [index for index in planned.parts if not done[index]]
    if left:
        with in_use(local_path(store), [*planned.planes, PROGRESS]):
            run_tiles(planned, left, partial(write_tile, store=store), progress)
    return opened_mosaic(store, planned.planes)


def opened_mosaic(store: Any, planes: Iterable[str]) -> xr.Dataset:
    """Return the mosaic of a store, opened lazily."""
    mosaic = xr.open_zarr(store, consolidated=False)
    # Selecting variables would drop the coordinates along ``exposure``, a dimension of no plane.
    found = {name: mosaic[name].variable for name in planes}
    if SETS in found:
        found[SETS] = found[SETS].astype(schema.TEXT_DTYPE)
        found[SETS].encoding = dict(schema.TEXT_ENCODING)
    return _with_fixed_texts(xr.Dataset(found, mosaic.coords, mosaic.attrs))


def checked_store(store: Any) -> Any:
    """Return a store that zarr can open."""
    folder = local_path(store)
    if folder is not None:
        path("store", store if isinstance(store, str | os.PathLike) else folder)
        if folder.exists() and not folder.is_dir():
            raise InvalidInputError(f"store must be a folder, got the file {folder}")
        return store
    zarr = zarr_package()
    is_store = isinstance(store, zarr.abc.store.Store | zarr.storage.StorePath)
    # zarr keeps the content of a store in memory as buffers.
    in_memory = isinstance(store, dict) and all(hasattr(v, "to_bytes") for v in store.values())
    if is_store or in_memory or isinstance(store, str) or hasattr(store, "fs"):
        return store
    raise InvalidInputError(f"store must be a path or a zarr store, got {shown(store)}")


def _require_compressors(compressors: Any) -> None:
    """Raise an error unless zarr can make an array with the compressors."""
    try:
        zarr_package().create_array({}, shape=(1,), dtype="f4", compressors=compressors)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InvalidInputError(
            f"compressors must be compressors of zarr, 'auto' or None, got {shown(compressors)}: "
            f"{error}"
        ) from error


def _with_fixed_texts(mosaic: xr.Dataset) -> xr.Dataset:
    """Return a mosaic with strings of fixed width, as ``coadd`` makes them.

    zarr reads strings as numpy's ``StringDType``, which older xarrays cannot write to netCDF.
    """
    texts = {}
    # Stores of earlier versions have fewer of these strings.
    for name in filter(mosaic.coords.__contains__, (*schema.TEXT, schema.FLAG, schema.WCS)):
        read = mosaic[name].variable
        fixed = np.array(read.values.tolist(), dtype=str)
        texts[name] = xr.Variable(read.dims, fixed, read.attrs, schema.TEXT_ENCODING)
    return mosaic.assign_coords(texts)


def write_tile(
    shared: SharedInput,
    tile: Tile,
    exposures: Sequence[ExposureInput],
    blocks: Sequence[Sequence[Block]],
    *,
    store: Any,
    index: tuple[int, int],
    marks: str = DONE,
    elsewhere: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Compute a tile, write it, and mark it as written; return 1 as an array ``(1, 1)``.

    Parameters
    ----------
    shared, tile, exposures, blocks
        See `compute_tile`.
    store : path or zarr store
        The store.
    index : (int, int)
        Row and column of the tile, among the tiles.
    marks : str, optional
        Array of the group `PROGRESS` that holds the marks of the tiles.
    elsewhere : mapping of str to str, optional
        Arrays of planes that are not written at their names.
    """
    import zarr

    planes = compute_tile(shared, tile, exposures, blocks)
    grid, layout = shared.job.grid, shared.job.layout
    root: Any = zarr.open_group(store, mode="r+")
    summed = layout.by_rule(schema.Rule.BLOCK_SUM)
    for name, plane in planes.items():
        where = place_of(name, tile, index, grid)
        if name in summed:
            first_block = layout.blocks(grid.shape, grid.origin).index(tile.y[0], tile.x[0])
            where = tuple(
                slice(k, k + n) for k, n in zip(first_block, plane.shape[-2:], strict=True)
            )
        root[(elsewhere or {}).get(name, name)][(..., *where)] = plane
    root[PROGRESS][marks][index] = 1
    return np.ones((1, 1), np.uint8)


def place_of(name: str, tile: Tile, index: tuple[int, ...], grid: Grid) -> tuple[slice, ...]:
    """Return where a tile lies along the last two dimensions of a plane of a store.

    Parameters
    ----------
    name : str
        The plane.
    tile : Tile
        The tile.
    index : tuple of int
        Row and column of the tile, among the tiles.
    grid : Grid
        The grid of the mosaic.
    """
    if name == SETS:
        return tuple(slice(k, k + 1) for k in index)
    return grid.pixels.slices(tile.y, tile.x)


def run_tiles(
    planned: Plan, left: list[tuple[int, int]], write: Callable[..., np.ndarray], progress: bool
) -> None:
    """Write the remaining tiles with the current dask scheduler.

    Parameters
    ----------
    planned : Plan
        The plan.
    left : list of tuple
        Row and column of each remaining tile, among the tiles.
    write : callable
        Function that computes and writes a tile, see `write_tile`; it also takes ``index=``.
    progress : bool
        Whether to show a progress bar.
    """
    import dask
    import dask.array as da
    from dask.base import get_scheduler

    graph = Graph(planned)
    name = f"write-{graph.token}"
    rows, columns = planned.tiling.shape
    nothing = np.zeros((1, 1), np.uint8)
    tasks: dict[Any, Any] = {(name, j, i): nothing for j in range(rows) for i in range(columns)}
    for j, i in left:
        tasks[name, j, i] = graph.task(j, i, partial(write, index=(j, i)))
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


def uniform_tiles(planned: Plan) -> tuple[int, int]:
    """Return the size of the tiles; the last row and column may be smaller."""
    sizes = []
    for side in planned.tiling.chunks:
        if len(set(side[:-1])) > 1 or side[-1] > side[0]:
            raise InvalidInputError(
                "Tiles of a zarr store must have the same size along a side, and only the last "
                f"tile may be smaller, got {side} pixels: choose one size per side in chunks"
            )
        sizes.append(side[0])
    return sizes[0], sizes[1]


def _prepared(
    planned: Plan, store: Any, size: tuple[int, int], overwrite: bool, compressors: Any
) -> Any:
    """Return the group of a store that holds everything but the tiles; make it if necessary."""
    job = run_description(planned, size)
    root = opened(store)
    if not overwrite:
        if root is not None and PROGRESS in root:
            require_same(job, root[PROGRESS].attrs.get(JOB), store)
            if root[PROGRESS].attrs.get(READY):
                return root
        else:
            _require_empty(store, root)
    folder = local_path(store)
    if folder is None:
        return _made(planned, store, job, size, compressors, overwrite)
    with new_folder(folder, replace=overwrite or root is not None) as fresh:
        _made(planned, fresh, job, size, compressors, overwrite=False)
    root = opened(store)
    require_same(job, root[PROGRESS].attrs.get(JOB), store)
    return root


def require_usable(store: Any, overwrite: bool) -> None:
    """Raise an error if a store cannot take a mosaic, for callers with long work before."""
    root = opened(checked_store(store))
    if not (overwrite or (root is not None and PROGRESS in root)):
        _require_empty(store, root)


def _require_empty(store: Any, root: Any) -> None:
    """Raise an error if a store, whose group is None if it does not exist, holds anything."""
    if found := _content(store, root):
        raise InvalidInputError(
            f"store must be new or hold a mosaic of coadd_to_zarr, but {store} holds "
            f"{', '.join(sorted(found))}: use another store, or overwrite=True to delete them"
        )


def _made(
    planned: Plan, store: Any, job: Any, size: tuple[int, int], compressors: Any, overwrite: bool
) -> Any:
    """Return the group of a new store that holds everything but the tiles."""
    root = zarr_package().open_group(store, mode="w" if overwrite else "a", zarr_format=3)
    # The description is written first, then the empty planes, then the mark that the planes exist.
    # If a run is interrupted before the mark, the next run makes the planes again.
    if PROGRESS not in root:
        root.create_group(PROGRESS)
    root[PROGRESS].attrs.put({JOB: job, READY: False})
    _allocate(planned, root, size, compressors)
    root[PROGRESS].attrs.put({JOB: job, READY: True, EXPECTED: len(planned.parts)})
    return root


def zarr_package() -> Any:
    """Return the package, or raise an error that tells how to install it."""
    try:
        import zarr
    except ImportError:
        raise InvalidInputError(
            "coadd_to_zarr needs zarr, which is not installed: pip install 'xresample[dask]'"
        ) from None
    return zarr


def opened(store: Any) -> Any:
    """Return the group of a store; None if the store does not exist."""
    zarr = zarr_package()
    try:
        return zarr.open_group(store, mode="r+")
    except (FileNotFoundError, zarr.errors.ContainsArrayError):
        return None


def _content(store: Any, root: Any) -> list[str]:
    """Return the names of everything in a store, apart from temporary files of zarr."""
    if root is not None:
        return [*(name for name, _ in root.members()), *root.attrs]
    folder = local_path(store)
    if folder is None or not folder.is_dir():
        return []
    return [entry.name for entry in folder.iterdir() if not is_temporary(entry)]


def _allocate(planned: Plan, root: Any, size: tuple[int, int], compressors: Any) -> None:
    """Write the coordinates, the provenance of the exposures, and empty planes."""
    write_labels(planned, root)
    for name in planned.planes:
        create_plane(planned, root, name, size, compressors)
    create_marks(planned, root, DONE)


def create_marks(planned: Plan, root: Any, name: str) -> None:
    """Create the array of the marks of tiles; no tile is marked."""
    root[PROGRESS].create_array(
        name,
        shape=planned.tiling.shape,
        chunks=(1, 1),
        dtype="uint8",
        fill_value=0,
        overwrite=True,
    )


def write_labels(planned: Plan, root: Any, kept: tuple[str, ...] = ()) -> None:
    """Write the coordinates, the provenance and the attributes of a mosaic.

    Parameters
    ----------
    planned : Plan
        The plan of the mosaic.
    root : zarr.Group
        The group of the store.
    kept : tuple of str
        Coordinates that the store has already.
    """
    labels = planned.dataset({})
    for name in schema.TEXT:
        labels[name].encoding.update(schema.TEXT_ENCODING)
    for name in filter(root.__contains__, map(str, labels.drop_vars(kept).variables)):
        # Strings of an interrupted run read as another type, and xarray compares types, so the
        # old variable is deleted.
        del root[name]
    how: dict[str, Any] = {"mode": "a", "consolidated": False, "zarr_format": 3}
    labels.drop_vars(kept).to_zarr(root.store, **how)
    if kept:
        # xarray lists the coordinates that it writes in an attribute, which must name all.
        whole = zarr_package().storage.MemoryStore()
        labels.to_zarr(whole, **how)
        root.attrs.put(dict(opened(whole).attrs))


def create_plane(
    planned: Plan, root: Any, name: str, size: tuple[int, int], compressors: Any, at: str = ""
) -> Any:
    """Create an empty plane of a mosaic, by default at its name, and return the array."""
    options, layout = planned.job.options, planned.job.layout
    row = layout.planes[name]
    shape = layout.shape(name, planned.shape, planned.n_exposures, planned.origin)
    dtype: Any = layout.dtype(name, options).name
    fill: Any = NOTHING
    if row.rule is schema.Rule.BLOCK_SUM:
        size = max(planned.block_chunks[0]), max(planned.block_chunks[1])
    if row.rule is schema.Rule.SETS:
        shape, size, dtype = planned.tiling.shape, (1, 1), str
    else:
        fill = layout.identity(name, options)
    return root.create_array(
        at or name,
        shape=shape,
        chunks=(*shape[:-2], *size),
        dtype=dtype,
        # A chunk that is not written reads as the fill value.
        fill_value=fill,
        compressors=compressors,
        attributes=plane_attrs(name, layout, planned.job.plane_units, options, planned.planes),
        dimension_names=row.dims,
        overwrite=True,
    )
