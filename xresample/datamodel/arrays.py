"""Arrays of other packages as plain arrays: masks, units and uncertainties are kept or refused.

======================================  =========================================================
array                                   becomes
======================================  =========================================================
masked array of numpy, astropy or dask  NaN where it is masked
Quantity                                numbers in the units of ``data``, or their square
NDData, CCDData                         its data, mask, unit, uncertainty (``err``), flags and WCS
uncertainty of NDData                   a standard deviation, or a variance
DataArray                               its array, in the order ``(y, x)``, and its units
======================================  =========================================================

This module recognises arrays by their attributes, so it imports none of these packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import xarray as xr

from xresample.arguments import array as array_of
from xresample.errors import InvalidInputError

from . import schema
from .units import factor_between, parsed, power_of, same_units, units_text


@dataclass(frozen=True)
class PlainArray:
    """An array without mask and units, which are held beside it."""

    array: Any
    """An array of numpy, dask or xarray."""
    mask: Any = None
    """True where the array has no value; None: it has a value everywhere."""
    units: str | None = None
    """None if unknown."""
    uncertainty: Any = None
    """Uncertainty that came with the array."""
    flags: Any = None
    """Flags that came with the array."""
    wcs: Any = None
    """WCS that came with the array."""
    coords: Mapping[str, xr.DataArray] = field(default_factory=dict)
    """Rows and columns of the detector that came with the array."""

    @classmethod
    def of(cls, value: Any, name: str) -> PlainArray:
        """Take an array of any package apart.

        Parameters
        ----------
        value : array_like
            The array.
        name : str
            Name of the plane, which tells whether an uncertainty becomes a variance.

        Raises
        ------
        InvalidInputError
            The array has units or a mask that this function does not know.
        """
        if type(value) is np.ndarray:
            return cls(value)
        if hasattr(value, "uncertainty") and hasattr(value, "meta"):
            return cls._of_nddata(value, name)
        if hasattr(value, "uncertainty_type"):
            return cls._of_uncertainty(value, name)
        if isinstance(value, xr.DataArray | xr.Variable):
            return cls._of_xarray(value)
        if hasattr(value, "magnitude"):
            raise InvalidInputError(
                f"{name} must be an array, or a Quantity of astropy, got {type(value).__name__} "
                "with a magnitude: pass its magnitude, and the units of data with units="
            )
        if hasattr(value, "_meta"):
            return cls._of_dask(value, name)
        return cls._of_array(value, name)

    @classmethod
    def _of_array(cls, value: Any, name: str) -> PlainArray:
        mask = None
        if isinstance(value, np.ma.MaskedArray):
            mask = None if value.mask is np.ma.nomask else np.ma.getmaskarray(value)
            units = units_text(getattr(value, "unit", None))
            return cls(np.asarray(value.data), mask, units)
        if hasattr(value, "unmasked"):
            value, mask = value.unmasked, np.asarray(value.mask)
        units = units_text(getattr(value, "unit", None))
        value = getattr(value, "value", value) if units is not None else value
        is_array = hasattr(value, "shape") and hasattr(value, "dtype")
        return cls(value if is_array else array_of(name, value), mask, units)

    @classmethod
    def _of_nddata(cls, value: Any, name: str) -> PlainArray:
        inner = cls.of(value.data, name)
        masks = [mask for mask in (inner.mask, value.mask) if mask is not None]
        wcs = getattr(value, "wcs", None)
        return cls(
            inner.array,
            None if not masks else np.logical_or.reduce([np.asarray(mask) for mask in masks]),
            inner.units if value.unit is None else units_text(value.unit),
            value.uncertainty,
            getattr(value, "flags", None),
            getattr(wcs, "low_level_wcs", wcs),
        )

    @classmethod
    def _of_uncertainty(cls, value: Any, name: str) -> PlainArray:
        """Return an uncertainty as a standard deviation or, for a variance, as a variance."""
        kind, wants_variance = value.uncertainty_type, schema.is_variance(name)
        if kind not in ("std", "var", "ivar"):
            raise InvalidInputError(
                f"{name} must be a standard deviation, a variance or an inverse variance, got an "
                f"uncertainty of the type {kind!r}: pass an array"
            )
        found = cls._of_array(value.array, name)
        array, power = np.asarray(found.array), {"std": 1, "var": 2, "ivar": -2}[kind]
        wanted = 2 if wants_variance else 1
        with np.errstate(divide="ignore", invalid="ignore"):
            array = array if power == wanted else array ** (wanted / power)
        units = parsed(units_text(value.unit) or "")
        scaled = None if value.unit is None or units is None else units ** Fraction(wanted, power)
        return cls(array, found.mask, units_text(scaled))

    @classmethod
    def _of_xarray(cls, value: xr.DataArray | xr.Variable) -> PlainArray:
        units, coords = units_text(value.attrs.get("units")), {}
        variable = value.variable if isinstance(value, xr.DataArray) else value
        if set(variable.dims) == set(schema.PIXELS):
            variable = variable.transpose(*schema.PIXELS)
        if isinstance(value, xr.DataArray):
            coords = {n: value.coords[n] for n in schema.PIXELS if n in value.coords}
        wcs = value.coords.get(schema.WCS) if isinstance(value, xr.DataArray) else None
        text = None if wcs is None or wcs.ndim else str(wcs.values)
        return cls(variable, None, units, wcs=text, coords=coords)

    @classmethod
    def _of_dask(cls, value: Any, name: str) -> PlainArray:
        if isinstance(value._meta, np.ma.MaskedArray):
            empty = np.empty((0,) * value.ndim, value.dtype)
            mask = value.map_blocks(np.ma.getmaskarray, dtype=bool, meta=empty.astype(bool))
            return cls(value.map_blocks(np.ma.getdata, dtype=value.dtype, meta=empty), mask)
        if type(value._meta) is not np.ndarray:
            raise InvalidInputError(
                f"{name} must be a dask array of numpy arrays, got {type(value._meta).__name__}"
            )
        return cls(value)

    def in_units(self, target: str | None, power: int, name: str) -> PlainArray:
        """Return the array in a power of the units of ``data``.

        Raises
        ------
        InvalidInputError
            The units cannot be converted.
        """
        if self.units is None:
            return self
        if target is None:
            if factor_between(self.units, "") == 1.0:
                return replace(self, units=None)
            raise InvalidInputError(
                f"{name} has the units {self.units!r}, but data has none: give the units of data "
                "with units="
            )
        if power == 1 and same_units(self.units, target):
            return self
        factor = factor_between(self.units, target, power)
        if factor is None:
            wanted = power_of(target, power)
            like = f"units like {wanted!r}" if wanted else "no units"
            raise InvalidInputError(f"{name} must have {like}, got {self.units!r}")
        return self if factor == 1.0 else replace(self, array=self.array * factor)

    def without_mask(self, further: Any = None) -> Any:
        """Return the array with NaN where it, or a further mask, is masked."""
        array = self.array
        for mask in (self.mask, further):
            if mask is not None and array.ndim == len(schema.PIXELS):
                there = ~xr.Variable(schema.PIXELS, _spread(mask, array.shape))
                array = xr.Variable(schema.PIXELS, array).where(there).data
        return array


@dataclass(frozen=True)
class ExposureArrays:
    """The planes of an exposure as plain arrays."""

    planes: dict[str, Any]
    units: str | None
    """Units of ``data``."""
    wcs: Any
    """WCS that came with ``data``."""
    coords: Mapping[str, xr.DataArray]
    """Rows and columns of the detector that came with ``data``."""
    faults: list[str]

    @classmethod
    def of(cls, given: Mapping[str, Any], units: Any = None) -> ExposureArrays:
        """Return the planes of an exposure in the units of ``data``, with NaN for masked pixels.

        Parameters
        ----------
        given : mapping of str to array_like
            The planes by name; None: missing.
        units : str or Unit, optional
            Units of ``data``. Default: those that the array has.
        """
        faults: list[str] = []
        plain = _taken_apart(given, faults)
        data = plain.get("data", PlainArray(np.zeros(())))
        with_data = {"err": data.uncertainty, "dq": data.flags}
        missing = {name: value for name, value in with_data.items() if name not in plain}
        plain |= _taken_apart(missing, faults)
        target = units_text(units)
        if target is None and data.units is not None and factor_between(data.units, "") != 1.0:
            target = data.units
        hidden = plain["dq"].mask if "dq" in plain else None
        planes = {}
        for name, plane in plain.items():
            row = schema.row_of(schema.EXPOSURE, name)
            try:
                converted = plane.in_units(target, row.power if row else 2, name)
                further = hidden if name == "data" else None
                as_is = name in ("dq", "weight_map")
                planes[name] = plane.array if as_is else converted.without_mask(further)
            except InvalidInputError as error:
                faults.append(str(error))
                planes[name] = plane.array
            if any(not own.equals(data.coords.get(n, own)) for n, own in plane.coords.items()):
                faults.append(f"{name} must have the coordinates y and x of data")
        return cls(planes, target, data.wcs, data.coords, faults)


def _taken_apart(given: Mapping[str, Any], faults: list[str]) -> dict[str, PlainArray]:
    """Take arrays apart, and add to the list of faults what cannot be used."""
    plain = {}
    for name, value in given.items():
        if value is not None:
            try:
                plain[name] = PlainArray.of(value, name)
            except InvalidInputError as error:
                faults.append(str(error))
    return plain


def bare_array(value: Any, name: str, allowed: str = "") -> np.ndarray:
    """Return an array that must have no units, with NaN where it is masked.

    Parameters
    ----------
    value : array_like
        The array, of any shape.
    name : str
        Its name, for messages.
    allowed : str, optional
        Units that the array may have, in addition to none.

    Raises
    ------
    InvalidInputError
        The array has other units.
    """
    plain = PlainArray.of(value, name)
    if plain.units and not same_units(plain.units, allowed):
        raise InvalidInputError(
            f"{name} must have no units{allowed and f', or {allowed}'}, got {plain.units!r}"
        )
    array = array_of(name, plain.array)
    if plain.mask is None:
        return array
    return np.where(_spread(plain.mask, array.shape), np.nan, array)


def _spread(mask: Any, shape: tuple[int, ...]) -> Any:
    """Return a mask of a shape; one truth value stands for all pixels.

    Raises
    ------
    InvalidInputError
        The mask has another shape.
    """
    if np.ndim(mask) == 0:
        return np.full(shape, bool(mask))
    if np.shape(mask) != tuple(shape):
        raise InvalidInputError(
            f"A mask must have the shape of its array, {tuple(shape)}, got {np.shape(mask)}"
        )
    return mask
