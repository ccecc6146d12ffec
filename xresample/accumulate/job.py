"""The admission of an exposure: one place that checks it and reads all that the deposit needs.

Three paths add exposures: the eager one (`Accumulator`), the tiled one (`plan`), and the
stcal-compatible class. All of them call `Job.admit`, so a fault of an exposure gives the same error
in each of them, before any work is done and before any mosaic changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import xarray as xr

from xresample.datamodel import provenance
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.fingerprint import fingerprint_of
from xresample.datamodel.grid import Grid, GridLike, scales_in
from xresample.datamodel.mosaic import variances_of_error
from xresample.datamodel.options import Options, WeightType
from xresample.datamodel.planes import Layout, first_layout, wider_layout
from xresample.datamodel.signatures import chosen_options
from xresample.datamodel.units import same_units
from xresample.datamodel.validation import validate
from xresample.errors import InvalidInputError, MixedExposuresWarning, PixelScaleWarning, warn

from .deposit import make_footprint
from .launch import Scales, Window
from .noise import max_lag
from .scales import Given, scales_of
from .weights import effective_weight_type, flag_map_of
from .window import mapped_window

FLAG_VALUES = "flag_values"
"""Attribute of a mosaic with the value of each flag of its exposures, as JSON."""


@dataclass(frozen=True)
class Admitted:
    """An exposure that fits a mosaic, and the quantities with which it enters the mosaic."""

    exposure: Exposure
    number: int
    """Position among the exposures of the mosaic, which is the number of its context bit."""
    scales: Scales
    weight_type: WeightType
    """Weight type of this exposure: None if the variance that its weights need is missing."""
    row: provenance.Row
    """Provenance that the mosaic keeps."""
    units: str | None
    """Units of the mosaic with this exposure."""
    further: Mapping[str, str | None]
    """Units of the further planes with this exposure."""
    layout: Layout
    """Planes of the mosaic with this exposure."""

    @property
    def label(self) -> str:
        """Name of the exposure in a message."""
        return label_of(self.exposure, self.number)

    def options(self, options: Options) -> Options:
        """Return the options of the mosaic with the weight type of this exposure."""
        return replace(options, weight_type=self.weight_type)


@dataclass(frozen=True)
class Job:
    """The target of exposures: a grid, options, and facts that the exposures so far determined."""

    grid: Grid
    options: Options
    layout: Layout
    units: str | None = None
    count: int = 0
    """Number of exposures so far."""
    watched: provenance.Watched = field(default_factory=dict)
    """Instrument and filter of the exposures so far."""
    flag_map: Mapping[str, int] | None = None
    """Value of each flag by its name, of the first exposure, if areas of flags are summed."""

    further: Mapping[str, str | None] = field(default_factory=dict)
    """Units of the further planes so far, which the option ``planes`` names; None: unknown."""

    @property
    def plane_units(self) -> dict[str, str | None]:
        """Units of ``data`` and of the further planes."""
        return {**self.further, "data": self.units}

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the mosaic that follow from the exposures so far."""
        return {} if self.flag_map is None else {FLAG_VALUES: json.dumps(self.flag_map)}

    @classmethod
    def new(cls, grid: Grid, options: Options) -> Job:
        """Return the job of an empty mosaic."""
        options = replace(options, pixel_scale=grid.pixel_scale)
        return cls(grid, options, first_layout(options))

    @classmethod
    def of_target(cls, output_wcs: GridLike, options: Mapping[str, Any]) -> Job:
        """Return the job of an empty mosaic, from the arguments of `empty_mosaic`.

        Raises
        ------
        InvalidInputError
            An option is unknown or out of range, or the grid has no pixel.
        """
        options = chosen_options(options)
        if isinstance(output_wcs, Mapping) and not isinstance(output_wcs, xr.Dataset):
            # An Options object names all options, also those that it leaves at None.
            chosen = {name: value for name, value in options.items() if value is not None}
            options = {**options, **scales_in(output_wcs), **chosen}
            output_wcs = output_wcs["wcs"]
        wanted = Options(**options)
        grid = Grid.of(output_wcs, wanted.pixel_scale)
        scale = None if wanted.pixel_scale is None else grid.contradicted_scale()
        if scale is not None:
            warn(
                f"pixel_scale must be that of the grid, {scale:.6g} arcsec, got "
                f"{grid.pixel_scale:.6g}: errors and variances follow the given scale. Leave out "
                "pixel_scale to use that of the grid",
                PixelScaleWarning,
            )
        return cls.new(grid, wanted)

    @classmethod
    def of_mosaic(cls, mosaic: xr.Dataset, options: Options) -> Job:
        """Return the job of an empty mosaic with the grid and the options of another mosaic."""
        return cls.new(Grid.of(mosaic, options.pixel_scale), options)

    def admit(
        self,
        candidate: xr.Dataset | Exposure,
        *,
        has_pixmap: bool = False,
        window: Callable[[Exposure], Window] | None = None,
        given: Given | None = None,
    ) -> Admitted:
        """Check an exposure and return the quantities with which it enters the mosaic.

        No pixel of the exposure is read, unless no pixel scale is known.

        Parameters
        ----------
        candidate : Dataset or Exposure
            The exposure.
        has_pixmap : bool, optional
            Whether the caller has a pixel map, so that the exposure needs no WCS.
        window : callable, optional
            Returns the window of the exposure; called only if no pixel scale is known.
        given : Given, optional
            Factors and weights that the caller decides.

        Raises
        ------
        InvalidExposureError
            The exposure cannot be used; lists every fault.
        InvalidInputError
            The exposure does not fit the mosaic: its units differ, or ``error_from_variances``
            names a variance that neither has.
        """
        if isinstance(candidate, Exposure):
            exposure = candidate
            validate(exposure.dataset, self.options, pixmap=True)
        else:
            exposure = Exposure.of(candidate, self.options, has_pixmap)
        units = self._units_with("data", self.units, exposure)
        further = {
            name: self._units_with(name, self.further.get(name), exposure)
            for name in self.options.planes
        }
        layout = wider_layout(self.layout, self.options, exposure.variances)
        if self.options.compute_err == "from_var" or self.options.noise_covariance:
            variances_of_error(layout, self.options)
        placed = window or self._window
        scales = scales_of(
            exposure, self.grid, self.options, lambda: placed(exposure).pixmap, given
        )
        row = provenance.row_of(exposure.scalars, scales.ratio, fingerprint_of(exposure))
        warn_mixed(self.watched, row)
        return Admitted(
            exposure=exposure,
            number=self.count,
            scales=scales,
            weight_type=(
                self.options.weight_type
                if given is not None and given.weights
                else effective_weight_type(self.options, exposure)
            ),
            row=row,
            units=units,
            further=further,
            layout=self._with_lags(layout, scales.ratio),
        )

    def admit_all(
        self, candidates: Iterable[xr.Dataset | Exposure]
    ) -> tuple[tuple[Admitted, ...], Job]:
        """Admit exposures in order; return them, and the job once all of them have been added."""
        job, admitted = self, []
        for candidate in candidates:
            admitted.append(job.admit(candidate))
            job = job.after(admitted[-1])
        return tuple(admitted), job

    def after(self, admitted: Admitted) -> Job:
        """Return the job once an admitted exposure has been added."""
        known = self.flag_map
        if self.options.rejected and known is None:
            found = flag_map_of(admitted.exposure, self.options)
            known = None if found is None else {name: int(found[name]) for name in found}
        return replace(
            self,
            layout=admitted.layout,
            units=admitted.units,
            further=admitted.further,
            count=self.count + 1,
            watched=provenance.watched(self.watched, [admitted.row]),
            flag_map=known,
        )

    def _with_lags(self, layout: Layout, ratio: float) -> Layout:
        """Return a layout that holds the lags of an exposure with a pixel scale ratio."""
        if not layout.block:
            return layout
        options = self.options
        footprint = make_footprint(options.kernel, options.pixfrac, ratio)
        return layout.reaching(max_lag(footprint, ratio))

    def _units_with(self, name: str, held: str | None, exposure: Exposure) -> str | None:
        """Return the units of a plane with an exposure, which must have the same units."""
        units = exposure.units_of(name)
        if held and units and not same_units(held, units):
            what = "the units" if name == "data" else f"{name} in the units"
            raise InvalidInputError(
                f"Exposure {label_of(exposure, self.count)} must have {what} of the mosaic, "
                f"{held!r}, got {units!r}: convert the exposure"
            )
        return held or units

    def _window(self, exposure: Exposure) -> Window:
        """Return the window of an exposure; its flags are not read."""
        return mapped_window(
            exposure, self.grid, replace(self.options, propagate_dq=False, good_bits=None)
        )


def warn_mixed(before: provenance.Watched, row: provenance.Row) -> None:
    """Warn if an exposure, or a mosaic, has another filter or instrument than those before."""
    if lines := provenance.differing(before, row):
        warn(
            f"The mosaic mixes exposures that differ in {'; '.join(lines)}. If this is not "
            "intended, make one mosaic per filter and instrument",
            MixedExposuresWarning,
        )


def label_of(exposure: Exposure, number: int) -> str:
    """Return the name of an exposure in a message: its file name, or else its number."""
    return str(exposure.scalars["filename"] or number)
