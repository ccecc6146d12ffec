"""What is done to mosaics: start, add, co-add, merge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import chain, islice
from typing import Any

import xarray as xr

from xresample.accumulate.accumulator import Accumulator, is_mosaic, target_of
from xresample.datamodel.exposure import Exposure
from xresample.errors import InvalidInputError
from xresample.progress import bar
from xresample.tiled.graph import lazy
from xresample.tiled.plan import plan

from .merge import merged

__all__ = ["add", "coadd", "empty_mosaic", "merge", "onto"]


def empty_mosaic(output_wcs: Any, *, n_exposures: int = 0, **options: Any) -> xr.Dataset:
    """Return a mosaic of nothing, to add exposures to.

    Parameters
    ----------
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid: a WCS with a shape, a Dataset whose grid to take, a dict with ``"wcs"`` and
        optionally ``"pixel_scale"`` (arcsec) and ``"pixel_scale_ratio"``, or a shape
        ``(y, x)`` for data without a WCS.
    n_exposures : int, optional
        Exposures that are expected: allocates their context planes at once.
    **options
        See `Options`: ``kernel="square"``, ``pixfrac=1.0``, ``fillval=0.0``,
        ``weight_type="ivm"``, ``good_bits=0``, ...

    Returns
    -------
    xarray.Dataset
        The mosaic: complete, and writable with ``to_netcdf``.

    Raises
    ------
    InvalidInputError
        An option is unknown or out of range, or the grid has no pixel.
    UnsupportedWCSError
        The WCS has the wrong axes.

    Examples
    --------
    >>> import xresample as xrs
    >>> mosaic = xrs.empty_mosaic((4, 5), kernel="point", pixfrac=0)
    >>> dict(mosaic["con"].sizes)
    {'plane': 1, 'y': 4, 'x': 5}
    """
    return _start(output_wcs, options, n_exposures).dataset()


def coadd(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: Any,
    *,
    chunks: Any = None,
    threads: int | None = None,
    progress: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Co-add exposures onto a grid with the drizzle algorithm.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures; taken one at a time, so a generator keeps one in memory. With
        ``chunks`` all are kept until the mosaic is computed: best opened lazily, from files.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    chunks : int, tuple, mapping or "auto", optional
        Return at once, with a mosaic of dask arrays: these are the sizes of its tiles, each of
        which is computed from only the exposures that can touch it. With ``"auto"`` all planes
        of a tile together have the size of dask's ``array.chunk-size``. Changes no bit of the
        result.
    threads : int, optional
        Threads to use; by default one a processor, and one a tile with ``chunks``. Changes no bit
        of the result.
    progress : bool, optional
        Show a progress bar (needs tqdm).
    **options
        See `Options`.

    Returns
    -------
    xarray.Dataset
        The mosaic.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault of it.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144, equations 3 to 5 (doi:10.1086/338393).

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> shift = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1) + 0.5
    >>> exposure = xrs.make_exposure(np.ones((4, 5)), exposure_time=10.0)
    >>> mosaic = xrs.empty_mosaic((6, 7), weight_type="exptime").resample.add(
    ...     exposure, pixmap=shift)
    >>> float(mosaic["wht"].sum()), mosaic.attrs["exposure_time"]
    (200.0, 10.0)
    """
    if isinstance(exposures, xr.Dataset):
        exposures = [exposures]
    if chunks is not None:
        if progress:
            raise InvalidInputError(
                "progress=True with chunks=: nothing is computed yet. Show the progress of what "
                "computes the mosaic: dask.diagnostics.ProgressBar, or coadd_to_zarr(progress=True)"
            )
        return lazy(plan(exposures, output_wcs, chunks=chunks, threads=threads, **options))
    expected = len(exposures) if isinstance(exposures, Sized) else 0
    state = _start(output_wcs, options, expected)
    for exposure in _shown(exposures, progress):
        state.add(exposure, threads=threads)
    return state.dataset()


def add(
    mosaic: xr.Dataset,
    exposures: Iterable[xr.Dataset],
    *,
    pixmap: Any = None,
    threads: int | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Return a mosaic with further exposures; the one given stays as it is."""
    waiting = _shown(exposures, progress)
    first = list(islice(waiting, 1))
    # The planes of the first exposure's variances are allocated with the others, not after them.
    more = Exposure(first[0]).variances if first and isinstance(first[0], xr.Dataset) else ()
    state = Accumulator.open(mosaic, more, threads)
    for number, exposure in enumerate(chain(first, waiting)):
        if pixmap is not None and number:
            raise InvalidInputError(
                "pixmap= belongs to one exposure: add exposures with a pixmap one by one"
            )
        state.add(exposure, pixmap, threads)
    return state.dataset()


def onto(
    exposure: xr.Dataset,
    output_wcs: Any,
    *,
    pixmap: Any = None,
    threads: int | None = None,
    **options: Any,
) -> xr.Dataset:
    """Return a mosaic of one exposure on another grid."""
    state = _start(output_wcs, options, 1)
    state.add(exposure, pixmap, threads)
    return state.dataset()


def merge(first: xr.Dataset, *others: xr.Dataset) -> xr.Dataset:
    """Return the mosaic of the exposures of several mosaics on one grid.

    Parameters
    ----------
    first : Dataset
        A mosaic: its exposures come first.
    *others : Dataset
        Mosaics on the same grid, with the same options.

    Returns
    -------
    xarray.Dataset
        A new mosaic.

    Raises
    ------
    GridMismatchError
        The mosaics differ in grid or options; names the differences.

    Examples
    --------
    >>> import xresample as xrs
    >>> xrs.merge(xrs.empty_mosaic((4, 5)), xrs.empty_mosaic((4, 6)))
    Traceback (most recent call last):
        ...
    xresample.errors.GridMismatchError: The mosaics are on different grids, ...
    """
    for given in (first, *others):
        if not is_mosaic(given):
            raise InvalidInputError(
                "merge needs mosaics, as empty_mosaic and coadd make: given was "
                f"{'a Dataset that is none' if isinstance(given, xr.Dataset) else type(given)}"
            )
    state = Accumulator.open(first)
    for other in others:
        state = merged(state, Accumulator.open(other))
    return state.dataset()


def _start(output_wcs: Any, options: dict[str, Any], exposures: int) -> Accumulator:
    return Accumulator.new(*target_of(output_wcs, options), exposures)


def _shown(exposures: Iterable[xr.Dataset], progress: bool) -> Iterator[xr.Dataset]:
    """Yield exposures, and count them in a progress bar when asked for."""
    total = len(exposures) if isinstance(exposures, Sized) else None
    with bar(progress, total=total, desc="co-adding", unit="exposure") as shown:
        for exposure in exposures:
            yield exposure
            shown.update()
