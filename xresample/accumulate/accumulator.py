"""A mosaic while exposures are added: opened from a Dataset, filled, and given back as one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import provenance, schema
from xresample.datamodel.exposure import Exposure, validate
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import Options
from xresample.errors import InvalidInputError, NoOverlapWarning, warn

from . import window as placement
from .buffers import Buffers, Layout, copy_rows
from .launch import Scales, Window, add_exposure


@dataclass
class Accumulator:
    """The state of a mosaic in buffers of its own; the Datasets it comes from stay as they are."""

    grid: Grid
    options: Options
    buffers: Buffers
    rows: list[provenance.Row] = field(default_factory=list)
    units: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    blank: bool = False
    """Whether the planes are as `new` allocated them."""

    @classmethod
    def new(cls, grid: Grid, options: Options, exposures: int = 0) -> Accumulator:
        """Start an empty mosaic, with context planes for a number of exposures."""
        options = replace(options, pixel_scale=grid.pixel_scale)
        buffers = Buffers.empty(
            first_layout(options), options, grid.shape, grid.y0, grid.x0, exposures
        )
        return cls(grid, options, buffers, blank=True)

    @classmethod
    def open(
        cls, mosaic: xr.Dataset, more: Iterable[str] = (), threads: int | None = 1
    ) -> Accumulator:
        """Copy the planes of a mosaic, wherever it comes from.

        Parameters
        ----------
        mosaic : xarray.Dataset
            The mosaic.
        more : iterable of str
            Variances that it will be asked to hold, too: they get their planes at once.
        threads : int, optional
            Threads to use.

        Raises
        ------
        InvalidInputError
            It is not a complete mosaic; lists what is wrong.
        """
        options = Options.from_attrs(mosaic.attrs)
        grid = Grid.of(mosaic, options.pixel_scale)
        layout = Layout.of(options, _variances_of(mosaic, options))
        _check_planes(mosaic, layout, options)
        wider = wider_layout(layout, options, more)
        values = np.empty((len(wider.names), *grid.shape), options.dtype)
        buffers = Buffers(wider, values, None, None, grid.y0, grid.x0)
        for name in wider.names:
            if name in layout.names:
                held = mosaic[name].transpose(*schema.PIXELS).values
                copy_rows(buffers.plane(name), held, threads)
            else:
                buffers.clear(name, options, threads, zeroed=False)
        if options.enable_ctx:
            held = mosaic["con"].transpose("plane", *schema.PIXELS).values
            buffers.context = np.empty(held.shape, np.int32)
            for plane, part in zip(buffers.context, held, strict=True):
                copy_rows(plane, part, threads)
        if options.propagate_dq:
            buffers.dq = np.empty(grid.shape, np.uint32)
            copy_rows(buffers.dq, mosaic["dq"].transpose(*schema.PIXELS).values, threads)
        known = {*options.to_attrs(), *provenance.TOTALS, *_AREAS, "good_bits", "weight_type"}
        attrs = {str(k): v for k, v in mosaic.attrs.items() if k not in known}
        units = mosaic["data"].attrs.get("units")
        return cls(grid, options, buffers, provenance.rows_of(mosaic), units, attrs)

    def add(self, dataset: xr.Dataset, pixmap: Any = None, threads: int | None = None) -> None:
        """Add one exposure.

        Raises
        ------
        InvalidExposureError
            The exposure cannot be used; lists every fault.
        """
        validate(dataset, self.options, pixmap is not None)
        exposure = Exposure(dataset)
        buffers = self.buffers

        def room(shape: tuple[int, ...]) -> np.ndarray:
            return buffers.room("pixmap", shape, np.float64)

        window = placement.place(exposure, self.grid, self.options, pixmap, threads, room)
        self.deposit(
            exposure,
            window,
            placement.scales(exposure, self.grid, self.options, window),
            threads,
        )

    def deposit(
        self, exposure: Exposure, window: Window, scales: Scales, threads: int | None = None
    ) -> None:
        """Add one exposure that has been placed on the grid, by factors that are known."""
        self.units = common_units(self.units, exposure, len(self.rows))
        layout = wider_layout(self.buffers.layout, self.options, exposure.variances)
        self.buffers = self.buffers.with_layout(
            layout, self.options, blank=self.blank, threads=threads
        )
        self.blank = False
        if not add_exposure(self.buffers, self.options, window, scales, len(self.rows), threads):
            warn_outside(exposure, len(self.rows))
        self.rows.append(provenance.row_of(exposure.scalars, scales.ratio))

    def dataset(self) -> xr.Dataset:
        """Return the mosaic as a Dataset; its variables are views of the buffers."""
        return labelled(
            self.planes(), self.grid, self.options, self.rows, self.units, attrs=self.attrs
        )

    def planes(self) -> dict[str, np.ndarray]:
        """Return the planes of the mosaic by name, in the order of its variables."""
        found = {name: self.buffers.plane(name) for name in self.buffers.layout.names}
        if self.options.compute_err == "from_var":
            found["err"] = self._err_from_variances()
        if self.buffers.context is not None:
            found["con"] = self.buffers.context
        if self.buffers.dq is not None:
            found["dq"] = self.buffers.dq
        return {name: found[name] for name in plane_names(self.buffers.layout, self.options)}

    def _err_from_variances(self) -> np.ndarray:
        """Return the root of the sum of the variances; NaN where none is known."""
        names = variances_of_error(self.buffers.layout, self.options)
        found = [self.buffers.plane(name) for name in names]
        return root_of_sum(found, self.grid.shape, self.options.dtype)


def plane_names(layout: Layout, options: Options) -> tuple[str, ...]:
    """Return the names of the planes of a mosaic, in the order of its variables."""
    err = ("err",) if options.compute_err is not None else ()
    con = ("con",) if options.enable_ctx else ()
    dq = ("dq",) if options.propagate_dq else ()
    return tuple(dict.fromkeys(("data", *err, "wht", *con, *dq, *layout.names)))


def variances_of_error(layout: Layout, options: Options) -> tuple[str, ...]:
    """Return the variances whose sum is the error squared; none where a mosaic has none yet.

    Raises
    ------
    InvalidInputError
        The options name one that the mosaic lacks.
    """
    names = options.error_from_variances or layout.variances
    unknown = [name for name in names if name not in layout.variances]
    if unknown and layout.variances:
        raise InvalidInputError(
            f"error_from_variances names {unknown}: the mosaic has {list(layout.variances)}"
        )
    return () if unknown else tuple(names)


def identity_of(name: str, layout: Layout, options: Options) -> float:
    """Return what a plane of a mosaic holds where nothing contributed."""
    if name == "err" and options.compute_err == "from_var":
        return math.nan
    return layout.identity(name, options)


def labelled(
    planes: Mapping[str, Any],
    grid: Grid,
    options: Options,
    rows: Sequence[provenance.Row],
    units: str | None,
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Return the Dataset of a mosaic: its planes, arrays of any kind, with all that labels them."""
    variables: dict[str, xr.Variable] = {}
    for name, plane in planes.items():
        row = schema.require_row(schema.MOSAIC, name)
        labels = schema.variable_attrs(name, row, units, options.weight_type)
        variables[name] = xr.Variable(row.dims, plane, labels)
    known = {**attrs, **options.to_attrs(), **provenance.totals(rows)}
    if grid.pixel_scale is not None:
        arcsec = np.deg2rad(1 / 3600)
        known["pixelarea_arcsecsq"] = grid.pixel_area
        known["pixelarea_steradians"] = float(grid.pixel_area * arcsec**2)
    return xr.Dataset({**variables, **provenance.variables(rows)}, grid.coords(), known)


def common_units(units: str | None, exposure: Exposure, number: int) -> str | None:
    """Return the units of a mosaic that an exposure joins.

    Raises
    ------
    InvalidInputError
        They are not those of the exposure.
    """
    if units and exposure.units and units != exposure.units:
        raise InvalidInputError(
            f"The units of exposure {exposure.scalars['filename'] or number} are "
            f"{exposure.units!r}, those of the mosaic {units!r}: convert the exposure"
        )
    return units or exposure.units


def wider_layout(layout: Layout, options: Options, variances: Iterable[str]) -> Layout:
    """Return the layout that holds variances which an exposure brings, too."""
    if not options.enable_var or options.variance_names is not None:
        return layout
    more = tuple(name for name in variances if name not in layout.variances)
    return replace(layout, variances=layout.variances + more)


def warn_outside(exposure: Exposure, number: int) -> None:
    """Warn that an exposure touches no pixel of a mosaic."""
    warn(
        f"Exposure {exposure.scalars['filename'] or number} lies outside the mosaic: it is "
        "counted but changes no pixel",
        NoOverlapWarning,
    )


def target_of(output_wcs: Any, options: Mapping[str, Any]) -> tuple[Grid, Options]:
    """Return the grid and the options of a new mosaic, as `empty_mosaic` takes them.

    Raises
    ------
    InvalidInputError
        An option is unknown or out of range, or the grid has no pixel.
    """
    if unknown := sorted(set(options) - set(Options.__dataclass_fields__)):
        known = ", ".join(Options.__dataclass_fields__)
        raise InvalidInputError(f"Unknown options {unknown}: those known are {known}")
    if isinstance(output_wcs, Mapping) and not isinstance(output_wcs, xr.Dataset):
        options = {"pixel_scale_ratio": output_wcs.get("pixel_scale_ratio"), **options}
    chosen = Options(**options)
    return Grid.of(output_wcs, chosen.pixel_scale), chosen


def first_layout(options: Options) -> Layout:
    """Return the layout of a mosaic that has no exposure yet."""
    return Layout.of(options, (options.variance_names or ()) if options.enable_var else ())


def root_of_sum(variances: Iterable[np.ndarray], shape: tuple[int, int], dtype: str) -> np.ndarray:
    """Return the root of the sum of variances, NaN counted as 0; NaN where none is known."""
    total = np.zeros(shape, dtype)
    known = np.zeros(shape, bool)
    for plane in variances:
        there = ~np.isnan(plane)
        np.add(total, plane, out=total, where=there)
        known |= there
    np.sqrt(total, out=total)
    total[~known] = np.nan
    return total


_AREAS = ("pixelarea_arcsecsq", "pixelarea_steradians")


def _variances_of(mosaic: xr.Dataset, options: Options) -> tuple[str, ...]:
    """Return the variances that a mosaic has or, by its weights or options, ought to have."""
    wanted = (options.variance_names or ()) if options.enable_var else ()
    found = [name for name in map(str, mosaic.data_vars) if name.startswith(schema.VARIANCE_PREFIX)]
    names = (name.removesuffix(schema.WEIGHT_SUFFIX) for name in (*wanted, *found))
    return tuple(dict.fromkeys(names))


def is_mosaic(dataset: Any) -> bool:
    """Tell whether a Dataset is a mosaic: it has weights and exposures."""
    return isinstance(dataset, xr.Dataset) and "wht" in dataset and "exposure" in dataset.dims


def _check_planes(mosaic: xr.Dataset, layout: Layout, options: Options) -> None:
    """Raise an `InvalidInputError` that lists what a mosaic lacks."""
    needed = list(layout.names)
    needed += ["con"] if options.enable_ctx else []
    needed += ["dq"] if options.propagate_dq else []
    faults = []
    for name in needed:
        if name not in mosaic:
            faults.append(f"{name} is missing")
            continue
        row = schema.require_row(schema.MOSAIC, name)
        dtype = schema.plane_dtype(name, options.dtype)
        variable = mosaic[name]
        if set(variable.dims) != set(row.dims):
            faults.append(f"{name} has dimensions {variable.dims}: needed are {row.dims}")
        if variable.dtype != np.dtype(dtype) and variable.dtype.newbyteorder("=") != dtype:
            faults.append(f"{name} is of type {variable.dtype}: needed is {dtype}")
    if faults:
        raise InvalidInputError("The Dataset is no complete mosaic:\n- " + "\n- ".join(faults))
