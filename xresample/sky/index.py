"""Right ascension and declination as lazy coordinates, which are computed when read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from xarray.core.indexing import IndexSelResult
from xarray.indexes import CoordinateTransform, CoordinateTransformIndex

from xresample.arguments import number, shown
from xresample.datamodel import schema
from xresample.datamodel.coordinates import coordinate_attrs
from xresample.datamodel.exposure import required_wcs
from xresample.datamodel.pixels import pixel_index
from xresample.errors import InvalidInputError, MissingKeyError
from xresample.wcs import celestial as radec
from xresample.wcs.frames import equatorial_frame
from xresample.wcs.handle import WCSHandle, WCSLike
from xresample.wcs.transform import check_axes

Labels = dict[Any, Any]

Pair = tuple[Hashable, Hashable]
"""Names of the two axes of an image."""

Image = TypeVar("Image", xr.Dataset, xr.DataArray)

_DROP = "drop their sky coordinates first, with .resample.without_sky()"


class SkyTransform(CoordinateTransform):
    """The positions of the pixels of an image on the sky.

    Parameters
    ----------
    wcs : WCSHandle
        The WCS, made from text, so that many threads can use it.
    y, x : ndarray
        Rows and columns in the pixels of the WCS, in order.
    dims : (hashable, hashable), optional
        Dimensions of the image along the second and the first axis of the WCS.
    names : (hashable, hashable), optional
        Names of right ascension and declination.
    """

    def __init__(
        self,
        wcs: WCSHandle,
        y: np.ndarray,
        x: np.ndarray,
        dims: Pair = schema.PIXELS,
        names: Pair = schema.SKY,
    ) -> None:
        sizes = {str(dim): len(index) for dim, index in zip(dims, (y, x), strict=True)}
        super().__init__(names, sizes)
        self.wcs = wcs
        self.pixels = (y, x)

    @classmethod
    def of(
        cls,
        dataset: xr.Dataset,
        wcs: WCSLike | None = None,
        dims: Pair = schema.PIXELS,
        names: Pair = schema.SKY,
    ) -> SkyTransform:
        """Return the transform of an exposure, a mosaic, any other image, or a part of one.

        Raises
        ------
        MissingKeyError
            The Dataset has no WCS.
        InvalidInputError
            The Dataset is not an image, or its pixels are not in order.
        UnsupportedWCSError
            The WCS has the wrong axes.
        """
        handle = required_wcs(dataset) if wcs is None else WCSHandle.saved(wcs)
        check_axes(handle.object)
        if missing := [str(name) for name in dims if name not in dataset.dims]:
            raise InvalidInputError(
                f"The image must have the dimensions {' and '.join(map(str, dims))}, got "
                f"{tuple(dataset.dims)} without {', '.join(missing)}"
            )
        pixels = []
        for name in dims:
            index = pixel_index(dataset, name)
            if not _in_order(index):
                raise InvalidInputError(
                    f"The coordinate {name!r} must hold pixels of the WCS that strictly increase "
                    f"or decrease, got {index!r}: sort by {name!r} and remove duplicates"
                )
            pixels.append(index)
        y, x = pixels
        return cls(handle, y, x, dims, names)

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        """Return the angles, in degrees, of positions in the image; NaN where there is no sky."""
        y, x = (
            index[np.asarray(dim_positions[dim])]
            for dim, index in zip(self.dims, self.pixels, strict=True)
        )
        found = radec.pixel_to_radec(self.wcs.object, x, y)
        return dict(zip(self.coord_names, found, strict=True))

    def reverse(self, coord_labels: dict[Hashable, Any]) -> dict[str, Any]:
        """Return the fractional positions of angles in the image; NaN off the image."""
        ra, dec = (coord_labels[name] for name in self.coord_names)
        if 0 in self.dim_size.values():
            return dict.fromkeys(self.dims, np.full(np.shape(ra), np.nan))
        middle = tuple(float(index[len(index) // 2]) for index in self.pixels[::-1])
        x, y = radec.radec_to_pixel(self.wcs.object, ra, dec, (middle[0], middle[1]))
        places = [_place(index, at) for index, at in zip(self.pixels, (y, x), strict=True)]
        return dict(zip(self.dims, places, strict=True))

    def equals(
        self, other: CoordinateTransform, *, exclude: frozenset[Hashable] | None = None
    ) -> bool:
        """Tell whether another transform gives the same angles, without computing them."""
        if not isinstance(other, SkyTransform):
            return False
        mine, yours = (
            (t.wcs, t.coord_names, t.dims, [*zip(t.dims, t.pixels, strict=True)])
            for t in (self, other)
        )
        return mine[:3] == yours[:3] and all(
            dim in (exclude or ()) or np.array_equal(a, b)
            for (dim, a), (_, b) in zip(mine[3], yours[3], strict=True)
        )

    def part(self, indexers: Mapping[Any, Any]) -> SkyTransform | None:
        """Return the transform of a part of the image; None if its pixels are not in order."""
        pixels = []
        for dim, index in zip(self.dims, self.pixels, strict=True):
            key = indexers.get(dim, slice(None))
            if isinstance(key, xr.Variable | xr.DataArray):
                if key.dims != (dim,):
                    return None
                key = key.values
            chosen = index[key] if isinstance(key, slice) else index[np.asarray(key)]
            if np.ndim(chosen) != 1 or not _in_order(chosen):
                return None
            pixels.append(chosen)
        return self.like(pixels)

    def like(self, pixels: list[np.ndarray]) -> SkyTransform:
        """Return the transform of other rows and columns with the same names."""
        (y, x), (row, column), (ra, dec) = pixels, self.dims, self.coord_names
        return SkyTransform(self.wcs, y, x, (row, column), (ra, dec))


class SkyIndex(CoordinateTransformIndex):
    """An index that selects pixels by right ascension and declination and follows slices."""

    transform: SkyTransform

    def isel(self, indexers: Mapping[Any, Any]) -> SkyIndex | None:
        """Return the index of a part of the image; None for rows, columns and single pixels."""
        part = self.transform.part(indexers)
        return None if part is None else SkyIndex(part)

    def sel(self, labels: Labels, method: Any = None, tolerance: Any = None) -> IndexSelResult:
        """Return the pixels that contain positions.

        Raises
        ------
        InvalidInputError
            The method is not ``"nearest"``, an angle is missing, or an array does not have named
            dimensions.
        MissingKeyError
            A position is off the image.
        """
        if not isinstance(method, str) or method != "nearest" or tolerance is not None:
            raise InvalidInputError(
                "method must be 'nearest' and tolerance None, because a position never equals that "
                "of a pixel exactly: use sel(ra=..., dec=..., method='nearest')"
            )
        names = self.transform.coord_names
        if missing := [str(name) for name in names if name not in labels]:
            raise InvalidInputError(
                f"A position must have both angles, but {', '.join(missing)} is missing"
            )
        given = [_label(labels[name]) for name in names]
        if given[0].dims != given[1].dims or given[0].shape != given[1].shape:
            raise InvalidInputError(
                f"{names[0]} and {names[1]} must be two numbers, or two DataArrays with the same "
                f"dimensions, got {dict(given[0].sizes)} and {dict(given[1].sizes)}: pass, for "
                "example, xarray.DataArray(ra, dims='source')"
            )
        angles = [label.values for label in given]
        places = self.transform.reverse(dict(zip(names, angles, strict=True)))
        require_inside(places, angles)
        # The result keeps the coordinates of the points, except those that the pixels have, too.
        own = {*names, *self.transform.dims, *schema.PIXELS}
        coords = {k: v for k, v in given[0].coords.items() if k not in own}
        return IndexSelResult(
            {
                dim: xr.DataArray(np.round(place).astype(np.int64), coords, given[0].dims)
                for dim, place in places.items()
            }
        )

    @classmethod
    def concat(cls, indexes: Any, dim: Hashable, positions: Any = None) -> SkyIndex:
        """Return the index of parts of one image that are concatenated along ``dim``.

        Raises
        ------
        InvalidInputError
            The parts do not belong to one image, or are not in order.
        """
        parts = [index.transform for index in indexes]
        first, axis = parts[0], [str(name) for name in parts[0].dims].index(str(dim))
        pixels = np.concatenate([part.pixels[axis] for part in parts])
        if positions is not None:
            pixels = pixels[np.argsort(np.concatenate(positions))]
        alike = all(first.equals(part, exclude=frozenset({dim})) for part in parts)
        if not alike or not _in_order(pixels):
            raise InvalidInputError(
                f"Images with sky coordinates must be parts of one image, in order: {_DROP}"
            )
        joined = [*first.pixels]
        joined[axis] = pixels
        return cls(first.like(joined))

    def join(self, other: Any, how: str = "inner") -> Any:
        """Refuse to align images whose pixels have different positions on the sky."""
        raise InvalidInputError(
            f"Images that are aligned must have the same positions on the sky: {_DROP}"
        )

    def __repr__(self) -> str:
        return f"SkyIndex{tuple(self.transform.dim_size.values())}"

    def _repr_inline_(self, max_width: int) -> str:
        return repr(self)


def with_sky(
    image: Image, wcs: WCSLike | None = None, dims: Pair = schema.PIXELS, names: Pair = schema.SKY
) -> Image:
    """Return an image with lazy coordinates of right ascension and declination."""
    dataset = image.to_dataset(name="image") if isinstance(image, xr.DataArray) else image
    variables = dataset.data_vars if isinstance(image, xr.Dataset) else ()
    if taken := [str(name) for name in names if name in variables]:
        raise InvalidInputError(
            f"The Dataset must not have variables {' or '.join(taken)}: rename them first"
        )
    index = SkyIndex(SkyTransform.of(dataset, wcs, dims, names))
    made = index.create_variables()
    frame = equatorial_frame(index.transform.wcs.object)
    for name, row in zip(names, schema.SKY, strict=True):
        made[name].attrs = {**coordinate_attrs(row), "radesys": frame.name.upper()}
        if getattr(frame, "equinox", None) is not None:
            old = frame.name.startswith("fk4")
            made[name].attrs["equinox"] = float(frame.equinox.byear if old else frame.equinox.jyear)
    bare = image.drop_vars([name for name in names if name in image.coords])
    return bare.assign_coords(xr.Coordinates(made, dict.fromkeys(made, index)))


def without_sky(dataset: xr.Dataset) -> xr.Dataset:
    """Return a Dataset without the coordinates ``ra`` and ``dec``."""
    return dataset.drop_vars([name for name in schema.SKY if name in dataset.coords])


def has_sky(dataset: xr.Dataset) -> bool:
    """Tell whether every pixel of an image has ``ra`` and ``dec``."""
    pixels = set(schema.PIXELS)
    return all(n in dataset.coords and set(dataset[n].dims) == pixels for n in schema.SKY)


def _label(value: Any) -> xr.DataArray:
    """Return one angle or several angles in degrees, as a DataArray."""
    if isinstance(value, xr.Variable | xr.DataArray):
        return xr.DataArray(value)
    if getattr(value, "ndim", 0) or isinstance(value, list | tuple):
        raise InvalidInputError(
            "Several angles must be a DataArray with named dimensions, got an array: use "
            "xarray.DataArray(ra, dims='source'), and dec along the same dimension"
        )
    return xr.DataArray(degrees(value))


def degrees(value: Any) -> float:
    """Return an angle as a number of degrees.

    Raises
    ------
    InvalidInputError
        The value is not an angle.
    """
    try:
        return number("An angle", value, unit="deg")
    except InvalidInputError as error:
        raise InvalidInputError(
            "An angle must be a number of degrees or a Quantity with units of angle, got "
            f"{shown(value)}"
        ) from error


def _in_order(index: np.ndarray) -> bool:
    """Tell whether pixels strictly increase or strictly decrease, as in a slice."""
    if index.dtype.kind not in "iuf":
        return False
    steps = np.diff(index.astype(np.float64))
    return bool((steps > 0).all() or (steps < 0).all())


def _place(index: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """Return the positions of pixels along an axis; NaN beyond half a pixel from its ends."""
    known = index.astype(np.float64)
    first, last = (known[1] - known[0], known[-1] - known[-2]) if len(known) > 1 else (1.0, 1.0)
    known = np.concatenate([[known[0] - first], known, [known[-1] + last]])
    places = np.arange(-1.0, len(known) - 1)
    if known[0] > known[-1]:
        known, places = known[::-1], places[::-1]
    place = np.interp(pixel, known, places, left=np.nan, right=np.nan)
    # A position on the outer border belongs to the adjacent pixel.
    outside = ~((place >= -0.5 - 1e-6) & (place <= len(index) - 0.5 + 1e-6))
    return np.where(outside, np.nan, np.clip(place, -0.5 + 1e-9, len(index) - 0.5 - 1e-9))


def require_inside(places: Mapping[str, np.ndarray], angles: list[np.ndarray]) -> None:
    """Raise a `MissingKeyError` if a position is off the image."""
    lost = np.isnan(np.sum([np.asarray(place) for place in places.values()], axis=0))
    if lost.any():
        ra, dec = (float(np.asarray(values)[lost][0]) for values in angles)
        which = "The position" if lost.ndim == 0 else f"One of {lost.sum()} positions"
        raise MissingKeyError(
            f"{which} is off the image: ra={ra:.7f}, dec={dec:.7f} degrees. Use "
            ".resample.footprint() to see what the image covers"
        )
