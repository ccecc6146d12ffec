"""Images after a step, a flip or `coarsen`, whose pixels are not those of their WCS.

The coordinates ``y`` and ``x`` say which pixels of the WCS the rows and columns of an image are.
Where they count in steps of 1, the image is a cutout, and its WCS stays as it is. Otherwise the
image has larger, smaller or mirrored pixels, and gets a WCS for these pixels. Every function that
needs the WCS of a Dataset calls `in_own_pixels` first, so all functions agree.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from xresample.errors import InvalidInputError
from xresample.wcs.handle import WCSHandle
from xresample.wcs.steps import Steps, stepped

from . import schema
from .coordinates import coordinate_attrs, wcs_variable
from .facts import value_of
from .labels import one_table
from .pixels import counts_pixels, fault_of_pixels, image_shape, pixel_axis

_AREAS = ("pixelarea_steradians", "pixelarea_arcsecsq")
"""Attributes that grow with the area of a pixel."""

_SIDES = ("pixel_scale", "pixel_scale_ratio")
"""Attributes that grow with the side of a pixel."""


def in_own_pixels(dataset: xr.Dataset) -> xr.Dataset:
    """Return an image whose rows and columns are the pixels of its WCS, in steps of 1.

    A cutout is returned unchanged. For any other image, the pixels of the result count from 0, its
    WCS follows from the steps of ``y`` and ``x``, and attributes with the size of a pixel follow.

    Raises
    ------
    InvalidInputError
        The rows or columns do not have a constant step.
    UnsupportedWCSError
        The rows or columns have a step, and the WCS cannot be changed accordingly.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> exposure = xrs.make_exposure(np.zeros((4, 6)), pixelarea_steradians=1e-12)
    >>> binned = in_own_pixels(exposure.coarsen(y=2, x=2).mean())
    >>> binned["x"].values, binned.attrs["pixelarea_steradians"]
    (array([0, 1, 2]), 4e-12)
    """
    if missing := [name for name in schema.PIXELS if name not in dataset.dims]:
        raise InvalidInputError(
            f"The Dataset must have the dimensions y and x, got {tuple(dataset.dims)} without "
            f"{', '.join(missing)}"
        )
    if faults := [f for name in schema.PIXELS if (f := fault_of_pixels(dataset, name))]:
        raise InvalidInputError("; ".join(faults))
    if all(counts_pixels(dataset, name) for name in schema.PIXELS):
        return dataset
    # The tiles of labels are rows and columns of the old pixels.
    dataset = one_table(dataset)
    steps = Steps(*pixel_axis(dataset, "x"), *pixel_axis(dataset, "y"))
    shape = image_shape(dataset)
    coords = {
        name: (name, np.arange(size), coordinate_attrs(name))
        for name, size in zip(schema.PIXELS, shape, strict=True)
    }
    changed = dataset.drop_vars(schema.SKY, errors="ignore").assign_coords(coords)
    if schema.WCS in dataset.coords:
        wcs = stepped(WCSHandle(str(dataset[schema.WCS].values)), steps, shape)
        changed = changed.assign_coords({schema.WCS: wcs_variable(wcs.text)})
    for names, factor in ((_AREAS, steps.area), (_SIDES, math.sqrt(steps.area))):
        for name in names:
            value = schema.plain(changed.attrs.get(name))
            if isinstance(value, int | float) and not isinstance(value, bool):
                changed.attrs[name] = value * factor
            # Facts of an exposure may be scalar coordinates, too.
            if name in changed.coords and changed[name].ndim == 0:
                changed = changed.assign_coords({name: changed[name] * factor})
    return _with_own_level(changed, steps)


def _with_own_level(dataset: xr.Dataset, steps: Steps) -> xr.Dataset:
    """Return an image whose sky level, if it is a plane, is a plane in the new pixels."""
    try:
        level, along_y, along_x = (
            float(value_of(dataset, name, 0.0)) for name in ("level", *schema.LEVEL_SLOPES)
        )
    except (TypeError, ValueError):
        # `validate` reports a level that is not a number.
        return dataset
    if not (along_y or along_x):
        return dataset
    changed = {
        "level": level + along_y * steps.y0 + along_x * steps.x0,
        schema.LEVEL_SLOPES[0]: along_y * steps.dy,
        schema.LEVEL_SLOPES[1]: along_x * steps.dx,
    }
    # A coordinate of the same name would take precedence over the attribute.
    return dataset.drop_vars(changed, errors="ignore").assign_attrs(changed)
