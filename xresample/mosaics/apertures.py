"""Apertures on a mosaic: pixel and sky apertures, regions, and arrays of weights, as weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from xresample.datamodel.exposure import required_wcs
from xresample.datamodel.pixels import image_shape, pixel_origin
from xresample.datamodel.schema import PIXELS
from xresample.errors import InvalidInputError

Method = Literal["exact", "center", "subpixel"]

MODES = {"exact": "exact", "center": "center", "subpixel": "subpixels"}
"""The names that the package regions gives to the methods of photutils."""


class Weights(NamedTuple):
    """The weights of the pixels of an aperture, cut to the image."""

    values: np.ndarray
    """float64 ``(y, x)``; of size 0 for an aperture off the image."""
    y0: int
    """Row of the image where the weights begin."""
    x0: int

    def moved(self, y: int, x: int) -> Weights:
        """Return the weights in an image that begins at another row and column."""
        return self._replace(y0=self.y0 - y, x0=self.x0 - x)


@dataclass(frozen=True)
class ApertureImage:
    """The image that apertures lie on, and how the overlap with pixels is computed."""

    mosaic: xr.Dataset
    method: Method
    subpixels: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return image_shape(self.mosaic)

    def weights_of(self, apertures: Any) -> tuple[list[Weights], tuple[int, ...]]:
        """Return the weights of apertures, and the shape of the results.

        Raises
        ------
        InvalidInputError
            An aperture has another type, or an array another shape.
        """
        if isinstance(apertures, np.ndarray | xr.DataArray):
            return self._of_array(apertures)
        if hasattr(apertures, "to_mask") or hasattr(apertures, "to_pixel"):
            return self._of_object(apertures)
        if not isinstance(apertures, Iterable) or isinstance(apertures, str | bytes):
            raise InvalidInputError(
                "apertures must be photutils apertures, regions, or arrays of weights, got "
                f"{type(apertures).__name__}"
            )
        found = [self.weights_of(one) for one in apertures]
        shapes = {shape for _, shape in found}
        if len(shapes) > 1:
            raise InvalidInputError(
                "Apertures in a list must have equally many positions each, got "
                f"{sorted(shapes)}: call aperture_error once per aperture"
            )
        every = [weights for several, _ in found for weights in several]
        return every, (len(found), *(shapes.pop() if shapes else ()))

    def _of_array(self, given: np.ndarray | xr.DataArray) -> tuple[list[Weights], tuple[int, ...]]:
        if isinstance(given, xr.DataArray) and set(PIXELS) <= set(given.dims):
            given = given.transpose(..., *PIXELS)
        array = np.asarray(given)
        is_number = array.dtype.kind in "biuf"
        if not is_number or array.ndim < 2 or array.shape[-2:] != self.shape:
            raise InvalidInputError(
                f"An array of weights must hold numbers and have the shape (..., y, x) of the "
                f"mosaic, {self.shape}, got shape {array.shape} and type {array.dtype}"
            )
        flat = array.reshape(-1, *self.shape)
        return [_cropped(weights) for weights in flat], array.shape[:-2]

    def _of_object(self, aperture: Any) -> tuple[list[Weights], tuple[int, ...]]:
        y0, x0 = 0, 0
        if not hasattr(aperture, "to_mask"):
            # Positions on the sky give pixels of the grid; a cutout does not begin at pixel 0.
            aperture = aperture.to_pixel(required_wcs(self.mosaic).object)
            y0, x0 = pixel_origin(self.mosaic)
        masks = self._masks(aperture)
        several = isinstance(masks, list | tuple)
        found = [self._cut(mask, y0, x0) for mask in (masks if several else [masks])]
        return found, ((len(found),) if several else ())

    def _masks(self, aperture: Any) -> Any:
        """Return the masks of a pixel aperture of photutils, or of a pixel region."""
        if hasattr(aperture, "positions"):
            return aperture.to_mask(method=self.method, subpixels=self.subpixels)
        try:
            return aperture.to_mask(mode=MODES[self.method], subpixels=self.subpixels)
        except NotImplementedError:
            # Polygons have no exact overlap.
            return aperture.to_mask(mode=MODES["subpixel"], subpixels=self.subpixels)

    def _cut(self, mask: Any, y0: int, x0: int) -> Weights:
        """Return the part of a mask that lies on the image."""
        values = np.asarray(mask.data, np.float64)
        top, left = int(mask.bbox.iymin) - y0, int(mask.bbox.ixmin) - x0
        (height, width), (ny, nx) = values.shape, self.shape
        rows = slice(max(0, -top), max(0, min(height, ny - top)))
        columns = slice(max(0, -left), max(0, min(width, nx - left)))
        return Weights(values[rows, columns], top + rows.start, left + columns.start)


def _cropped(weights: np.ndarray) -> Weights:
    """Return the rows and columns of an image of weights that are not 0."""
    rows, columns = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
    if not len(rows):
        return Weights(np.zeros((0, 0)), 0, 0)
    part = weights[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Weights(part.astype(np.float64), int(rows[0]), int(columns[0]))
