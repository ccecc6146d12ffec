"""The images of a stack combined pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.datamodel import schema
from xresample.datamodel.mosaic import described
from xresample.errors import InvalidInputError, MissingKeyError, listing
from xresample.tiled.combine_graph import GroupImages, lazy_images

from .minmed import STRONG, WEAK, settled
from .stack import GROUP, MEAN_WEIGHT
from .thresholds import mean_weight

if TYPE_CHECKING:
    from xresample.kernels.selection import Method, Selection

Sigma: TypeAlias = Literal["predicted", "empirical"]

SLAB = 1 << 20
"""Number of values that a thread combines at a time."""


Images: TypeAlias = dict[str, np.ndarray]
"""The result, ``(y, x)``: ``data``, and the numbers ``count`` of values that were combined and
``rejected`` of values that exist and were not combined; with two limits, what `settled` needs."""


@dataclass(frozen=True)
class Combination:
    """A method with its parameters; see `ResampleAccessor.combine`."""

    method: Method = "median"
    maskpt: float | None = None
    nlow: int = 0
    nhigh: int = 0
    lthresh: float | None = None
    hthresh: float | None = None
    nsigma: float | tuple[float, float] = 3.0
    sigma: Sigma = "predicted"
    iterations: int = 5

    def __post_init__(self) -> None:
        from xresample.kernels.selection import METHODS

        faults = []
        if self.method not in METHODS:
            faults.append(f"method must be one of {_listed(METHODS)}, got {self.method!r}")
        if self.sigma not in ("predicted", "empirical"):
            faults.append(f"sigma must be 'predicted' or 'empirical', got {self.sigma!r}")
        for name, least in (("nlow", 0), ("nhigh", 0), ("iterations", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                faults.append(f"{name} must be an integer of at least {least}, got {value!r}")
        if self.maskpt is not None and not (_is_real(self.maskpt) and 0 <= self.maskpt <= 1):
            faults.append(f"maskpt must be None or a number from 0 to 1, got {self.maskpt!r}")
        faults += [
            f"{name} must be None or a number, got {value!r}"
            for name in ("lthresh", "hthresh")
            if (value := getattr(self, name)) is not None and not _is_real(value)
        ]
        pair = self.nsigma if isinstance(self.nsigma, tuple | list) else (self.nsigma,) * 2
        if len(pair) != 2 or not all(_is_real(n) and n > 0 for n in pair):
            faults.append(
                "nsigma must be a positive number, or a pair of them (below, above), got "
                f"{self.nsigma!r}"
            )
        if faults:
            raise InvalidInputError(listing("combine cannot be used", faults))
        object.__setattr__(self, "nsigma", tuple(map(float, pair)))

    @property
    def needs_sigmas(self) -> bool:
        """Whether every value needs a standard deviation."""
        return self.method == "minmed" or (self.method == "clipped" and self.sigma == "predicted")

    @property
    def two_limits(self) -> bool:
        """Whether `run` also returns what `settled` needs."""
        below, beside = self.limits
        return self.method == "minmed" and below != beside

    @property
    def limits(self) -> tuple[float, float]:
        """The two numbers of ``nsigma``."""
        first, second = self.nsigma if isinstance(self.nsigma, tuple) else (self.nsigma,) * 2
        return first, second

    @property
    def selection(self) -> Selection:
        """The parameters for the kernel."""
        from xresample.kernels.selection import METHODS, Selection

        below, above = self.limits
        return Selection(
            method=METHODS.index(self.method),
            nlow=int(self.nlow),
            nhigh=int(self.nhigh),
            low=-math.inf if self.lthresh is None else float(self.lthresh),
            high=math.inf if self.hthresh is None else float(self.hthresh),
            below=below,
            above=above,
            iterations=int(self.iterations),
            predicted=self.sigma == "predicted",
        )

    def floors(self, means: np.ndarray) -> np.ndarray:
        """Return the minimum weight of a pixel of each group that counts."""
        if self.maskpt is None:
            return np.full(len(means), -math.inf)
        return np.nan_to_num(self.maskpt * np.asarray(means, np.float64), nan=-math.inf)

    def run(self, images: GroupImages, threads: int | None = 1) -> Images:
        """Return the combined images; a pixel may be without a value in all groups."""
        found = self._combined(self.selection, images, threads)
        if self.two_limits:
            second = self.selection._replace(below=self.limits[1])
            median = replace(self, method="median").selection
            middle = self._combined(median, images, threads)["data"]
            found[STRONG] = found["data"] < middle
            found[WEAK] = self._combined(second, images, threads)["data"]
        return found

    def _combined(self, how: Selection, images: GroupImages, threads: int | None) -> Images:
        """Return the images of one selection."""
        # Images without any weight take part in nothing, so they are left out.
        there = [k for k, weight in enumerate(images.weights) if weight.size and np.any(weight)]
        shape = np.shape(images.values[0])
        dtype = np.result_type(*(v.dtype for v in images.values), np.float32).newbyteorder("=")
        out = {
            "data": np.full(shape, np.nan, dtype),
            "count": np.zeros(shape, np.int32),
            "rejected": np.zeros(shape, np.int32),
        }
        if not there:
            return out
        rows = max(1, SLAB // (len(there) * max(shape[1], 1)))

        floors, sigmas = self.floors(images.means)[there], images.sigmas

        def cube(planes: Sequence[np.ndarray], part: slice) -> np.ndarray:
            return np.stack([planes[k][part] for k in there], dtype=dtype, casting="same_kind")

        def work(first: int) -> None:
            from xresample.kernels.selection import combine_images

            part = slice(first, first + rows)
            errors = np.empty((0, 0, 0), dtype) if sigmas is None else cube(sigmas, part)
            combine_images(cube(images.values, part), cube(images.weights, part), errors,
                           floors, how, *(image[part] for image in out.values()))  # fmt: skip

        pool.run(work, range(0, shape[0], rows), threads)
        return out


def combine(
    dataset: xr.Dataset, combination: Combination, variable: str, threads: int | None
) -> xr.Dataset:
    """Combine the images of a stack; see `ResampleAccessor.combine`."""
    require_stack(dataset, variable)
    names = [variable, "wht"]
    images = {name: dataset[name].transpose(GROUP, *schema.PIXELS) for name in names}
    if combination.needs_sigmas:
        images["err"] = sigmas_of(dataset)
    means = _means(dataset) if combination.maskpt is not None else None
    if any(image.chunks for image in images.values()):
        arrays = [image.data for image in images.values()]
        dtype = np.result_type(dataset[variable].dtype, np.float32)
        kinds = {"data": dtype, "count": np.dtype(np.int32), "rejected": np.dtype(np.int32)}
        if combination.two_limits:
            kinds |= {STRONG: np.dtype(bool), WEAK: dtype}
        found: dict[str, Any] = lazy_images(combination, arrays, means, kinds)
    else:
        planes = [list(image.values) for image in images.values()]
        known = np.zeros(dataset.sizes[GROUP]) if means is None else np.asarray(means)
        sigmas = planes[2] if len(planes) > 2 else None
        given = GroupImages(planes[0], planes[1], sigmas, known)
        found = dict(combination.run(given, threads))
    return _labelled(dataset, dataset[variable].attrs, settled(found, "data"), combination.method)


def require_stack(dataset: xr.Dataset, variable: str = "data") -> None:
    """Raise an `InvalidInputError` unless a Dataset is a stack that has a variable."""
    dims = {GROUP, *schema.PIXELS}
    wrong = [n for n in (variable, "wht") if n not in dataset or set(dataset[n].dims) != dims]
    if wrong:
        raise InvalidInputError(
            f"combine expects a stack (from xresample.stack) with {' and '.join(wrong)} along "
            f"(group, y, x), got {described(dataset)}"
        )


def sigmas_of(dataset: xr.Dataset) -> xr.DataArray:
    """Return the standard deviations of a stack: ``err``, or the root of the inverse weights."""
    if "err" in dataset:
        return dataset["err"].transpose(GROUP, *schema.PIXELS)
    if dataset.attrs.get("weight_type") not in ("ivm", "ivm-sky"):
        raise MissingKeyError(
            "The stack has no 'err', which this method needs: make it with "
            "compute_err='driz_err', or with weight_type='ivm'; or use sigma='empirical'"
        )
    weight = dataset["wht"].transpose(GROUP, *schema.PIXELS)
    return weight.where(weight > 0) ** -0.5


def _means(dataset: xr.Dataset) -> Any:
    """Return the mean weight of each group of a stack."""
    if MEAN_WEIGHT in dataset.coords:
        return dataset[MEAN_WEIGHT].data
    weights = dataset["wht"].transpose(GROUP, *schema.PIXELS)
    return np.array([mean_weight([weights[g].values]) for g in range(dataset.sizes[GROUP])])


def _labelled(
    dataset: xr.Dataset, attrs: dict[Any, Any], found: dict[str, Any], method: str
) -> xr.Dataset:
    """Return the Dataset of a combined image."""
    kept = [name for name in (*schema.PIXELS, schema.WCS) if name in dataset.coords]
    labels = {
        "data": {**attrs, "cell_methods": f"group: {method}"},
        "count": {"long_name": "number of values that were combined"},
        "rejected": {"long_name": "number of values that were rejected"},
    }
    variables = {name: (schema.PIXELS, image, labels[name]) for name, image in found.items()}
    scale = {k: v for k, v in dataset.attrs.items() if k == "pixel_scale"}
    return xr.Dataset(variables, {name: dataset.coords[name] for name in kept}, scale)


def _is_real(value: Any) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and not math.isnan(float(value))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
