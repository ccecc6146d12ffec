"""Exposures: Datasets that are made, checked, and read as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample.arguments import flag, mapping
from xresample.errors import InvalidExposureError, InvalidInputError, MissingKeyError, listing
from xresample.wcs.handle import WCSHandle, WCSLike
from xresample.wcs.pixels import Pixels

from . import schema
from .arrays import ExposureArrays, PlainArray
from .coordinates import coordinate_attrs, wcs_variable
from .dq_flags import ALL_BITS, flag_map_to_cf, flag_values
from .facts import facts_of, new_identity, with_identity
from .options import Options
from .own_pixels import in_own_pixels
from .pixels import fault_of_pixels, image_shape, pixels_of
from .quantities import number_of, plain_attr
from .validation import NEGATIVE, validate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


EVERYTHING = slice(None)
"""All rows, or all columns."""


def make_exposure(
    data: ArrayLike,
    wcs: WCSLike | None = None,
    *,
    err: ArrayLike | None = None,
    dq: ArrayLike | None = None,
    variances: Mapping[str, ArrayLike] | None = None,
    weight_map: ArrayLike | None = None,
    units: str | None = None,
    flag_map: Mapping[str, int] | None = None,
    **attrs: Any,
) -> xr.Dataset:
    """Make an exposure from arrays, or from the HDUs of a FITS file.

    Parameters
    ----------
    data : array_like or astropy.io.fits.HDUList
        Image, ``(y, x)``; or HDUs, which are read like a file: with the planes, WCS and attributes
        that `open_exposures` finds. Then the other arrays must not be given, and ``group=``
        chooses one of several images.
    wcs : gwcs.WCS, astropy.wcs.WCS or str, optional
        The WCS of the image, or its ASDF text. An exposure without a WCS can be added with
        ``pixmap=``.
    err : array_like, optional
        Standard deviation, ``(y, x)``, in the units of ``data``.
    dq : array_like of int, optional
        Bit flags, ``(y, x)``. Default: all pixels are good.
    variances : mapping of str to array_like, optional
        Variances, ``(y, x)``, in squared units of ``data``, by names that start with ``var_``.
    weight_map : array_like, optional
        Weights of the pixels, ``(y, x)``, for ``weight_type="map"``. Must not be negative; pixels
        whose weight is not finite have weight 0.
    units : str, optional
        Units of ``data``, such as ``"MJy/sr"``.
    flag_map : mapping of str to int, optional
        Value of each flag of ``dq`` by its name.
    **attrs
        ``filename``, ``group_id``, ``exposure_time``, ``measurement_time``, ``duration``
        (seconds), ``start_time``, ``end_time`` (MJD), ``pixelarea_steradians``, ``level``,
        ``subtracted``, ``instrument``, ``detector``, ``filter``, ``target``, ``date`` (ISO 8601)
        and zero points such as ``photflam``. None counts as absent. Other attributes are kept,
        except ``exposure``, which is the identity of the new exposure.

    Returns
    -------
    xarray.Dataset
        The exposure, which shares the arrays. The attribute ``exposure`` and the coordinate
        ``exposure`` hold its identity, so that its attributes are not mistaken for those of
        another exposure.

    Raises
    ------
    InvalidExposureError
        The arrays are not an exposure; lists every fault.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> exposure = xrs.make_exposure(np.zeros((4, 5)), exposure_time=10.0, units="DN/s")
    >>> exposure.sizes["x"], exposure.attrs["exposure_time"]
    (5, 10.0)
    """
    variances = {} if variances is None else mapping("variances", variances)
    planes = {"data": data, "err": err, **variances, "dq": dq, schema.WEIGHT_MAP: weight_map}
    taken = ExposureArrays.of(planes, units)
    faults = [
        *taken.faults,
        *(
            f"the name of a variance must start with 'var_', got {name!r}"
            for name in variances
            if not schema.is_variance(name)
        ),
    ]
    known = _attrs(attrs, taken.units, faults)
    flags = _flags(flag_map, faults)
    arrays = taken.planes
    shape = arrays["data"].shape if "data" in arrays else ()
    if len(shape) != 2 and ("data" in arrays or not taken.faults):
        faults.append(f"data must be an image (y, x), got shape {shape}")
    faults += [
        f"{name} must have the shape of data, {shape}, got {array.shape}"
        for name, array in arrays.items()
        if array.shape != shape and "data" in arrays
    ]
    if faults:
        raise InvalidExposureError(listing("The arrays are not an exposure", faults))
    variables = {}
    for name, array in arrays.items():
        row = schema.require_row(schema.EXPOSURE, name)
        labels = schema.variable_attrs(name, row, taken.units, beside=arrays)
        variables[name] = xr.Variable(schema.PIXELS, array, labels)
    if "dq" in variables and flags:
        variables["dq"].attrs |= flag_map_to_cf(flags)
    indices = {name: np.arange(size) for name, size in zip(schema.PIXELS, shape, strict=True)}
    indices |= {name: index.values for name, index in taken.coords.items()}
    coords = {name: (name, k, coordinate_attrs(name)) for name, k in indices.items()}
    exposure = xr.Dataset(variables, coords, known)
    exposure = with_identity(exposure, new_identity(known.get("filename")))
    own_wcs = taken.wcs if wcs is None else wcs
    if own_wcs is not None:
        exposure = assign_wcs(exposure, own_wcs)
    validate(exposure)
    return exposure


def assign_wcs(dataset: xr.Dataset, wcs: WCSLike) -> xr.Dataset:
    """Return the Dataset with a WCS, which is given as an object or as ASDF text.

    Raises
    ------
    UnsupportedWCSError
        The object cannot be written as text.
    WCSTextError
        The text is not the ASDF text of a WCS.
    """
    handle = WCSHandle.saved(wcs)
    if isinstance(wcs, str):
        # Parsing checks the text; the first use of the WCS finds the parsed object in the cache.
        _ = handle.object
    return dataset.assign_coords({schema.WCS: wcs_variable(handle.text)})


def wcs_of(dataset: xr.Dataset) -> WCSHandle | None:
    """Return the WCS of a Dataset; None if the Dataset has no WCS.

    Raises
    ------
    InvalidInputError
        The Dataset holds several exposures, each with its WCS.
    """
    if schema.WCS not in dataset.coords:
        return None
    text = dataset.coords[schema.WCS]
    if text.ndim:
        raise InvalidInputError(
            f"The coordinate 'wcs' must hold one WCS, got {text.size} along {text.dims[0]!r}: take "
            f"one exposure, for example with .isel({text.dims[0]}=0)"
        )
    return WCSHandle(str(text.values))


def required_wcs(dataset: xr.Dataset) -> WCSHandle:
    """Return the WCS of a Dataset.

    Raises
    ------
    MissingKeyError
        The Dataset has no WCS.
    """
    wcs = wcs_of(dataset)
    if wcs is None:
        raise MissingKeyError(
            "The Dataset has no coordinate 'wcs': assign a WCS with .resample.assign_wcs(wcs)"
        )
    return wcs


@dataclass(frozen=True)
class Exposure:
    """A valid exposure, read as plain arrays."""

    dataset: xr.Dataset
    """The Dataset in its own pixels, see `own_pixels`."""
    own_wcs: WCSHandle | None = None
    """A WCS that replaces the WCS of the Dataset."""
    given: xr.Dataset = field(init=False, repr=False)
    """The Dataset that the user gave, whose coordinates results for the user keep."""

    @classmethod
    def of(cls, dataset: Any, options: Options | None = None, pixmap: bool = False) -> Exposure:
        """Return a Dataset as an exposure after all checks; the parameters are of `validate`."""
        validate(dataset, options, pixmap)
        return cls(dataset)

    def __post_init__(self) -> None:
        object.__setattr__(self, "given", self.dataset)
        is_image = all(name in self.dataset.dims for name in schema.PIXELS)
        # `validate` reports the faults of a Dataset that is not an exposure.
        if is_image and not any(fault_of_pixels(self.dataset, name) for name in schema.PIXELS):
            object.__setattr__(self, "dataset", in_own_pixels(self.dataset))

    @cached_property
    def scalars(self) -> dict[str, Any]:
        """Scalar quantities; absent ones have their defaults."""
        return schema.exposure_scalars(facts_of(self.dataset))

    @property
    def shape(self) -> tuple[int, int]:
        """Shape, ``(y, x)``."""
        return image_shape(self.dataset)

    @cached_property
    def pixels(self) -> Pixels:
        """Rows and columns in the detector frame, which are the pixels of the WCS."""
        return pixels_of(self.dataset)

    @property
    def y(self) -> range:
        """Rows in the detector frame."""
        return self.pixels.y

    @property
    def x(self) -> range:
        """Columns in the detector frame."""
        return self.pixels.x

    @cached_property
    def wcs(self) -> WCSHandle | None:
        """The WCS; None if the exposure has no WCS."""
        return wcs_of(self.dataset) if self.own_wcs is None else self.own_wcs

    @property
    def units(self) -> str | None:
        """Units of ``data``."""
        return self.units_of("data")

    def units_of(self, name: str) -> str | None:
        """Return the units of a variable; None if unknown."""
        units = self.dataset[name].attrs.get("units")
        return None if units is None else str(units)

    @property
    def dq_attrs(self) -> Mapping[Any, Any]:
        """Attributes of ``dq``, which describe the flags; empty without flags."""
        return self.dataset["dq"].attrs if "dq" in self.dataset else {}

    @property
    def variances(self) -> tuple[str, ...]:
        """Names of the variances."""
        return tuple(str(n) for n in self.dataset.data_vars if schema.is_variance(str(n)))

    @property
    def time(self) -> float:
        """Measurement time, or else the exposure time."""
        measured = self.scalars["measurement_time"]
        return self.scalars["exposure_time"] if np.isnan(measured) else measured

    @property
    def level(self) -> float:
        """Sky level that is still in ``data``; of a plane, its value at y = x = 0."""
        return 0.0 if self.scalars["subtracted"] else self.scalars["level"]

    @property
    def level_slopes(self) -> tuple[float, float]:
        """Slopes along y and x, per pixel, of the sky level that is still in ``data``."""
        if self.scalars["subtracted"]:
            return 0.0, 0.0
        along_y, along_x = (self.scalars[name] for name in schema.LEVEL_SLOPES)
        return along_y, along_x

    def plane(
        self, name: str, rows: slice = EVERYTHING, columns: slice = EVERYTHING
    ) -> np.ndarray | None:
        """Return a plane or a part of it, ``(y, x)``, in native byte order; None if missing."""
        if name not in self.dataset:
            return None
        part = self.dataset.variables[name].transpose("y", "x")[rows, columns]
        array = part.values
        # The kernels read by address, so what a file or a lazy array really returns is checked.
        if array.shape != part.shape or array.dtype.kind != part.dtype.kind:
            raise InvalidExposureError(
                f"{self.scalars['filename'] or 'The exposure'}: {name} must return "
                f"{part.dtype} of shape {part.shape} when it is read, got {array.dtype} of shape "
                f"{array.shape}: the file or the lazy array is damaged, or has changed"
            )
        if name == "data" and schema.COADD_WEIGHT in self.dataset:
            # Where the weight of a co-added image is 0, no exposure contributed to the pixel.
            weight = self.plane(schema.COADD_WEIGHT, rows, columns)
            array = np.where(weight == 0, array.dtype.type(np.nan), array)
        if name == schema.WEIGHT_MAP and array.dtype.kind in "fi" and (array < 0).any():
            raise InvalidExposureError(f"{self.scalars['filename'] or 'The exposure'}: {NEGATIVE}")
        if array.dtype == np.float16:
            # In half precision, sums, products and inverses overflow.
            return array.astype(np.float32)
        return array.astype(array.dtype.newbyteorder("="), copy=False)


def is_lazy(dataset: xr.Dataset) -> bool:
    """Tell whether a plane of an exposure has yet to be read or computed."""
    # xarray has no public way to ask without reading the plane.
    return any(not dataset.variables[name]._in_memory for name in dataset.data_vars)


def _attrs(given: Mapping[str, Any], units: str | None, faults: list[str]) -> dict[str, Any]:
    """Return attributes as netCDF can store them, and add invalid ones to the list of faults."""
    rows = {row.name: row for row in schema.EXPOSURE_ATTRS}
    known: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        row = rows.get(name)
        try:
            if name == "subtracted":
                known[name] = int(flag(name, value))
            elif row is None or not isinstance(row.default, float):
                known[name] = plain_attr(name, value)
            elif name == "level" and hasattr(value, "unit"):
                level = PlainArray.of(value, name).in_units(units, 1, name).array
                known[name] = number_of(name, row.units, level)
            else:
                number = number_of(name, row.units, value)
                known[name] = value if isinstance(value, int | float | np.floating) else number
        except InvalidInputError as error:
            faults.append(str(error))
    return known


def _flags(flag_map: Any, faults: list[str]) -> dict[str, int]:
    """Return the value of each flag by its name, and add invalid ones to the list of faults."""
    try:
        flags = flag_values(flag_map) or {}
    except InvalidInputError as error:
        faults.append(str(error))
        return {}
    faults += [
        f"flag_map must give {name} a value of 32 bits, got {value}"
        for name, value in flags.items()
        if not 0 <= value <= ALL_BITS
    ]
    return flags
