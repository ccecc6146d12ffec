"""The documented class `Resample`: exposures or dict models in, one product out, with hooks.

It says what is co-added with what; the engine under the accessor does the work.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from . import models, placement, provenance, schema, sky, wcs, weights
from .accumulate import Accumulator, root_of_sum
from .engine import Scales, Window
from .errors import FinalizedError, InvalidInputError
from .exposure import Exposure, validate, wcs_of
from .grid import Grid
from .models import Model, as_exposure, as_model
from .options import Options
from .output_model import OutputModel

log = logging.getLogger(__name__)

TIMES = tuple(name for name in provenance.TOTALS if name not in ("pointings", "group_ids"))
"""Keys of the product that come from the times of the exposures."""


@dataclass
class _Product:
    """What is behind one product, from one reset to the next."""

    expected: int
    state: Accumulator | None = None
    variances: Accumulator | None = None
    """The variances, where a subclass has them added one exposure at a time."""
    times: list[dict[str, Any]] = field(default_factory=list)
    starts: list[Any] = field(default_factory=list)
    ends: list[Any] = field(default_factory=list)


class Resample:
    """Co-add exposures onto one grid, one at a time.

    Parameters
    ----------
    output_wcs : dict, WCS or Dataset
        The grid: a dict with ``"wcs"`` and, if known, ``"pixel_scale"`` (arcsec; from the WCS
        when absent) and ``"pixel_scale_ratio"``; or a bare WCS; or a Dataset whose grid to take.
    n_input_models : int, optional
        Exposures that are expected: allocates their context planes at once.
    pixfrac : float
        Linear fraction of an input pixel that its flux is confined to, 0 < pixfrac <= 1.
    kernel : {"square", "gaussian", "point", "turbo", "lanczos2", "lanczos3"}
        How the flux of an input pixel is spread. Gaussian and lanczos do not conserve flux.
    fillval : float, str or None
        Value where nothing contributed; None, ``"INDEF"`` and ``"NAN"`` stand for NaN.
    weight_type : {"ivm", "ivm-sky", "exptime", None}
        Weight of an input pixel: 1 / ``var_rnoise``, 1 / ``var_sky``, the measurement time
        (else the exposure time), or 1.
    good_bits : int, str, list of int or None
        Flags that do not matter, in the language of `astropy.nddata.bitmask`; names are those
        of ``dq_flag_name_map``. None: ignore ``dq``; 0: a pixel with any flag has weight 0.
    enable_ctx, enable_var, propagate_dq : bool
        Whether to make the context, the variances, ``dq``.
    compute_err : {"from_var", "driz_err", None}
        ``err`` as the root of the summed variances (which enables them), or drizzled.
    pixmap_stepsize : int or None
        1: every pixel through the WCSs. More: a spline on nodes so far apart. None: a spline as
        fine as it takes to be right to a millionth of a pixel.
    pixmap_order : {1, 3}
        Order of that spline when the step is above 1.

    Attributes
    ----------
    output_array_types : mapping
        Type of each output array; float32 for a name that is not there.
    variance_array_names : sequence of str
        Variances to co-add.
    error_from_variances : sequence of str or None
        Those that enter ``err``; None: all.
    dq_flag_name_map : mapping, BitFlagNameMap, Enum class or None
        Names of the flags.

    Notes
    -----
    Any method can be overridden, with effect. The scale ratio is that of the first exposure,
    by its nominal pixel area, for all exposures, unless one is given.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144 (doi:10.1086/338393).
    """

    output_array_types: Mapping[str, Any] = defaultdict(
        lambda: np.float32, {"data": np.float32, "wht": np.float32, "con": np.int32}
    )
    variance_array_names: Any = ("var_rnoise", "var_flat", "var_poisson")
    error_from_variances: Any = None
    dq_flag_name_map: Any = None

    _default_types: ClassVar[Mapping[str, Any]] = {"con": np.int32, "dq": np.uint32}

    def __init__(
        self,
        output_wcs: Any,
        n_input_models: int | None = None,
        pixfrac: float = 1.0,
        kernel: str = "square",
        fillval: float | str | None = 0.0,
        weight_type: str | None = "ivm",
        good_bits: Any = 0,
        enable_ctx: bool = True,
        enable_var: bool = True,
        compute_err: str | None = None,
        propagate_dq: bool = False,
        pixmap_stepsize: int | None = 1,
        pixmap_order: int = 1,
    ) -> None:
        self._enable_ctx = enable_ctx
        self._enable_var = enable_var or compute_err == "from_var"
        self._compute_err = compute_err
        self._propagate_dq = propagate_dq
        self.pixfrac = pixfrac
        self.kernel = kernel
        self.fillval = fillval
        self.weight_type = weight_type
        self.good_bits = good_bits
        self.pixmap_stepsize = pixmap_stepsize
        self.pixmap_order = pixmap_order
        self._take_grid(output_wcs)
        self._options()
        self.reset_arrays(n_input_models=n_input_models)

    def _take_grid(self, given: Any) -> None:
        """Read the grid that is asked for, and what is said of its scale."""
        target = given
        self._output_pixel_scale: float | None = None
        self._pixel_scale_ratio: float | None = None
        self._own_ratio = False
        if isinstance(given, Mapping) and not isinstance(given, xr.Dataset):
            target = given.get("wcs")
            self._output_pixel_scale = given.get("pixel_scale")
            self._pixel_scale_ratio = given.get("pixel_scale_ratio")
        if target is None:
            raise InvalidInputError(
                "output_wcs needs a WCS: give a dict with 'wcs', a WCS, or a Dataset with one"
            )
        self._y0 = self._x0 = 0
        if isinstance(target, xr.Dataset):
            grid = Grid.of(target, self._output_pixel_scale)
            self._y0, self._x0, self._output_array_shape = grid.y0, grid.x0, grid.shape
            self._output_pixel_scale = grid.pixel_scale
            self._output_wcs = wcs_of(target)
            self.check_output_wcs(self._output_wcs, estimate_output_shape=False)
        else:
            self._output_wcs = target
            self.check_output_wcs(target)
            self._output_array_shape = wcs.array_shape(self._output_wcs)
        if self._output_pixel_scale is None:
            area = models.positive(self.get_output_model_pixel_area({"wcs": self._output_wcs}))
            self._output_pixel_scale = placement.pixel_scale(area)
        log.info("Output pixel scale: %s arcsec", self._output_pixel_scale)

    def _options(self, variances: bool | None = None) -> Options:
        """Return the options as the attributes say now, with the variances or without."""
        variances = self._enable_var if variances is None else variances
        names = tuple(self.variance_array_names)
        if unusable := [name for name in names if not schema.is_variance(name)]:
            raise InvalidInputError(
                f"variance_array_names: names of variances start with 'var_', unlike {unusable}"
            )
        bits = self.good_bits
        if self.dq_flag_name_map is not None:
            bits = weights.interpret_good_bits(bits, self.dq_flag_name_map)
        planes = ("data", "wht", "err", *names)
        double = any(np.dtype(self._type_of(name)).itemsize > 4 for name in planes)
        entering = self.error_from_variances
        return Options(
            kernel=self.kernel,
            pixfrac=self.pixfrac,
            fillval=self.fillval,
            weight_type=self.weight_type,
            good_bits=bits,
            enable_ctx=self._enable_ctx,
            enable_var=variances,
            compute_err=None
            if self._compute_err == "from_var" and not variances
            else self._compute_err,
            propagate_dq=self._propagate_dq,
            variance_names=names if variances else None,
            error_from_variances=None if entering is None else tuple(entering),
            pixel_scale=self._output_pixel_scale,
            pixel_scale_ratio=self._pixel_scale_ratio,
            pixmap_stepsize=self.pixmap_stepsize,
            pixmap_order=self.pixmap_order,
            dtype="float64" if double else "float32",
        )
