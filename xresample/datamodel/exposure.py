"""Exposures: Datasets that are made, checked, and read as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample.arguments import flag, mapping
from xresample.errors import InvalidExposureError, InvalidInputError, MissingKeyError
from xresample.wcs.handle import WCSHandle, WCSLike
from xresample.wcs.pixels import Pixels

from . import schema
from .arrays import ExposureArrays, PlainArray
from .coordinates import coordinate_attrs, wcs_variable
from .dq_flags import ALL_BITS, flag_map_to_cf, flag_values
from .facts import facts_of, identity_fault, name_of, new_identity, with_identity
from .further_faults import NEGATIVE, WEIGHT_MAP, faults_of_flags, faults_of_map, faults_of_plane
from .options import Options
from .own_pixels import in_own_pixels
from .pixels import fault_of_pixels, image_shape, pixels_of
from .quantities import number_of, plain_attr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


EVERYTHING = slice(None)
"""All rows, or all columns."""

COADD_WEIGHT = "wht"
"""Variable of a mosaic that is 0 where no exposure contributes; such pixels are no measurement."""


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
    planes = {"data": data, "err": err, **variances, "dq": dq, WEIGHT_MAP: weight_map}
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
        raise InvalidExposureError(_listing("The arrays are not an exposure", faults))
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


def validate(exposure: Any, options: Options | None = None, pixmap: bool = False) -> None:
    """Raise an `InvalidExposureError` that lists all faults of an exposure.

    Parameters
    ----------
    exposure : xarray.Dataset
        The exposure to check.
    options : Options, optional
        Options of the mosaic, which may require further variables or attributes.
    pixmap : bool, optional
        Whether a pixel map replaces the WCS.
    """
    if not isinstance(exposure, xr.Dataset):
        raise InvalidExposureError(
            "An exposure must be an xarray.Dataset (from make_exposure or open_dataset), got "
            f"{type(exposure).__name__}"
        )
    faults = _faults(exposure)
    if options is not None:
        faults += _unmet(exposure, options, pixmap)
    if faults:
        name = name_of(exposure) or "The exposure"
        raise InvalidExposureError(_listing(f"{name} cannot be used", faults))


def _faults(exposure: xr.Dataset) -> list[str]:
    """Return the faults of an exposure that do not depend on options."""
    faults = []
    for row in schema.EXPOSURE:
        if row.needed and row.name not in exposure:
            held = ", ".join(map(str, exposure.data_vars)) or "no variables"
            faults.append(f"{row.name} is missing, the Dataset has: {held}")
    for name in map(str, exposure.data_vars):
        known = schema.row_of(schema.EXPOSURE, name)
        if known is None:
            continue
        variable = exposure[name]
        if set(variable.dims) != set(known.dims):
            hint = ""
            if schema.IDENTITY in variable.dims:
                hint = ": take one exposure of the stack with .isel(exposure=...), or co-add all"
            faults.append(
                f"{name} must have the dimensions {known.dims}, got {variable.dims}{hint}"
            )
        elif 0 in variable.shape:
            faults.append(
                f"{name} must have at least one pixel, got the empty shape {variable.shape}"
            )
        kinds = "iu" if known.dtype == "iu" else "fiu"
        if variable.dtype.kind not in kinds:
            faults.append(
                f"{name} must hold {'integers' if kinds == 'iu' else 'real numbers'}, got type "
                f"{variable.dtype}"
            )
    for name in schema.PIXELS:
        if name in exposure.coords and (fault := fault_of_pixels(exposure, name)):
            faults.append(fault)
    if fault := identity_fault(exposure):
        return [*faults, fault]
    try:
        schema.exposure_scalars(facts_of(exposure))
    except (TypeError, ValueError) as error:
        return [*faults, f"an attribute has an invalid value: {error}"]
    return faults


def _unmet(exposure: xr.Dataset, options: Options, pixmap: bool) -> list[str]:
    """Return what an exposure lacks for the options of a mosaic."""
    faults = []
    if schema.WCS not in exposure.coords and not pixmap:
        faults.append(
            "wcs is missing: assign one with .resample.assign_wcs(wcs), or add it with pixmap="
        )
    if options.compute_err == "driz_err" and "err" not in exposure:
        faults.append("err is missing, which compute_err='driz_err' requires")
    if options.weight_type == "map":
        faults += faults_of_map(exposure)
    for name in options.planes:
        faults += faults_of_plane(exposure, name)
    if options.rejected:
        faults += faults_of_flags(exposure, options)
    try:
        scalars = schema.exposure_scalars(facts_of(exposure))
    except (TypeError, ValueError):
        # `_faults` reports an attribute that is not a number, so nothing is added here.
        return faults
    if not (scalars["subtracted"] or np.isfinite(scalars["level"])):
        faults.append(
            f"the attribute level must be finite, got {scalars['level']}: set it to the sky level, "
            "or to 0 if no sky level should be subtracted"
        )
    for name in schema.LEVEL_SLOPES:
        if not (scalars["subtracted"] or np.isfinite(scalars[name])):
            faults.append(f"the attribute {name} must be finite, got {scalars[name]}")
    if options.exposure_map and not scalars["exposure_time"] >= 0:
        faults.append(
            "the attribute exposure_time must be a number of seconds, which exposure_map=True "
            f"requires, got {scalars['exposure_time']}"
        )
    if options.weight_type == "exptime":
        measured = scalars["measurement_time"]
        time = scalars["exposure_time"] if np.isnan(measured) else measured
        if np.isnan(time):
            faults.append(
                "the attributes exposure_time and measurement_time are missing, one of which "
                "weight_type='exptime' requires"
            )
        elif not 0 < time <= float(np.finfo(np.float32).max):
            faults.append(
                f"the measurement or exposure time must be positive and fit float32, got {time}: "
                "weight_type='exptime' uses it as the weight"
            )
    return faults


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
        if name == "data" and COADD_WEIGHT in self.dataset:
            # Where the weight of a co-added image is 0, no exposure contributed to the pixel.
            weight = self.plane(COADD_WEIGHT, rows, columns)
            array = np.where(weight == 0, array.dtype.type(np.nan), array)
        if name == WEIGHT_MAP and array.dtype.kind in "fi" and (array < 0).any():
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


def _listing(title: str, faults: list[str]) -> str:
    return f"{title}:\n- " + "\n- ".join(faults)
