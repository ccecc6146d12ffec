"""The settings of the stcal-compatible class: arguments, attributes, grid and scales."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate import scales
from xresample.arguments import choice, flag, number
from xresample.datamodel import dq_flags, schema
from xresample.datamodel.exposure import required_wcs
from xresample.datamodel.grid import Grid, GridLike
from xresample.datamodel.options import CHOICES, ErrorMethod, Options, SplineOrder, WeightType
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.errors import InvalidInputError
from xresample.kernels.structures import Kernel
from xresample.wcs import footprint as sky
from xresample.wcs import transform as wcs
from xresample.wcs.handle import WCSHandle, WCSObject
from xresample.wcs.pixels import Pixels

from .input_model import ORIGIN, positive_or_none
from .output_model import OutputModel
from .state import TIMES

log = logging.getLogger(__name__)

DEFAULT_TYPES: Mapping[str, Any] = {"con": np.int32, "dq": np.uint32}
"""Types of the arrays of integers."""


class ResampleSettings:
    """The arguments and attributes of `xresample.Resample`, and the options they define."""

    _output_model: OutputModel

    output_array_types: Mapping[str, Any] = defaultdict(
        lambda: np.float32, {"data": np.float32, "wht": np.float32, **DEFAULT_TYPES}
    )
    variance_array_names: Sequence[str] = ["var_rnoise", "var_flat", "var_poisson"]
    error_from_variances: Sequence[str] | None = None
    dq_flag_name_map: Any = None

    def __init__(
        self,
        output_wcs: GridLike,
        n_input_models: int | None = None,
        pixfrac: float = 1.0,
        kernel: Kernel = "square",
        fillval: float | str | None = 0.0,
        weight_type: WeightType = "ivm",
        good_bits: Any = 0,
        enable_ctx: bool = True,
        enable_var: bool = True,
        compute_err: ErrorMethod = None,
        propagate_dq: bool = False,
        pixmap_stepsize: int | None = 1,
        pixmap_order: SplineOrder = 1,
    ) -> None:
        self._compute_err = choice(
            "compute_err", _none_if_empty(compute_err), CHOICES["compute_err"]
        )
        self._enable_ctx = flag("enable_ctx", enable_ctx)
        self._enable_var = flag("enable_var", enable_var) or compute_err == "from_var"
        self._propagate_dq = flag("propagate_dq", propagate_dq)
        self.pixfrac = pixfrac
        self.kernel = kernel
        self.fillval = fillval
        self.weight_type = weight_type
        self.good_bits = good_bits
        self.pixmap_stepsize = pixmap_stepsize
        self.pixmap_order = pixmap_order
        self._take_grid(output_wcs)
        self._options(self._enable_var)
        self.reset_arrays(n_input_models=n_input_models)

    def _take_grid(self, given: Any) -> None:
        """Read the requested grid and its scale."""
        target = given
        self._output_pixel_scale: float | None = None
        self._pixel_scale_ratio: float | None = None
        self._own_ratio = False
        if isinstance(given, Mapping) and not isinstance(given, xr.Dataset):
            target = given.get("wcs")
            self._output_pixel_scale = _scale(given.get("pixel_scale"))
            self._pixel_scale_ratio = given.get("pixel_scale_ratio")
        if target is None:
            raise InvalidInputError(
                "output_wcs must be a WCS, a dict with the key 'wcs', or a Dataset with a WCS, got "
                f"{given!r}"
            )
        self._y0 = self._x0 = 0
        if isinstance(target, xr.Dataset):
            grid = Grid.of(target, self._output_pixel_scale)
            self._y0, self._x0, self._output_array_shape = grid.y0, grid.x0, grid.shape
            self._output_pixel_scale = grid.pixel_scale
            self._output_wcs = required_wcs(in_own_pixels(target)).new_object()
            self.check_output_wcs(self._output_wcs, estimate_output_shape=False)
        else:
            self._output_wcs = target
            self.check_output_wcs(target)
            self._output_array_shape = wcs.array_shape(self._output_wcs)
        if self._output_pixel_scale is None:
            area = positive_or_none(self.get_output_model_pixel_area({"wcs": self._output_wcs}))
            self._output_pixel_scale = None if area is None else sky.arcsec(area)
        log.info("Output pixel scale: %s arcsec", self._output_pixel_scale)
        if (scale := self._product_grid(self._output_wcs).contradicted_scale()) is not None:
            log.warning("The pixel scale of the output WCS is another one: %s arcsec", scale)

    def _options(self, variances: bool) -> Options:
        """Return the options for the current attributes, with variances or without."""
        names = tuple(self.variance_array_names)
        if unusable := [name for name in names if not schema.is_variance(name)]:
            raise InvalidInputError(
                "variance_array_names must be names that start with 'var_', got "
                f"{', '.join(map(repr, unusable))}"
            )
        bits = self.good_bits
        if self.dq_flag_name_map is not None:
            bits = dq_flags.interpret_good_bits(bits, self.dq_flag_name_map)
        planes = ("data", "wht", "err", *names)
        double = any(np.dtype(self._type_of(name)).itemsize > 4 for name in planes)
        entering = self.error_from_variances
        apart = self._compute_err == "from_var" and not variances
        compute_err = None if apart else self._compute_err
        return Options(
            kernel=self.kernel,
            pixfrac=self.pixfrac,
            fillval=self.fillval,
            weight_type=self.weight_type,
            good_bits=bits,
            enable_ctx=self._enable_ctx,
            enable_var=variances,
            compute_err=compute_err,
            propagate_dq=self._propagate_dq,
            variance_names=names if variances else None,
            error_from_variances=None if entering is None else tuple(entering),
            pixel_scale=positive_or_none(self._output_pixel_scale),
            pixel_scale_ratio=self._pixel_scale_ratio,
            pixmap_stepsize=self.pixmap_stepsize,
            pixmap_order=self.pixmap_order,
            dtype="float64" if double else "float32",
        )

    def _type_of(self, name: str) -> Any:
        """Return the type of an output array."""
        types = self.output_array_types
        if name in types:
            return types[name]
        return DEFAULT_TYPES.get(name, np.float32)

    def create_output_model(self) -> dict[str, Any]:
        """Return the initial entries of a product; arrays that will be computed are None."""
        scale = self._output_pixel_scale
        area, steradians = (None, None) if scale is None else (scale**2, sky.steradians(scale))
        model = dict.fromkeys(("wcs", "data", "wht", "con", "dq"))
        model |= {
            "wcs": self._output_wcs,
            "pixfrac": self.pixfrac,
            "kernel": self.kernel,
            "fillval": self.fillval,
            "weight_type": self.weight_type,
            "pixelarea_steradians": steradians,
            "pixelarea_arcsecsq": area,
            "pixel_scale_ratio": self._pixel_scale_ratio,
            "pointings": 0,
            **dict.fromkeys(TIMES),
            "exposure_time": 0.0,
            "duration": 0.0,
            "level": None,
            "subtracted": False,
        }
        if self._enable_var:
            model |= dict.fromkeys(self.variance_array_names)
        if self._compute_err is not None:
            model["err"] = None
        return model

    def _product_grid(self, output_wcs: WCSObject) -> Grid:
        """Return the grid of the product on a WCS."""
        return Grid(
            WCSHandle(output_wcs),
            self._output_array_shape,
            self._y0,
            self._x0,
            positive_or_none(self._output_pixel_scale),
        )

    def _start(self, part: str) -> tuple[Grid, Options]:
        """Return the grid and options for the "all", "data" or "variances" part of a product."""
        target = self._output_model.get("wcs")
        grid = self._product_grid(self._output_wcs if target is None else target)
        options = self._options({"data": False, "variances": True}.get(part, self._enable_var))
        if part == "variances":
            options = replace(options, compute_err=None, enable_ctx=False, propagate_dq=False)
        return grid, options

    def check_output_wcs(self, output_wcs: WCSObject, estimate_output_shape: bool = True) -> None:
        """Raise an error unless the output WCS can be used; the WCS is not changed.

        Parameters
        ----------
        output_wcs : WCS
            WCS of the product.
        estimate_output_shape : bool
            Whether the WCS must define the shape of the product, by its ``array_shape`` or else
            by its bounding box.

        Raises
        ------
        UnsupportedWCSError
            The WCS has neither 2 celestial axes nor the 3 axes of a spectrum.
        InvalidInputError
            The shape is unknown, or a side has no pixel.
        """
        wcs.check_axes(output_wcs)
        if estimate_output_shape:
            wcs.array_shape(output_wcs)

    def get_output_model_pixel_area(self, model: Mapping[str, Any]) -> float | None:
        """Return the mean area of the output pixels in steradians.

        Parameters
        ----------
        model : dict
            Dict with the WCS of the product under ``"wcs"``.

        Returns
        -------
        float or None
            None if unknown.
        """
        target = model["wcs"]
        return positive_or_none(sky.mean_pixel_area(target, Pixels.of(wcs.array_shape(target))))

    def get_input_model_pixel_area(
        self, model: Mapping[str, Any], prefer_mean: bool = True
    ) -> float | None:
        """Return the area of the pixels of an exposure in steradians; None when unknown.

        Parameters
        ----------
        model : dict
            The exposure.
        prefer_mean : bool
            Whether to prefer the mean area from the WCS to the nominal area
            ``pixelarea_steradians``. If one is unknown, the other one is used.
        """
        nominal = positive_or_none(model["pixelarea_steradians"])
        if not prefer_mean and nominal is not None:
            return nominal
        pixels = Pixels.of(np.shape(model["data"]), model.get(ORIGIN, (0, 0)))
        area = sky.mean_pixel_area(model["wcs"], pixels)
        return positive_or_none(area) or nominal

    def _compute_pixel_scale_ratio(self, model: Mapping[str, Any]) -> None:
        """Set the scale ratio from the first exposure, unless one is given."""
        if self._pixel_scale_ratio is not None or wcs.is_spectral(model["wcs"]):
            return
        area = self.get_input_model_pixel_area(model, prefer_mean=False)
        self._pixel_scale_ratio = scales.scale_ratio(self._output_pixel_scale, area)
        self._own_ratio = True
        if self._pixel_scale_ratio is None:
            log.warning("The pixel area of the first exposure is unknown: errors are not scaled")

    def _get_intensity_scale(self, model: Mapping[str, Any]) -> float:
        """Return the factor of the data, which is 1 except for a flux density along a slit."""
        spectral = wcs.is_spectral(model["wcs"]) and bool(model["pixelarea_steradians"])
        units = model.get("bunit_data")
        return scales.intensity_scale(spectral, self._pixel_scale_ratio, units)

    def reset_arrays(self, n_input_models: int | None = None) -> None:
        """Start a new product."""
        # `Resample`, which holds the products, overrides this method.
        raise NotImplementedError

    @property
    def output_array_shape(self) -> tuple[int, int]:
        """Shape of the output arrays, ``(y, x)``."""
        return self._output_array_shape

    @property
    def output_wcs(self) -> Any:
        """WCS of the product."""
        return self._output_wcs

    @property
    def output_pixel_scale(self) -> float | None:
        """Pixel scale of the product in arcsec; None if unknown."""
        return self._output_pixel_scale

    @property
    def pixel_scale_ratio(self) -> float | None:
        """Pixel scale of the product over that of the exposures (spectral: the inverse)."""
        return self._pixel_scale_ratio

    @property
    def enable_ctx(self) -> bool:
        """Whether the product has a context."""
        return self._enable_ctx

    @property
    def enable_var(self) -> bool:
        """Whether the variances are co-added."""
        return self._enable_var

    @property
    def compute_err(self) -> str | None:
        """Method by which ``err`` is computed."""
        return self._compute_err

    @property
    def propagate_dq(self) -> bool:
        """Whether the product has ``dq``."""
        return self._propagate_dq


def _scale(given: Any) -> float | None:
    """Return the pixel scale of a dict; pipelines write NaN for the scale of spectra."""
    if given is None or (isinstance(given, float) and math.isnan(given)):
        return given
    return number("output_wcs['pixel_scale']", given, above=0.0, unit="arcsec")


def _none_if_empty(value: Any) -> Any:
    """Return None for an empty text, as pipelines write an option that is not set."""
    return None if isinstance(value, str) and not value else value
