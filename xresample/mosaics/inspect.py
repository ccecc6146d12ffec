"""Questions to exposures and mosaics, answered with labels: the methods of the accessor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.window import pixel_map
from xresample.arguments import names, number
from xresample.datamodel import context, provenance, schema
from xresample.datamodel.coordinates import coordinate_attrs
from xresample.datamodel.exposure import Exposure, required_wcs
from xresample.datamodel.exposure import assign_wcs as _assign_wcs
from xresample.datamodel.grid import Grid, GridLike
from xresample.datamodel.labels import is_labelled, read_labels, set_at
from xresample.datamodel.mosaic import require_context, require_mosaic
from xresample.datamodel.options import Options, parse_fillval
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.pixels import pixel_index, pixels_of
from xresample.datamodel.planes import in_order_of_sum
from xresample.errors import InvalidInputError, MissingKeyError
from xresample.sky.covering import pixel_at
from xresample.sky.index import has_sky, with_sky, without_sky
from xresample.wcs import footprint as outlines
from xresample.wcs.handle import WCSLike


def assign_wcs(dataset: xr.Dataset, wcs: WCSLike) -> xr.Dataset:
    """Return a Dataset with a WCS; sky coordinates that it has are replaced, too."""
    assigned = _assign_wcs(dataset, wcs)
    return with_sky(assigned) if has_sky(dataset) else assigned


def pixmap(dataset: xr.Dataset, output_wcs: GridLike, options: Options) -> xr.DataArray:
    """Return the centres of the pixels of an exposure on a grid; NaN outside its bounding box."""
    exposure = Exposure.of(dataset)
    centres = pixel_map(exposure, Grid.of(output_wcs), options).around(exposure.pixels)
    coords = {**pixel_coords(dataset), "axis": ["x", "y"]}
    attrs = {"long_name": "position on the output grid", "units": "pixel"}
    return xr.DataArray(centres, coords, ("y", "x", "axis"), "pixmap", attrs)


def pixel_coords(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the coordinates of the pixels of an exposure, with which results align."""
    return {
        name: (name, pixel_index(dataset, name), coordinate_attrs(name)) for name in schema.PIXELS
    }


def pixel_area(dataset: xr.Dataset) -> float:
    """Return the mean pixel area of an exposure or a mosaic, in steradians."""
    dataset = in_own_pixels(dataset)
    return float(outlines.mean_pixel_area(required_wcs(dataset).object, pixels_of(dataset)))


def footprint(dataset: xr.Dataset) -> np.ndarray:
    """Return the outline of an exposure or a mosaic on the sky, ``(point, 2)`` in degrees."""
    dataset = in_own_pixels(dataset)
    return outlines.footprint(required_wcs(dataset).object, pixels_of(dataset))


def decode_context(dataset: xr.Dataset) -> xr.DataArray:
    """Return which exposures contribute to which pixel of a mosaic."""
    require_context(dataset)
    numbers = provenance.numbers_of(dataset)
    if is_labelled(dataset):
        labels, sets = read_labels(dataset)
        there = sets.contain(numbers)[:, labels]
    else:
        con = dataset["con"].transpose("plane", "y", "x")
        there = context.decode_planes(con.values, numbers)
    coords: dict[str, Any] = {
        name: dataset[name] for name in schema.PIXELS if name in dataset.coords
    }
    coords |= {"exposure": numbers, "filename": ("exposure", dataset["filename"].values)}
    attrs = {"long_name": "whether the exposure contributes"}
    return xr.DataArray(there, coords, ("exposure", "y", "x"), "contributes", attrs)


def contributors(
    dataset: xr.Dataset, x: int | None, y: int | None, ra: Any = None, dec: Any = None
) -> xr.Dataset:
    """Return the provenance of the exposures that contribute to a pixel."""
    require_context(dataset)
    pixel = _pixel(dataset, x, y, ra, dec)
    if is_labelled(dataset):
        found = set_at(dataset, pixel["y"], pixel["x"])
    else:
        found = context.decode(without_sky(dataset)["con"].isel(pixel).values)
    numbers = provenance.numbers_of(dataset)
    there = np.isin(numbers, found)
    names = [row.name for row in schema.PROVENANCE if row.name in dataset]
    rows = {name: dataset[name].variable[there] for name in names}
    return xr.Dataset(rows, {"exposure": numbers[there]})


def _pixel(dataset: xr.Dataset, x: Any, y: Any, ra: Any, dec: Any) -> dict[str, int]:
    """Return the position of a pixel in the arrays of a mosaic, from coordinates or angles."""
    by_pixel, by_sky = (x is not None or y is not None), (ra is not None or dec is not None)
    if by_pixel == by_sky or (by_pixel and (x is None or y is None)):
        raise InvalidInputError(
            "contributors takes either x and y or ra and dec, got "
            f"x={x!r}, y={y!r}, ra={ra!r}, dec={dec!r}"
        )
    if by_sky:
        pixel = pixel_at(dataset, ra, dec)
        if pixel is None:
            raise MissingKeyError(f"The position must lie on the mosaic, got ra={ra}, dec={dec}")
        return pixel
    pixel = {}
    for name, place in (("y", y), ("x", x)):
        index = pixel_index(dataset, name)
        found = np.flatnonzero(index == number(name, place))
        if not found.size:
            raise MissingKeyError(
                f"{name} must be the coordinate of a pixel of the mosaic, {index.min()} to "
                f"{index.max()}, got {place!r}"
            )
        pixel[name] = int(found[0])
    return pixel


def filled(dataset: xr.Dataset, value: float) -> xr.Dataset:
    """Return a mosaic with another value where no exposure contributes."""
    require_mosaic(dataset)
    options = replace(Options.from_attrs(dataset.attrs), fillval=value)
    value = parse_fillval(options.fillval)
    of_schema = [row.name for row in schema.MOSAIC if row.identity is None]
    means = [name for name in (*of_schema, *options.planes) if name in dataset]
    covered = dataset["wht"] != 0
    new = {name: dataset[name].where(covered, value).astype(dataset[name].dtype) for name in means}
    for name in means:
        new[name].attrs = dataset[name].attrs
    result = dataset.assign(new)
    result.attrs["fillval"] = value
    return result


def err(dataset: xr.Dataset, variances: Iterable[str] | None) -> xr.DataArray:
    """Return the root of the sum of the variances of an exposure or a mosaic."""
    chosen = () if variances is None else names("variances", variances)
    held = (str(n) for n in dataset.data_vars if schema.is_variance(str(n)))
    found = chosen or in_order_of_sum(held)
    if not found:
        raise InvalidInputError(
            "The Dataset must have at least one variance (var_*), got none: add one to compute err"
        )
    if missing := [name for name in found if name not in dataset]:
        raise InvalidInputError(f"variances must be in the Dataset, got {', '.join(missing)}")
    # For a type checker a sum may be the 0 that it starts with; here it has at least one term.
    total: xr.DataArray = sum(dataset[name].fillna(0) for name in found)  # type: ignore[assignment]
    known = np.logical_or.reduce([dataset[name].notnull() for name in found])
    result = (total**0.5).where(known).rename("err").astype(dataset[found[0]].dtype)
    row = schema.require_row(schema.MOSAIC, "err")
    result.attrs = schema.variable_attrs("err", row, dataset["data"].attrs.get("units"))
    return result
