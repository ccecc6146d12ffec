"""All steps from raw exposures to a clean mosaic in one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xresample.arguments import flag, known_names, shown
from xresample.datamodel import dq_flags
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid, GridLike, fit_wcs
from xresample.datamodel.options import Options
from xresample.datamodel.signatures import chosen_options, spells_options
from xresample.errors import InvalidInputError
from xresample.mosaics.coadd import coadd
from xresample.tiled.zarr_store import coadd_to_zarr, require_usable

from .admission import checked_exposures
from .fill import MODEL, fill_flagged
from .flag_bits import FlagBits
from .outliers import flag_outliers
from .rules import PARAMETERS, PRESETS, Preset
from .skymatch import SkyMethod, match_sky

SKY_OPTIONS = ("good_bits", "flag_map", "conserve")
"""Options of the mosaic that `match_sky` takes, too."""

OUTLIER_OPTIONS = (
    *("good_bits", "flag_map", "weight_type", "conserve", "pixel_scale", "pixel_scale_ratio"),
    *("pixmap_stepsize", "pixmap_order", "pixmap_tol"),
)
"""Options of the mosaic with which the exposures are compared to find outliers."""

FILL_OPTIONS = (*OUTLIER_OPTIONS, "error_from_variances", "dtype")
"""Options of the mosaic that the model of `fill_flagged` has, too."""


@spells_options
def make_mosaic(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike | None = None,
    *,
    sky: SkyMethod | Mapping[str, Any] | bool | None = "match",
    outliers: Preset | Mapping[str, Any] | bool | None = "jwst",
    fill: int | Mapping[str, Any] | bool | None = True,
    by: str | None = "group_id",
    store: Any = None,
    overwrite: bool = False,
    chunks: Any = None,
    threads: int | None = None,
    progress: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Make a clean mosaic: match the sky, flag outliers, fill flagged pixels, and co-add.

    The steps are `match_sky`, `flag_outliers`, `fill_flagged`, and `coadd` or `coadd_to_zarr`. Done
    one by one, they give the same bits, and a report each.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures. Outliers need ``err`` and at least two groups.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset or dict, optional
        The grid, as for `empty_mosaic`. Default: that of `fit_wcs`.
    sky : str, mapping or bool, optional
        Method of `match_sky`, or its parameters. None or False: the sky levels stay. Default:
        ``"match"``.
    outliers : str, mapping or bool, optional
        Preset of `flag_outliers`, or its parameters. None or False: no outliers are flagged. The
        exposures are compared with the ``good_bits`` and ``weight_type`` of the mosaic. Default:
        ``"jwst"``.
    fill : int, mapping or bool, optional
        Iterations of `fill_flagged`, or its parameters. None or False: flagged pixels are not
        filled. Default: True, which is 2 iterations.
    by : str or None, optional
        Attribute that the exposures of a group share. None: each exposure is a group.
    store : str, path or zarr store, optional
        Write the mosaic to this store, tile by tile, with `coadd_to_zarr`.
    overwrite : bool, optional
        Whether to delete an existing store.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of the tiles of the store; without a store, the co-add is lazy, as for `coadd`. The
        other steps are always done at once.
    threads : int, optional
        Threads to use. Default: one per CPU. The result is bit-for-bit the same for any value.
    progress : bool, optional
        Whether to show a progress bar for each step (needs tqdm).
    **options
        See `Options`.

    Returns
    -------
    xarray.Dataset
        The mosaic. Its coordinate ``sky_level`` holds the levels that were subtracted.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault of it.
    InvalidInputError
        An argument is invalid, or there is only one group to find outliers in.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4,
    ...            "NAXIS": 2, "NAXIS1": 50, "NAXIS2": 40})
    >>> images = np.random.default_rng(0).normal(1.0, 0.1, (4, 40, 50)).astype("f4")
    >>> images[1, 3, 5] = 100.0
    >>> images[2] += 7
    >>> error = np.full((40, 50), 0.1, "f4")
    >>> exposures = [xrs.make_exposure(i, wcs, err=error, filename=f"{k}.fits")
    ...              for k, i in enumerate(images)]
    >>> mosaic = xrs.make_mosaic(exposures, wcs, weight_type=None)
    >>> bool(abs(mosaic["data"][3, 5] - 1) < 0.3), float(mosaic["sky_level"][2].round())
    (True, 7.0)
    """
    overwrite, progress = flag("overwrite", overwrite), flag("progress", progress)
    chosen = chosen_options(options)
    steps = _Steps.of(sky, outliers, fill, chosen, {"by": by})
    readers = checked_exposures(exposures, Options(**chosen), "make_mosaic")
    datasets = [reader.given for reader in readers]
    grid = fit_wcs(datasets) if output_wcs is None else output_wcs
    Grid.of(grid)
    if store is not None:
        require_usable(store, overwrite)
    elif overwrite:
        raise InvalidInputError("overwrite must be False without store=, got True")
    if steps.outliers is not None:
        _require_excluded(readers, Options(**chosen), steps.outliers.get("flag"))
    how: dict[str, Any] = {"threads": threads, "progress": progress}
    if steps.sky is not None:
        datasets = list(match_sky(datasets, grid, **how, **steps.sky))
    if steps.outliers is not None:
        datasets = _with_known_flags(flag_outliers(datasets, grid, **how, **steps.outliers))
    if steps.fill is not None:
        datasets = list(fill_flagged(datasets, grid, **how, **steps.fill))
    if store is not None:
        tiles = "auto" if chunks is None else chunks
        return coadd_to_zarr(
            datasets, grid, store, chunks=tiles, overwrite=overwrite, **how, **chosen
        )
    shows = progress and chunks is None
    return coadd(datasets, grid, chunks=chunks, threads=threads, progress=shows, **chosen)


@dataclass(frozen=True)
class _Steps:
    """The arguments of each step; None for a step that is left out."""

    sky: dict[str, Any] | None
    outliers: dict[str, Any] | None
    fill: dict[str, Any] | None

    @classmethod
    def of(
        cls, sky: Any, outliers: Any, fill: Any, options: Mapping[str, Any], groups: dict[str, Any]
    ) -> _Steps:
        """Return the arguments of the steps, which the options of the mosaic complete.

        Parameters
        ----------
        sky, outliers, fill : object
            What `make_mosaic` takes.
        options : mapping
            Options of the mosaic.
        groups : dict
            How exposures are grouped.
        """
        levels = _arguments("sky", sky, "method", {**groups, **_some(options, SKY_OPTIONS)})
        if levels is not None:
            known_names("parameters of match_sky", levels, _parameters(match_sky))
        # Pixels that the mosaic does not use are not compared either, whatever the preset says.
        shared = {**groups, "good_bits": 0, **_some(options, OUTLIER_OPTIONS)}
        found = _arguments("outliers", outliers, "preset", shared)
        if found is not None and found.get("preset") not in (None, *PRESETS):
            raise InvalidInputError(
                f"outliers must be one of {', '.join(map(repr, PRESETS))}, a mapping of the "
                f"parameters of flag_outliers, or None, got {shown(outliers)}"
            )
        if found is not None:
            every = {*_parameters(flag_outliers), *PARAMETERS, *Options.__dataclass_fields__}
            known_names("parameters of flag_outliers", found, sorted(every))
        filled = _arguments("fill", fill, "iterations", _some(options, FILL_OPTIONS))
        if filled is not None:
            known = {*_parameters(fill_flagged), *Options.__dataclass_fields__} - {*MODEL}
            known_names("parameters of fill_flagged", filled, sorted(known))
        return cls(levels, found, filled)


def _require_excluded(readers: list[Exposure], options: Options, flag: Any) -> None:
    """Raise an error if the mosaic would use pixels that are flagged as outliers."""
    for reader in readers:
        bits = FlagBits.of(reader, flag)
        names = dq_flags.flag_map_from_cf(bits.attrs)
        known = names if options.flag_map is None else options.flag_map
        if not bits.value & dq_flags.bad_bits_of(options.good_bits, known):
            raise InvalidInputError(
                f"good_bits={options.good_bits!r} accepts the flag of outliers ({bits.value}), so "
                "the mosaic would contain the outliers: leave this flag out of good_bits, or pass "
                "outliers=None"
            )


def _some(options: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the options with the given names, as far as they are given."""
    return {name: options[name] for name in names if name in options}


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the parameters of a step that `make_mosaic` leaves to the user."""
    own = {"exposures", "output_wcs", "threads", "progress", "options"}
    return tuple(name for name in inspect.signature(function).parameters if name not in own)


def _arguments(name: str, value: Any, key: str, shared: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of a step; None if it is left out.

    Parameters
    ----------
    name : str
        The argument of `make_mosaic`.
    value : object
        Its value.
    key : str
        Parameter of the step that a value other than a mapping is.
    shared : mapping
        Arguments that follow from those of `make_mosaic`; a mapping wins.
    """
    if value is None or (isinstance(value, bool | np.bool_) and not value):
        return None
    if isinstance(value, bool | np.bool_):
        return dict(shared)
    if isinstance(value, Mapping):
        return {**shared, **value}
    if not isinstance(value, str | int | float | np.number):
        raise InvalidInputError(
            f"{name} must be True, False, a value of {key}, or a mapping of parameters, got "
            f"{shown(value)}"
        )
    return {**shared, key: value}


def _with_known_flags(exposures: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return exposures whose flags, if they are dask arrays, have been computed all at once.

    The flags of all exposures follow from the same tiles, which are then computed only once.
    """
    lazy = {k: e["dq"].variable for k, e in enumerate(exposures) if e["dq"].chunks is not None}
    if not lazy:
        return list(exposures)
    together = xr.Dataset(
        {
            f"dq_{k}": ((f"y_{k}", f"x_{k}"), variable.transpose("y", "x").data)
            for k, variable in lazy.items()
        }
    ).compute()
    known = list(exposures)
    for k, variable in lazy.items():
        flags = xr.Variable(("y", "x"), together[f"dq_{k}"].values, variable.attrs)
        known[k] = exposures[k].assign(dq=flags)
    return known
