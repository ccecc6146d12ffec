"""The state of one product of the stcal-compatible class: its planes and its times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.job import Admitted, Job
from xresample.accumulate.launch import Window
from xresample.accumulate.scales import Given
from xresample.accumulate.window import mapped_window
from xresample.datamodel import provenance
from xresample.datamodel.context import PLANE_BITS
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.mosaic import root_of_sum
from xresample.datamodel.options import Options
from xresample.datamodel.planes import in_order_of_sum

from .input_model import as_number, scalars

TIMES = provenance.TIMES
"""Keys of the product that follow from the times of the exposures."""


@dataclass
class ProductState:
    """The planes and times of a product, from one reset to the next."""

    begun: Mapping[str, Any]
    """Initial entries of the product."""
    start: Callable[[str], tuple[Grid, Options]]
    """Returns the grid and the options of "all" planes, of "data" or of "variances"."""
    expected: int = 0
    separate: bool = False
    """Whether the variances are added in a separate pass."""
    times: list[dict[str, Any]] = field(default_factory=list)
    """Times of the first exposure of each group."""
    starts: list[Any] = field(default_factory=list)
    ends: list[Any] = field(default_factory=list)
    output: Mapping[str, Any] = field(default_factory=dict)
    """The product as users read it, including the entries that were assigned to it."""
    _state: Accumulator | None = None
    _variances: Accumulator | None = None

    @property
    def state(self) -> Accumulator:
        """The mosaic, whose planes are allocated on first access."""
        if self._state is None:
            part = "data" if self.separate else "all"
            self._state = Accumulator.new(Job.new(*self.start(part)), self.expected)
            self._continue(self._state)
        return self._state

    @property
    def variances(self) -> Accumulator:
        """The mosaic that holds the variances."""
        if not self.separate:
            return self.state
        if self._variances is None:
            self._variances = Accumulator.new(Job.new(*self.start("variances")))
        return self._variances

    def _continue(self, state: Accumulator) -> None:
        """Copy the initial planes of the product."""
        buffers = state.buffers
        for name in ("wht", *buffers.layout.means):
            if (plane := self.begun.get(name)) is not None:
                buffers.plane(name)[...] = plane
        if (con := self.begun.get("con")) is not None and buffers.context is not None:
            planes = np.reshape(con, (-1, *state.grid.shape)).astype(np.int32)
            buffers.context_plane(PLANE_BITS * len(planes) - 1)
            buffers.context[: len(planes)] = planes
        if (dq := self.begun.get("dq")) is not None and buffers.dq is not None:
            buffers.dq[...] = dq

    def forget_variances(self) -> None:
        """Discard the separate variances."""
        self._variances = None

    def window_of(self, exposure: Exposure) -> Window:
        """Return the window of an exposure on the mosaic."""
        return mapped_window(exposure, self.state.grid, self.state.options)

    def admit(self, state: Accumulator, exposure: Exposure, given: Given) -> Admitted:
        """Check an exposure against `state` or `variances`, with the factors of the class."""
        # The pixel scale is removed, because it would give each exposure a ratio of its own.
        job = replace(state.job, grid=replace(state.grid, pixel_scale=None))
        return job.admit(exposure, given=given)

    def deposit(
        self, state: Accumulator, admitted: Admitted, window: Window, ratio: float | None
    ) -> None:
        """Add an admitted exposure to `state` or `variances`.

        Parameters
        ----------
        state : Accumulator
            `state` or `variances`.
        admitted : Admitted
            The exposure.
        window : Window
            Its pixels on the grid.
        ratio : float or None
            The pixel scale ratio of all exposures.
        """
        state.deposit(admitted, window)
        state.warn()
        if admitted.number == 0:
            options = replace(state.options, pixel_scale_ratio=ratio)
            state.job = replace(state.job, options=options)

    def array(self, name: str, dtype: Any) -> np.ndarray | None:
        """Return an output array; before the first exposure, its initial value."""
        if self._state is None:
            return self.begun.get(name)
        buffers = self._state.buffers
        if name in ("con", "dq"):
            array = buffers.context if name == "con" else buffers.dq
            return None if array is None else _integers(array, np.dtype(dtype))
        if name not in buffers.layout.names:
            buffers = self.variances.buffers
        known = name in buffers.layout.names
        return buffers.plane(name).astype(dtype, copy=False) if known else None

    def err(self, entering: Sequence[str], dtype: Any) -> np.ndarray | None:
        """Return the drizzled error, or else the error from the variances of the product."""
        if self._state is None or "err" in self._state.buffers.layout.means:
            return self.array("err", dtype)
        planes = [self.output[name] for name in entering]
        known = [plane for plane in planes if plane is not None]
        total = root_of_sum(known, self._state.grid.shape, self._state.options.dtype)
        return total.astype(dtype, copy=False)

    def live(
        self, names: Sequence[str], entering: Sequence[str] | None, type_of: Callable[[str], Any]
    ) -> dict[str, Callable[[], Any]]:
        """Return functions that compute the current values of the product.

        Parameters
        ----------
        names : sequence of str
            Names of the variances.
        entering : sequence of str or None
            Variances that enter the error; None: all.
        type_of : callable
            Returns the type of an output array.
        """
        arrays = ("data", "wht", "con", "dq", *names)
        err = partial(self.err, tuple(entering or in_order_of_sum(names)), type_of("err"))
        return {
            **{name: partial(self.array, name, type_of(name)) for name in arrays},
            **{name: partial(self.total, name) for name in TIMES},
            "err": err,
        }

    def add_times(self, model: Mapping[str, Any]) -> None:
        """Count the times of a group, which are the times of its first exposure."""
        self.times.append({**scalars(model), "group_id": str(len(self.times))})
        for known, name in ((self.starts, "start_time"), (self.ends, "end_time")):
            if model[name] is not None:
                known.append(model[name])

    def reset_times(self) -> None:
        """Discard all times, except an initial start and end of the product."""
        self.times = []
        self.starts, self.ends = (
            [time for time in (self.begun.get(name),) if time is not None]
            for name in ("start_time", "end_time")
        )

    def total(self, name: str) -> Any:
        """Return a time of the product; starts and ends keep the type of the models."""
        if name == "start_time":
            return min(self.starts, key=as_number, default=None)
        if name == "end_time":
            return max(self.ends, key=as_number, default=None)
        # stcal sums unknown times to 0, except measurement times.
        unknown = 0.0 if name in ("exposure_time", "duration", "elapsed_exposure_time") else None
        return provenance.totals(self.times).get(name, unknown)

    def mosaic(self) -> xr.Dataset:
        """Return the planes as a mosaic."""
        state = self.state
        mosaic = state.dataset()
        if not self.separate:
            return mosaic
        apart = self.variances.dataset()
        further = {n: apart[n].variable for n in apart.data_vars if n not in mosaic}
        attrs = {n: apart.attrs[n] for n in ("enable_var", "variance_names") if n in apart.attrs}
        if "err" not in mosaic and (err := self.output.get("err")) is not None:
            further["err"] = mosaic["data"].variable.copy(data=err)
            attrs["compute_err"] = "from_var"
        return mosaic.assign(further).assign_attrs(attrs)


def _integers(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return integers in another type, with the same bits if it has the same width."""
    same = dtype.kind in "iu" and dtype.itemsize == array.itemsize
    return array.view(dtype) if same else array.astype(dtype)
