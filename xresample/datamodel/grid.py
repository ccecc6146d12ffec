"""The output grid: a WCS, a shape and an origin; and fitting a grid to exposures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from xresample.arguments import is_iterable, known_names, number, shown, whole
from xresample.errors import GridMismatchError, InvalidInputError, listing
from xresample.wcs.caches import SharedCache
from xresample.wcs.handle import WCSHandle, WCSObject
from xresample.wcs.pixels import Pixels

from . import schema
from .coordinates import coordinate_attrs, wcs_variable
from .exposure import Exposure, wcs_of
from .memory import total_memory
from .own_pixels import in_own_pixels
from .pixels import pixel_origin
from .stack import at_least_one

FARTHEST = 2**31
"""Maximum distance of a pixel from the origin of a grid: kernels use integers."""

ALMOST_EMPTY = 1000
"""Pixels of a grid per pixel of the exposures above which a large grid is almost empty."""

SCALE_TOLERANCE = 0.01
"""Relative difference of pixel scales that distortion and rounding can explain."""
SAME = 1e-6
"""Maximum distance, in pixels, of the pixels of two grids that count as one grid."""

_areas: SharedCache[float] = SharedCache(32)
"""Mean areas of pixels, by the text of the WCS and the pixels."""

GridLike: TypeAlias = WCSObject | xr.Dataset | Mapping[str, Any] | tuple[int, int]
"""A grid: a WCS with a shape, a Dataset, a dict with the key ``"wcs"``, or a shape ``(y, x)``."""


def scales_in(given: Mapping[Any, Any]) -> dict[str, float]:
    """Return the pixel scale and the ratio of pixel scales in a dict that stands for a grid.

    Raises
    ------
    InvalidInputError
        The key ``"wcs"`` is missing, a key is unknown, or a scale is not a positive number.
    """
    if "wcs" not in given:
        raise InvalidInputError(
            f"output_wcs must have the key 'wcs', got the keys {', '.join(map(str, given))}"
        )
    units = {"pixel_scale": "arcsec", "pixel_scale_ratio": None}
    known_names("keys of output_wcs", given, ("wcs", *units))
    return {
        name: number(f"output_wcs[{name!r}]", given[name], above=0.0, unit=unit)
        for name, unit in units.items()
        if given.get(name) is not None
    }


@dataclass(frozen=True)
class Grid:
    """The grid of a mosaic, or of a part of it."""

    wcs: WCSHandle | None
    """The WCS; None for a grid that has no place on the sky."""
    shape: tuple[int, int]
    y0: int = 0
    x0: int = 0
    pixel_scale: float | None = None
    """Pixel scale in arcsec; None if unknown."""

    @classmethod
    def of(cls, target: GridLike, pixel_scale: float | None = None) -> Grid:
        """Return the grid that a WCS, a Dataset, a dict or a shape stands for.

        Raises
        ------
        UnsupportedWCSError
            The WCS has the wrong axes.
        InvalidInputError
            The grid has no pixel, or its size is unknown.
        """
        if isinstance(target, Mapping) and not isinstance(target, xr.Dataset):
            scales = scales_in(target)
            return cls.of(target["wcs"], scales.get("pixel_scale", pixel_scale))
        if isinstance(target, xr.Dataset):
            return cls._of_dataset(target, pixel_scale)
        if isinstance(target, tuple | list):
            return cls(None, checked_shape(target), pixel_scale=pixel_scale)
        if target is None or isinstance(target, str | int | float):
            raise InvalidInputError(
                "The output grid must be a WCS, a Dataset with a WCS, a dict with 'wcs', or a "
                f"shape (y, x), got {target!r}"
            )
        return cls._of_wcs(target, pixel_scale)

    @classmethod
    def _of_wcs(cls, target: WCSObject, pixel_scale: float | None) -> Grid:
        from xresample.wcs import transform as wcs

        target = wcs.without_degenerate_axes(target)
        wcs.check_axes(target)
        shape = checked_shape(wcs.array_shape(target))
        grid = cls(WCSHandle.saved(target), shape, pixel_scale=pixel_scale)
        return grid if pixel_scale is not None else replace(grid, pixel_scale=grid._own_scale())

    @classmethod
    def _of_dataset(cls, dataset: xr.Dataset, pixel_scale: float | None) -> Grid:
        shape = checked_shape((dataset.sizes.get("y", 0), dataset.sizes.get("x", 0)))
        dataset = in_own_pixels(dataset)
        wcs = wcs_of(dataset)
        scale = pixel_scale
        if scale is None and dataset.attrs.get("pixel_scale") is not None:
            held = schema.plain(dataset.attrs["pixel_scale"])
            scale = number("The attribute pixel_scale", held, above=0.0, unit="arcsec")
        grid = cls(wcs, shape, *pixel_origin(dataset), scale)
        return grid if scale is not None else replace(grid, pixel_scale=grid._own_scale())

    def __post_init__(self) -> None:
        far = max(map(abs, (self.y0, self.x0, self.y0 + self.shape[0], self.x0 + self.shape[1])))
        if far > FARTHEST:
            raise InvalidInputError(
                f"The pixels of a grid must lie within +-{FARTHEST}, got rows from {self.y0} and "
                f"columns from {self.x0}"
            )

    @property
    def origin(self) -> tuple[int, int]:
        """First row and first column."""
        return self.y0, self.x0

    @property
    def pixels(self) -> Pixels:
        """Rows and columns, in the pixels of the WCS."""
        return Pixels.of(self.shape, self.origin)

    def _own_scale(self) -> float | None:
        """Return the pixel scale from the WCS: the root of the mean pixel area."""
        from xresample.wcs import footprint as sky

        wcs, pixels = self.wcs, self.pixels
        if wcs is None:
            return None

        def measure() -> float:
            return sky.mean_pixel_area(wcs.object, pixels)

        # The owner of an object may change it, so nothing is kept for an object.
        area = measure() if wcs.is_live else _areas.get((wcs.text, pixels), measure)
        return sky.arcsec(area) if area > 0 else None

    def contradicted_scale(self) -> float | None:
        """Return the pixel scale of the WCS if the pixel scale of the grid is another one."""
        if self.pixel_scale is None or self.wcs is None or self.spectral:
            return None
        own = self._own_scale()
        if own is None or abs(self.pixel_scale / own - 1.0) <= SCALE_TOLERANCE:
            return None
        return own

    @cached_property
    def spectral(self) -> bool:
        """Whether the WCS has a spectral axis."""
        from xresample.wcs.transform import is_spectral

        return self.wcs is not None and is_spectral(self.wcs.object)

    @property
    def pixel_area(self) -> float:
        """Area of a pixel in steradians; NaN if unknown."""
        if self.pixel_scale is None:
            return math.nan
        return float(self.pixel_scale**2 * np.deg2rad(1 / 3600) ** 2)

    def coords(self) -> dict[str, Any]:
        """Return the coordinates of a Dataset on this grid."""
        coords: dict[str, Any] = {
            name: (name, np.arange(side.start, side.stop), coordinate_attrs(name))
            for name, side in self.pixels._asdict().items()
        }
        if self.wcs is not None:
            coords[schema.WCS] = wcs_variable(self.wcs.text)
        return coords

    def dataset(self) -> xr.Dataset:
        """Return the grid as a Dataset without planes, which keeps the pixel scale."""
        attrs = {} if self.pixel_scale is None else {"pixel_scale": self.pixel_scale}
        return xr.Dataset(coords=self.coords(), attrs=attrs)

    def part(self, y: range, x: range) -> Grid:
        """Return a part of the grid: rows and columns, counted in its pixels."""
        shape = len(y), len(x)
        return replace(self, shape=shape, y0=self.y0 + y.start, x0=self.x0 + x.start)

    def require_equal(self, other: Grid) -> None:
        """Raise a `GridMismatchError` that names the differences between two grids."""
        differences = []
        if (self.y0, self.x0, *self.shape) != (other.y0, other.x0, *other.shape):
            differences.append(
                f"pixels: rows from {self.y0} and columns from {self.x0}, shape {self.shape}; "
                f"and rows from {other.y0} and columns from {other.x0}, shape {other.shape}"
            )
        if self.wcs != other.wcs and not (apart := self._distance(other)) <= SAME:
            far = f"up to {apart:.2g} pixel apart" if apart < math.inf else "on different skies"
            differences.append(f"wcs: the same pixels of the two WCSs are {far}")
        if differences:
            raise GridMismatchError(
                listing(
                    "The mosaics are on different grids, so they cannot be combined. Differences",
                    differences,
                )
            )

    def _distance(self, other: Grid) -> float:
        """Return the maximum distance of the same pixel in two WCSs; infinite if unknown."""
        from xresample.wcs.transform import largest_offset

        if self.wcs is None or other.wcs is None:
            return math.inf
        rows, columns = self.pixels
        return largest_offset(other.wcs.object, self.wcs.object, columns, rows)


def checked_shape(shape: Any) -> tuple[int, int]:
    """Return a shape as two integers, ``(y, x)``, or raise an error."""
    sides = list(shape) if is_iterable(shape) and not isinstance(shape, str) else []
    try:
        ny, nx = (whole("side", side, at_least=1, at_most=FARTHEST) for side in sides)
    except ValueError:
        raise InvalidInputError(
            f"The shape of a grid must be two positive integers (y, x) up to {FARTHEST}, got "
            f"{shown(shape)}"
        ) from None
    return ny, nx


def fit_wcs(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    *,
    pixel_scale: float | Any | None = None,
    pixel_scale_ratio: float = 1.0,
    rotation: float | Any = 0.0,
    reference: tuple[float, float] | Any | None = None,
    align_with: GridLike | None = None,
    margin: int = 0,
    padding: float | Any = 0.0,
) -> Any:
    """Return a grid that covers exposures: a tangent projection with square pixels.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures to cover, or a stack of them (see `concat`); only their footprints are used.
    pixel_scale : float or Quantity, optional
        Pixel scale, in arcsec unless it has units. Default: that of the first exposure times
        ``pixel_scale_ratio``.
    pixel_scale_ratio : float, optional
        Pixel scale of the grid over that of the first exposure.
    rotation : float or Quantity, optional
        Position angle of the y axis east of north, in degrees unless it has units.
    reference : (float, float), pair of Quantity, or SkyCoord, optional
        Tangent point in ICRS, in degrees unless it has units. Default: the middle of the
        exposures.
    align_with : WCS or Dataset, optional
        A grid with whose pixels the new pixels coincide: the result is this grid, shifted by whole
        pixels and with another shape. The grid may be distorted. Scale, rotation and reference are
        ignored.
    margin : int, optional
        Number of pixels to add on every side.
    padding : float or Quantity, optional
        Angle to add on every side, in arcsec unless it has units; rounded up to whole pixels, in
        addition to ``margin``.

    Returns
    -------
    astropy.wcs.WCS
        The grid, with ``array_shape``, ``(y, x)``.

    Raises
    ------
    InvalidInputError
        There are no exposures, none has a footprint on the sky, or an argument is invalid.
    UnsupportedWCSError
        An exposure is a spectrum, or the exposures have different celestial frames that cannot be
        rotated, such as frames of the Sun.

    Examples
    --------
    >>> import xresample as xrs
    >>> xrs.fit_wcs([])
    Traceback (most recent call last):
        ...
    xresample.errors.InvalidInputError: fit_wcs needs at least one exposure, got none
    """
    from xresample.wcs.fit import Border, Tangent, aligned_grid, tangent_grid

    readers = [Exposure.of(dataset) for dataset in at_least_one(exposures, "fit_wcs")]
    if lacking := [e.scalars["filename"] or "?" for e in readers if e.wcs is None]:
        raise InvalidInputError(
            f"fit_wcs needs exposures with a WCS, got exposures without: {', '.join(lacking)}"
        )
    placed = [(e.wcs, e.pixels) for e in readers if e.wcs is not None]
    margin = whole("margin", margin)
    added = number("padding", padding, unit="arcsec")
    if added < 0:
        raise InvalidInputError(f"padding must not be negative, got {shown(padding)}")
    if align_with is not None:
        fitted = aligned_grid(placed, Grid.of(align_with).wcs, Border(margin, added))
    else:
        wanted = Tangent(pixel_scale, pixel_scale_ratio, rotation, reference)
        fitted = tangent_grid(placed, wanted, Border(margin, added))
    _require_size(fitted, readers)
    return fitted


def _require_size(fitted: Any, exposures: list[Exposure]) -> None:
    """Raise an error for a grid larger than the memory that is almost empty: names the outlier."""
    (ny, nx), available = fitted.array_shape, total_memory()
    if max(ny, nx) > FARTHEST:
        raise InvalidInputError(
            f"The grid must have at most {FARTHEST} pixels per side, got {float(max(ny, nx)):.3g}: "
            "check pixel_scale, pixel_scale_ratio and margin"
        )
    covered = sum(exposure.shape[0] * exposure.shape[1] for exposure in exposures)
    if available is None or ny * nx * 4 < available or ny * nx < ALMOST_EMPTY * covered:
        return
    plane = f"{ny} x {nx} pixels, one plane of which takes {ny * nx * 4 / 2**30:.0f} GiB"
    meant = (
        "For a grid that is meant to be this large, make the WCS yourself, look at "
        "xresample.plan(...), and co-add with chunks="
    )
    stray, distance, pixel = _farthest(exposures)
    # Grids of the pixels of the exposures are almost empty only if the exposures are far apart.
    if not (2 * distance / pixel) ** 2 >= ALMOST_EMPTY * covered:
        raise InvalidInputError(
            f"The grid must fit the memory of this machine, got {plane}: check pixel_scale (in "
            f"arcsec), pixel_scale_ratio, margin and padding. {meant}"
        )
    name = exposures[stray].scalars["filename"] or f"number {stray}"
    raise InvalidInputError(
        f"The exposures must lie close together, got a grid of {plane} and is almost empty. The "
        f"exposure {name} lies {distance:.3g} degrees from the middle of the others: leave it out. "
        f"{meant}"
    )


def _farthest(exposures: list[Exposure]) -> tuple[int, float, float]:
    """Return the exposure that is farthest from the middle, its distance, and the size of a pixel.

    Distance and size are in degrees.
    """
    from xresample.wcs.celestial import separation
    from xresample.wcs.footprint import pixel_scale

    outlines = [np.deg2rad(_outline(exposure)) for exposure in exposures]
    # Angles on both sides of right ascension 0 have no mean, but directions have.
    vectors = [
        np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
        for ra, dec in (outline.T for outline in outlines)
    ]
    centres = np.array([np.nanmean(vector, axis=0) for vector in vectors])
    ra, dec = (np.rad2deg(angle) for angle in _angles(centres))
    ra0, dec0 = (np.rad2deg(angle) for angle in _angles(np.nanmedian(centres, axis=0)))
    far = separation(ra0, dec0, ra, dec)
    stray = int(np.nanargmax(far))
    wcs = exposures[stray].wcs
    scale = math.nan if wcs is None else pixel_scale(wcs.object, exposures[stray].pixels)
    return stray, float(far[stray]), scale / 3600


def _angles(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return right ascension and declination of directions, in radians."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))


def _outline(exposure: Exposure) -> np.ndarray:
    """Return the outline of an exposure on the sky, ``(point, 2)`` in degrees."""
    from xresample.wcs.footprint import footprint

    wcs = exposure.wcs
    if wcs is None:
        return np.full((1, 2), np.nan)
    return footprint(wcs.object, exposure.pixels)
