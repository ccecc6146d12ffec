"""Start a mosaic, add exposures to it, co-add exposures, merge mosaics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import chain, islice
from typing import Any

import xarray as xr

from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.job import Job
from xresample.arguments import flag, whole
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import GridLike
from xresample.datamodel.mosaic import described, is_mosaic, with_further_coords
from xresample.datamodel.signatures import spells_options
from xresample.datamodel.stack import separate
from xresample.errors import InvalidInputError
from xresample.progress import bar
from xresample.tiled.graph import lazy_mosaic
from xresample.tiled.plan import plan

from .merge import merged

MAX_EXPOSURES = 1_000_000
"""Maximum number of exposures that a mosaic can be prepared for."""

__all__ = ["add", "add_by_role", "coadd", "empty_mosaic", "merge", "onto"]


@spells_options
def empty_mosaic(output_wcs: GridLike, *, n_exposures: int = 0, **options: Any) -> xr.Dataset:
    """Return a mosaic without exposures, to add exposures to.

    Parameters
    ----------
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid: a WCS with a shape, a Dataset whose grid to take, a dict with ``"wcs"`` and
        optionally ``"pixel_scale"`` (arcsec) and ``"pixel_scale_ratio"``, or a shape
        ``(y, x)`` for data without a WCS.
    n_exposures : int, optional
        Expected number of exposures: allocates their context planes at once.
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
    expected = whole("n_exposures", n_exposures, at_least=0, at_most=MAX_EXPOSURES)
    return Accumulator.new(Job.of_target(output_wcs, options), expected).dataset()


@spells_options
def coadd(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike,
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
        The exposures, or a stack of them (see `concat`). They are taken one at a time, so a
        generator keeps one in memory. With
        ``chunks`` all are kept until the mosaic is computed: open them lazily, from files.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of tiles. If given, the result is lazy: its variables are dask arrays, and each tile
        is computed from only the exposures that can touch it. With ``"auto"`` all planes of a
        tile together have the size of dask's ``array.chunk-size``. The result is bit-for-bit the
        same for any value.
    threads : int, optional
        Threads to use. Default: one per CPU, or one per tile with ``chunks``. The result is
        bit-for-bit the same for any value.
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
        An exposure cannot be used; lists every fault.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144, equations 3 to 5 (doi:10.1086/338393).

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4,
    ...            "NAXIS": 2, "NAXIS1": 5, "NAXIS2": 4})
    >>> exposures = [xrs.make_exposure(np.full((4, 5), value), wcs, exposure_time=10.0)
    ...              for value in (1.0, 3.0)]
    >>> mosaic = xrs.coadd(exposures, wcs, weight_type="exptime")
    >>> float(mosaic["data"][2, 2]), float(mosaic["wht"][2, 2]), mosaic.attrs["exposure_time"]
    (2.0, 20.0, 20.0)
    """
    exposures = separate(exposures)
    if chunks is not None:
        if flag("progress", progress):
            raise InvalidInputError(
                "progress must be False with chunks=, because nothing is computed yet. Show the "
                "progress of the computation with dask.diagnostics.ProgressBar, or use "
                "coadd_to_zarr(progress=True)"
            )
        return lazy_mosaic(plan(exposures, output_wcs, chunks=chunks, threads=threads, **options))
    expected = len(exposures) if isinstance(exposures, Sized) else 0
    state = Accumulator.new(Job.of_target(output_wcs, options), expected)
    state.add_all(_shown(exposures, progress), threads)
    state.warn()
    return state.dataset()


def add(
    mosaic: xr.Dataset,
    exposures: Iterable[xr.Dataset],
    *,
    pixmap: Any = None,
    threads: int | None = None,
    progress: bool = False,
    expected: bool = True,
) -> xr.Dataset:
    """Return a mosaic with further exposures; the given mosaic is unchanged.

    Unless exposures are ``expected``, there may be none without a warning.
    """
    waiting = _shown(separate(exposures), progress)
    first = list(islice(waiting, 1))
    # `open` allocates planes for the first exposure's variances together with all other planes.
    more = Exposure(first[0]).variances if first and isinstance(first[0], xr.Dataset) else ()
    state = Accumulator.open(mosaic, more, threads)
    every = chain(_taken(first), waiting)
    if pixmap is None:
        state.add_all(every, threads)
    else:
        for number, exposure in enumerate(every):
            if number:
                raise InvalidInputError(
                    "pixmap= belongs to one exposure: add exposures that have a pixmap one at a "
                    "time"
                )
            state.add(exposure, pixmap, threads)
    state.warn(expected)
    return with_further_coords(state.dataset(), mosaic)


def _taken(exposures: list[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Yield exposures, and remove each from its list, so that the list does not keep it."""
    while exposures:
        yield exposures.pop(0)


def add_by_role(
    dataset: xr.Dataset,
    others: tuple[xr.Dataset | Iterable[xr.Dataset], ...],
    output_wcs: GridLike | None,
    options: dict[str, Any],
    **how: Any,
) -> xr.Dataset:
    """Add exposures to the mosaic among several Datasets, or to a new mosaic."""
    mosaics, exposures, waiting = _by_role((dataset, *others))
    if len(mosaics) > 1:
        raise InvalidInputError(
            f"add takes one mosaic and exposures, got {len(mosaics)} mosaics: use merge to combine "
            "mosaics"
        )
    if mosaics and (output_wcs is not None or options):
        extra = sorted(options) + (["output_wcs"] if output_wcs is not None else [])
        raise InvalidInputError(
            f"add keeps the grid and the options of its mosaic, got also {', '.join(extra)}: pass "
            "them to empty_mosaic or coadd instead"
        )
    if not mosaics:
        if output_wcs is None:
            raise InvalidInputError(
                "add must have a mosaic (with the variable wht and the dimension exposure) or "
                "output_wcs, got only exposures: pass output_wcs= to start a mosaic on its grid"
            )
        mosaics = [empty_mosaic(output_wcs, n_exposures=len(exposures), **options)]
    return add(mosaics[0], chain(exposures, *waiting), expected=bool(others), **how)


def _by_role(
    given: tuple[xr.Dataset | Iterable[xr.Dataset], ...],
) -> tuple[list[xr.Dataset], list[xr.Dataset], list[Iterable[xr.Dataset]]]:
    """Return mosaics, exposures, and generators of further exposures.

    Generators at the end stay generators if there is a mosaic before them, so their exposures are
    in memory one at a time.
    """
    mosaics: list[xr.Dataset] = []
    exposures: list[xr.Dataset] = []
    for number, entry in enumerate(given):
        rest = given[number:]
        if mosaics and not any(isinstance(one, Sized) for one in rest):
            return mosaics, exposures, [separate(one) for one in rest]
        for part in separate(entry):
            (mosaics if is_mosaic(part) else exposures).append(part)
    return mosaics, exposures, []


def onto(
    exposure: xr.Dataset,
    output_wcs: GridLike,
    *,
    pixmap: Any = None,
    threads: int | None = None,
    **options: Any,
) -> xr.Dataset:
    """Return a mosaic of one exposure on another grid."""
    state = Accumulator.new(Job.of_target(output_wcs, options), 1)
    state.add(exposure, pixmap, threads)
    state.warn()
    return state.dataset()


def merge(first: xr.Dataset, *others: xr.Dataset) -> xr.Dataset:
    """Return the mosaic of the exposures of several mosaics on one grid.

    Parameters
    ----------
    first : Dataset
        A mosaic, whose exposures come first.
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
                f"merge expects mosaics (from empty_mosaic or coadd), got {described(given)}"
            )
    state = Accumulator.open(first)
    for other in others:
        state = merged(state, Accumulator.open(other))
    return with_further_coords(state.dataset(), first)


def _shown(exposures: Iterable[xr.Dataset], progress: bool) -> Iterator[xr.Dataset]:
    """Yield exposures, counted in a progress bar on request."""
    total = len(exposures) if isinstance(exposures, Sized) else None
    with bar(progress, total=total, desc="co-adding", unit="exposure") as shown:
        for exposure in exposures:
            yield exposure
            # A generator may make the next exposure now, and this one should not stay beside it.
            del exposure
            shown.update()
