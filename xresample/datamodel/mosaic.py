"""Mosaics as Datasets: planes with their labels, and checks that a Dataset is a mosaic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xresample.errors import InvalidInputError, listing

from . import provenance, schema
from .blocks import NOISE, Blocks
from .context import n_planes
from .coordinates import flag_names
from .grid import Grid
from .labels import is_labelled, tile_coords
from .options import Options
from .planes import Layout, in_order_of_sum
from .version import __version__

SOFTWARE = {"software": f"xresample {__version__}"}
"""Attribute of a mosaic that names the program that made it."""

CONVENTIONS = {"Conventions": "CF-1.11"}
"""Attribute that names the conventions for netCDF which a mosaic follows."""

WRITTEN = ("kernel", "pixfrac", "fillval", "weight_type")
"""Options that every mosaic has as attributes, also if they have their defaults."""

HISTORY = "history"
"""CF attribute of a mosaic with one line per program that made or changed it."""

_OWN_LINE = re.compile(r"xresample \S+ co-added ")
"""Beginning of the line of this package. The line has no date, because mosaics that are made from
the same exposures in different ways must be equal."""

AREAS = ("pixelarea_arcsecsq", "pixelarea_steradians")
"""Attributes that follow from the pixel scale."""


def is_mosaic(dataset: Any) -> bool:
    """Tell whether a Dataset is a mosaic, which has weights and a dimension of exposures.

    In a stack of co-added images, the weights have this dimension, too.
    """
    return (
        isinstance(dataset, xr.Dataset)
        and "wht" in dataset
        and provenance.EXPOSURE in dataset.dims
        and provenance.EXPOSURE not in dataset["wht"].dims
    )


def require_mosaic(dataset: Any, *planes: str) -> None:
    """Raise an `InvalidInputError` unless a Dataset is a mosaic that has the given planes."""
    if not is_mosaic(dataset):
        raise InvalidInputError(
            f"Expected a mosaic (from empty_mosaic or coadd), got {described(dataset)}"
        )
    for name in planes:
        if name not in dataset:
            row = schema.require_row(schema.MOSAIC, name)
            hint = "" if row.asked_by is None else ": make it with {}={!r}".format(*row.asked_by)
            raise InvalidInputError(f"The mosaic has no {name!r}{hint}")


def options_of(mosaic: xr.Dataset) -> Options:
    """Return the options of a mosaic, which decide how further exposures are added.

    Raises
    ------
    InvalidInputError
        The attributes of the mosaic have been lost, or hold an invalid option.
    """
    if lost := [name for name in WRITTEN if name not in mosaic.attrs]:
        raise InvalidInputError(
            f"The mosaic must have its options as attributes, but {', '.join(lost)} have been "
            "lost: restore the attributes with .assign_attrs(mosaic_before.attrs). Functions of "
            "xarray keep attributes with keep_attrs=True or combine_attrs='override'"
        )
    return Options.from_attrs(mosaic.attrs)


def require_context(dataset: Any) -> None:
    """Raise an `InvalidInputError` unless a Dataset is a mosaic with a context, as bits or sets."""
    if not (is_mosaic(dataset) and is_labelled(dataset)):
        require_mosaic(dataset, "con")


def described(value: Any) -> str:
    """Return a short description of what a caller gave, for an error message."""
    if not isinstance(value, xr.Dataset):
        return type(value).__name__
    return f"a Dataset with variables: {', '.join(map(str, value.data_vars)) or 'none'}"


def mosaic_dataset(
    planes: Mapping[str, Any],
    grid: Grid,
    options: Options,
    rows: Sequence[provenance.Row],
    units: Mapping[str, str | None],
    attrs: Mapping[str, Any],
    layout: Layout,
    tiles: Blocks | None = None,
) -> xr.Dataset:
    """Return the Dataset of a mosaic.

    Parameters
    ----------
    planes : mapping of str to array_like
        The planes by name; arrays of any kind.
    grid : Grid
        The grid of the mosaic.
    options : Options
        Its options.
    rows : sequence of dict
        Provenance of each exposure.
    units : mapping of str to str
        Units of ``data`` and of further planes; None: unknown.
    attrs : mapping
        Further attributes.
    layout : Layout
        The layout of the planes.
    tiles : Blocks, optional
        The tiles that have tables of sets. Default: the mosaic is one tile.
    """
    variables: dict[str, xr.Variable] = {}
    for name, plane in planes.items():
        row = layout.planes[name]
        labels = plane_attrs(name, layout, units, options, planes)
        encoding = schema.TEXT_ENCODING if row.dtype == schema.TEXT_KIND else None
        variables[name] = xr.Variable(row.dims, plane, labels, encoding)
    known = {**attrs, **options.to_attrs(), **provenance.totals(rows), **SOFTWARE, **CONVENTIONS}
    known[HISTORY] = history(attrs.get(HISTORY), len(rows))
    if grid.pixel_scale is not None:
        known["pixelarea_arcsecsq"] = grid.pixel_scale**2
        known["pixelarea_steradians"] = grid.pixel_area
    coords = {**grid.coords(), **provenance.coordinates(rows)}
    if layout.block:
        coords |= layout.blocks(grid.shape, grid.origin).coords(layout.lags)
    if layout.flags:
        coords[schema.FLAG] = flag_names(layout.flags)
    if layout.by_rule(schema.Rule.SETS):
        whole = ((side.start, side.stop) for side in grid.pixels)
        coords |= tile_coords(tiles or Blocks(*whole))
    return xr.Dataset(variables, coords, known)


def plane_attrs(
    name: str,
    layout: Layout,
    units: Mapping[str, str | None],
    options: Options,
    beside: Iterable[str],
) -> dict[str, Any]:
    """Return the attributes of a plane.

    Parameters
    ----------
    name : str
        The plane.
    layout : Layout
        The layout of the planes.
    units : mapping of str to str
        Units of ``data`` and of further planes; None: unknown.
    options : Options
        The options of the mosaic.
    beside : iterable of str
        All planes of the mosaic.
    """
    attrs = schema.variable_attrs(
        name, layout.planes[name], units.get("data"), options.weight_type, beside
    )
    if name in options.planes and units.get(name) is not None:
        attrs["units"] = units[name]
    return attrs


def further_attrs(mosaic: xr.Dataset) -> dict[str, Any]:
    """Return the attributes of a mosaic that follow neither from its options nor from its rows."""
    known = {*Options.__dataclass_fields__, *provenance.TOTALS, *AREAS, *SOFTWARE, *CONVENTIONS}
    return {str(k): v for k, v in mosaic.attrs.items() if k not in known}


def with_further_attrs(mosaic: xr.Dataset, before: xr.Dataset) -> xr.Dataset:
    """Return a mosaic with the further attributes of the mosaic that it was made from."""
    attrs = further_attrs(before)
    attrs[HISTORY] = history(attrs.get(HISTORY), mosaic.sizes[provenance.EXPOSURE])
    return mosaic.assign_attrs(attrs)


def with_further_coords(mosaic: xr.Dataset, before: xr.Dataset) -> xr.Dataset:
    """Return a mosaic with the coordinates that the user gave to the mosaic it was made from.

    Coordinates of single exposures are left out, because further exposures have no values there,
    and coordinates with an index, because the index belongs to the Dataset before. The sky
    coordinates are left out, too: they follow from the WCS.
    """
    further = {
        name: coordinate.variable
        for name, coordinate in before.coords.items()
        if name not in mosaic.variables
        and name not in before.xindexes
        and name not in schema.SKY
        and set(coordinate.dims) <= set(schema.PIXELS)
    }
    return mosaic.assign_coords(further) if further else mosaic


def history(before: Any, count: int) -> str:
    """Return the history of a mosaic: lines of other programs, and one line of this package.

    Parameters
    ----------
    before : str or None
        The history of the mosaic before its last change.
    count : int
        Number of exposures.
    """
    others = [line for line in str(before or "").splitlines() if not _OWN_LINE.match(line)]
    return "\n".join(
        [*others, f"{SOFTWARE['software']} co-added {count} exposure{'s' * (count != 1)}"]
    )


def layout_of(mosaic: xr.Dataset, options: Options) -> Layout:
    """Return the layout of a mosaic, whose planes are checked.

    Raises
    ------
    InvalidInputError
        The Dataset is not a complete mosaic; lists every fault.
    """
    layout = Layout.of(options, _variances_of(mosaic, options))
    faults = []
    for name, row in layout.planes.items():
        if row.rule is schema.Rule.DERIVED:
            continue
        if name not in mosaic:
            faults.append(f"{name} is missing")
            continue
        dtype, variable = layout.dtype(name, options), mosaic[name]
        if set(variable.dims) != set(row.dims):
            faults.append(f"{name} must have dimensions {row.dims}, got {variable.dims}")
        is_text = row.dtype == schema.TEXT_KIND and variable.dtype.kind in "OTU"
        if not is_text and variable.dtype.newbyteorder("=") != dtype:
            faults.append(f"{name} must have type {dtype}, got {variable.dtype}")
        if row.rule is schema.Rule.FLAGS and schema.FLAG in mosaic.coords:
            held_flags = list(map(str, mosaic[schema.FLAG].values))
            if held_flags != list(options.rejected):
                faults.append(
                    f"{name} must have the flags {', '.join(options.rejected)}, got "
                    f"{', '.join(held_flags) or 'none'}"
                )
        if row.rule is schema.Rule.CONTEXT and variable.ndim == len(row.dims):
            planes, held = n_planes(len(provenance.numbers_of(mosaic))), variable.sizes[row.dims[0]]
            if held < planes:
                faults.append(f"{name} must have {planes} planes, got {held}")
        if (
            name == NOISE
            and 2 * variable.sizes.get("lag_y", 0) != variable.sizes.get("lag_x", 0) + 1
        ):
            faults.append(f"{name} must have all lags, got {dict(variable.sizes)}")
    if faults:
        raise InvalidInputError(listing("The Dataset is not a complete mosaic", faults))
    return layout.reaching(mosaic.sizes["lag_y"] - 1) if layout.block else layout


def _variances_of(mosaic: xr.Dataset, options: Options) -> tuple[str, ...]:
    """Return the variances that a mosaic has or, by its weights or options, should have."""
    wanted = (options.variance_names or ()) if options.enable_var else ()
    found = [name for name in map(str, mosaic.data_vars) if name.startswith(schema.VARIANCE_PREFIX)]
    names = (name.removesuffix(schema.WEIGHT_SUFFIX) for name in (*wanted, *found))
    return tuple(dict.fromkeys(names))


def variances_of_error(layout: Layout, options: Options) -> tuple[str, ...]:
    """Return the variances whose sum is the squared error; empty while a mosaic has none.

    Raises
    ------
    InvalidInputError
        ``error_from_variances`` names a variance that the mosaic does not have.
    """
    names = options.error_from_variances or in_order_of_sum(layout.variances)
    unknown = [name for name in names if name not in layout.variances]
    if unknown and layout.variances:
        raise InvalidInputError(
            "error_from_variances must name variances of the mosaic "
            f"({', '.join(layout.variances)}), got {', '.join(unknown)}"
        )
    return () if unknown else tuple(names)


def root_of_sum(variances: Iterable[np.ndarray], shape: tuple[int, int], dtype: str) -> np.ndarray:
    """Return the root of a sum of variances, ``(y, x)``.

    NaN counts as 0; the root is NaN where all variances are NaN.
    """
    total = np.zeros(shape, dtype)
    known = np.zeros(shape, bool)
    for plane in variances:
        there = ~np.isnan(plane)
        np.add(total, plane, out=total, where=there)
        known |= there
    np.sqrt(total, out=total)
    total[~known] = np.nan
    return total
