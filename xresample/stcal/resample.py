"""The stcal-compatible class `Resample`: adds exposures or dict models to a product, with hooks.

The class decides what is added to which planes; `Accumulator` does the work, as for the accessor.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.launch import Window
from xresample.accumulate.scales import Given
from xresample.accumulate.weights import weights_of
from xresample.accumulate.window import mapped_window, whole_pixmap, with_weights
from xresample.arguments import whole
from xresample.datamodel.arrays import bare_array
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import WEIGHT_VARIANCE
from xresample.datamodel.validation import validate
from xresample.errors import FinalizedError, InvalidInputError
from xresample.wcs import transform as wcs

from . import input_model as models
from .input_model import name_of
from .output_model import OutputModel
from .settings import ResampleSettings
from .state import TIMES, ProductState

log = logging.getLogger(__name__)


class Resample(ResampleSettings):
    """Co-add exposures onto one grid, one at a time.

    Parameters
    ----------
    output_wcs : dict, WCS or Dataset
        The grid: a dict with ``"wcs"`` and optionally ``"pixel_scale"`` (arcsec; default: from the
        WCS) and ``"pixel_scale_ratio"``; or a WCS; or a Dataset whose grid to take.
    n_input_models : int, optional
        Expected number of exposures: allocates their context planes at once.
    pixfrac : float
        Linear fraction of an input pixel that its flux is confined to, 0 < pixfrac <= 1.
    kernel : {"square", "gaussian", "point", "turbo", "lanczos2", "lanczos3"}
        How the flux of an input pixel is spread. ``gaussian`` and ``lanczos`` kernels do not
        conserve flux.
    fillval : float, str or None
        Value where no exposure contributes; None, ``"INDEF"`` and ``"NAN"`` stand for NaN.
    weight_type : {"ivm", "ivm-sky", "exptime", None}
        Weight of an input pixel: 1 / ``var_rnoise``, 1 / ``var_sky``, the measurement time (or
        else the exposure time), or 1.
    good_bits : int, str, list of int or None
        Flags that a good pixel may have, in the language of `astropy.nddata.bitmask`, with the
        names of ``dq_flag_name_map``. None: ignore ``dq``. 0: a pixel with any flag has weight 0.
    enable_ctx, enable_var : bool
        Whether to make the context, and the variances.
    compute_err : {"from_var", "driz_err", None}
        ``err`` as the root of the summed variances (which enables variances), drizzled, or none.
    propagate_dq : bool
        Whether to make ``dq``.
    pixmap_stepsize : int or None
        1: evaluate the WCSs at every pixel. Above 1: a spline between nodes this many pixels
        apart. None: a spline with a maximum error of 1e-6 pixel.
    pixmap_order : {1, 3}
        Order of the spline if the step is above 1.

    Attributes
    ----------
    output_array_types : mapping
        Type of each output array; float32 for names that are absent.
    variance_array_names : sequence of str
        Variances to co-add.
    error_from_variances : sequence of str or None
        Variances that enter ``err``; None: all.
    dq_flag_name_map : mapping, BitFlagNameMap, Enum class or None
        Value of each flag by its name.

    Notes
    -----
    A subclass can override any method. Unless a scale ratio is given, the ratio of the first
    exposure, from its nominal pixel area, applies to all exposures.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144 (doi:10.1086/338393).

    Examples
    --------
    >>> import xresample as xrs
    >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=40)
    >>> resample = xrs.Resample(xrs.fit_wcs(exposures))
    >>> for exposure in exposures:
    ...     resample.add_model(exposure)
    >>> resample.finalize()
    >>> resample.output_model["pointings"]
    2
    """

    @property
    def output_model(self) -> OutputModel:
        """The product: a dict that is always current; ``output_model.dataset`` is a mosaic."""
        return self._output_model

    @property
    def group_ids(self) -> list[Any]:
        """Groups of the exposures that have been added."""
        return self._group_ids

    def reset_arrays(self, n_input_models: int | None = None) -> None:
        """Start a new product, without exposures, groups or times.

        Parameters
        ----------
        n_input_models : int, optional
            Expected number of exposures: allocates their context planes at once.
        """
        expected = 0 if n_input_models is None else whole("n_input_models", n_input_models)
        self._finalized = False
        self._n_res_models = 0
        self._group_ids: list[Any] = []
        if self._own_ratio:
            self._pixel_scale_ratio, self._own_ratio = None, False
        begun = self.create_output_model()
        separate = self._enable_var and "resample_variance_arrays" in self._overridden()
        product = ProductState(begun, self._start, max(expected, 0), separate)
        self._product = product
        live = product.live(self.variance_array_names, self.error_from_variances, self._type_of)
        live["pixel_scale_ratio"] = lambda: self._pixel_scale_ratio
        self._output_model = product.output = OutputModel(begun, live, product.mosaic)
        if self._enable_var:
            self.init_variance_arrays()
        self.init_time_counters()

    def init_time_counters(self) -> None:
        """Discard all times, except an initial start and end of the product."""
        self._product.reset_times()

    def init_variance_arrays(self) -> None:
        """Discard the variances of earlier exposures."""
        self._product.forget_variances()

    def is_finalized(self) -> bool:
        """Return whether the product is final."""
        return self._finalized

    def validate_input_model(self, model: Any) -> None:
        """Raise an error unless an exposure has all required keys or variables.

        Parameters
        ----------
        model : dict or Dataset
            The exposure.

        Raises
        ------
        KeyError
            Keys are missing; names all of them.
        InvalidExposureError
            The Dataset is not an exposure; lists every fault.
        """
        if isinstance(model, xr.Dataset):
            validate(model, self._options(self._enable_var))
            return
        if not isinstance(model, Mapping):
            raise InvalidInputError(
                f"model must be a dict or an exposure Dataset, got {type(model).__name__}"
            )
        further = list(self.variance_array_names) if self._enable_var else []
        if not self._enable_var and self.weight_type == "ivm":
            further.append("var_rnoise")
        if self._compute_err == "driz_err":
            further.append("err")
        if model.get("wcs") is not None and wcs.is_spectral(model["wcs"]):
            further.append("bunit_data")
        models.require_keys(model, further)

    def add_model(self, model: Mapping[str, Any] | xr.Dataset) -> None:
        """Add one exposure to the product.

        Parameters
        ----------
        model : dict or Dataset
            The exposure: a Dataset, or a dict with ``data``, ``dq``, ``wcs``, ``filename``,
            ``group_id``, ``exposure_time``, ``measurement_time``, ``start_time``, ``end_time``,
            ``duration``, ``pixelarea_steradians``, ``level``, ``subtracted`` and, as far as the
            options require them, ``err``, the variances and ``bunit_data``. Methods that a
            subclass overrides receive a dict, also for a Dataset.

        Raises
        ------
        RuntimeError
            The product is final.
        KeyError
            Keys are missing; names all of them.
        """
        if self._finalized:
            raise FinalizedError(
                "The product is finalized, so no exposure can be added: call reset_arrays() to "
                "start another product"
            )
        self.validate_input_model(model)
        if isinstance(model, xr.Dataset):
            exposure, model = Exposure(model), models.as_model(model)
        else:
            exposure = models.as_exposure(model)
        before = self._pixel_scale_ratio, self._own_ratio
        try:
            after = self._deposit(exposure, model)
        except BaseException:
            self._pixel_scale_ratio, self._own_ratio = before
            raise
        self._n_res_models += 1
        if "add_model_hook" in (hooks := self._overridden()):
            self.add_model_hook(model=model, **after)
        group = models.group_of(model, self._n_res_models, self._group_ids)
        if group not in self._group_ids:
            self.update_time(model)
            self._group_ids.append(group)
            self._output_model["pointings"] += 1
        if self._enable_var and "resample_variance_arrays" in hooks:
            self.resample_variance_arrays(model=model, **after)

    def _deposit(self, exposure: Exposure, model: Mapping[str, Any]) -> dict[str, Any]:
        """Add the planes of an exposure; return the arguments of the hooks, if there are any."""
        self._compute_pixel_scale_ratio(model)
        intensity = float(self._get_intensity_scale(model))
        product, hooks = self._product, bool(self._overridden())
        given = Given(self._pixel_scale_ratio, intensity, weights=hooks)
        admitted = product.admit(product.state, exposure, given)
        variance = WEIGHT_VARIANCE.get(self.weight_type or "")
        if variance is not None and variance not in exposure.dataset:
            # Pipelines look for these words in their log, which a Python warning does not reach.
            log.warning("'%s' array not available: weights of %s are 1", variance, name_of(model))
        window = product.window_of(exposure)
        arguments = self._for_hooks(exposure, window, intensity) if hooks else {}
        if hooks:
            window = with_weights(window, arguments["weight_map"], product.state.options.dtype)
        product.deposit(product.state, admitted, window, self._pixel_scale_ratio)
        return arguments

    def _for_hooks(self, exposure: Exposure, window: Window, intensity: float) -> dict[str, Any]:
        """Return the arguments of the hooks, except the model."""
        (y, x), (j0, j1, i0, i1) = window.origin, window.active
        return {
            "pixmap": whole_pixmap(exposure, window),
            "pixel_scale_ratio": self._pixel_scale_ratio,
            "iscale": intensity,
            "weight_map": weights_of(exposure, self._product.state.options),
            "xmin": x + i0,
            "xmax": x + max(i0, i1 - 1),
            "ymin": y + j0,
            "ymax": y + max(j0, j1 - 1),
        }

    def _overridden(self) -> list[str]:
        """Return the names of the overridden methods that take whole arrays."""
        return [
            name
            for name in ("add_model_hook", "resample_variance_arrays")
            if name in vars(self) or getattr(type(self), name) is not getattr(Resample, name)
        ]

    def add_model_hook(
        self,
        model: Mapping[str, Any],
        pixmap: np.ndarray,
        pixel_scale_ratio: float | None,
        iscale: float,
        weight_map: np.ndarray,
        xmin: int,
        xmax: int,
        ymin: int,
        ymax: int,
    ) -> None:
        """Process an exposure right after it has been added; does nothing unless overridden.

        Parameters
        ----------
        model : mapping
            The exposure.
        pixmap : ndarray
            Positions of its pixels on the product, float64 ``(y, x, 2)``, x first.
        pixel_scale_ratio : float or None
            Pixel scale of the product over that of the exposures.
        iscale : float
            Factor of the data.
        weight_map : ndarray
            Weights of its pixels, ``(y, x)``.
        xmin, xmax, ymin, ymax : int
            First and last column and row of the pixels that are used.
        """

    def resample_variance_arrays(
        self,
        model: Mapping[str, Any],
        pixmap: np.ndarray,
        pixel_scale_ratio: float | None,
        iscale: float,
        weight_map: np.ndarray | None,
        xmin: int,
        xmax: int,
        ymin: int,
        ymax: int,
    ) -> None:
        """Add the variances of an exposure.

        This method is called only if a subclass overrides it. Otherwise variances are added
        together with the data, in a fraction of the time.

        Parameters
        ----------
        model, pixmap, pixel_scale_ratio, iscale, weight_map, xmin, xmax, ymin, ymax
            As for `add_model_hook`; if ``weight_map`` is None, all weights are 1.
        """
        product, exposure = self._product, models.as_exposure(model)
        state = product.variances
        given = Given(pixel_scale_ratio, iscale, weights=True)
        admitted = product.admit(state, exposure, given)
        window = mapped_window(exposure, state.grid, state.options, pixmap)
        for axis, first, last, size in zip("yx", (ymin, xmin), (ymax, xmax), exposure.shape,
                                           strict=True):  # fmt: skip
            if not 0 <= first <= last < size:
                raise InvalidInputError(
                    f"{axis}min and {axis}max must be pixels of the exposure in order, from 0 to "
                    f"{size - 1}, got {first} and {last}"
                )
        weight = np.ones(exposure.shape)
        if weight_map is not None:
            weight = bare_array(weight_map, "weight_map")
        if weight.shape != exposure.shape:
            raise InvalidInputError(
                f"weight_map must have the shape of data, {exposure.shape}, got {weight.shape}"
            )
        active = (int(ymin), int(ymax) + 1, int(xmin), int(xmax) + 1)
        window = with_weights(replace(window, active=active), weight, state.options.dtype)
        product.deposit(state, admitted, window, pixel_scale_ratio)

    def update_time(self, model: Mapping[str, Any]) -> None:
        """Count the times of an exposure; called for the first exposure of each group.

        Parameters
        ----------
        model : dict
            The exposure.
        """
        if model["group_id"] not in self._group_ids:
            self._product.add_times(model)

    def finalize(self) -> None:
        """Finish the product: no exposure can be added until `reset_arrays` is called."""
        if self._finalized:
            return
        self._finalized = True
        output = self._output_model
        # A product without exposures allocates its planes here.
        _ = self._product.state
        output["pointings"] = len(self._group_ids)
        if self._enable_var:
            output.release(*self.variance_array_names)
            self.finalize_resample_variance(output)
        output.release(*TIMES)
        self.finalize_time_info()
        output.settle()
        # Reading the ratio here fixes its value, because the next product may have another ratio.
        _ = output["pixel_scale_ratio"]

    def finalize_resample_variance(self, output_model: MutableMapping[str, Any]) -> None:
        """Put the variances into the product.

        Parameters
        ----------
        output_model : dict
            The product.
        """
        for name in self.variance_array_names:
            output_model[name] = self._product.array(name, self._type_of(name))

    def finalize_time_info(self) -> None:
        """Put the times into the product."""
        self._output_model.update({name: self._product.total(name) for name in TIMES})
