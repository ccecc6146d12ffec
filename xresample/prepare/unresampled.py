"""Outliers of exposures with the same pixels, which are compared without resampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.accumulate.weights import weights_of
from xresample.accumulate.window import without_slopes
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import Options
from xresample.errors import InvalidInputError
from xresample.tiled.combine_graph import GroupImages

from .blot import row_slabs
from .judge import COMPARED, OUTLIER, Outliers
from .neighbours import grown
from .rules import OutlierRules
from .thresholds import mean_weight


def outliers_without_resampling(
    exposures: list[Exposure],
    options: Options,
    rules: OutlierRules,
    threads: int | None,
    done: Callable[[], None],
) -> list[Outliers]:
    """Return the outliers of exposures whose pixels see the same positions on the sky.

    A pixel is an outlier if it differs from the combination of all exposures by more than
    ``snr[0]`` standard deviations; there is no blur, so ``scale`` and ``snr[1]`` are not used.

    Raises
    ------
    InvalidInputError
        The exposures differ in shape, or have fewer than two.
    """
    require_same_shape(exposures)
    height, width = exposures[0].shape
    means = np.full(len(exposures), np.nan)
    if rules.combination.maskpt is not None:

        def weigh(k: int) -> None:
            means[k] = mean_of(exposures[k].dataset, options)

        pool.run(weigh, range(len(exposures)), threads)
    found = np.empty((len(exposures), height, width), np.uint8)

    def work(rows: range) -> None:
        cut = slice(rows.start, rows.stop)
        parts = [exposure.dataset.isel(y=cut) for exposure in exposures]
        found[:, cut] = rows_compared(parts, means, options, rules)
        done()

    pool.run(work, row_slabs(height), threads)
    return [
        Outliers(grown(bits & OUTLIER != 0, rules.grow), bits & COMPARED != 0) for bits in found
    ]


def require_same_shape(exposures: list[Exposure]) -> None:
    """Raise an `InvalidInputError` if exposures differ in shape."""
    shapes = {exposure.shape for exposure in exposures}
    if len(shapes) > 1:
        raise InvalidInputError(
            "resample_data=False compares pixels of the same position, so all exposures must have "
            f"one shape, got {', '.join(map(str, sorted(shapes)))}: pass resample_data=True"
        )


def mean_of(dataset: xr.Dataset, options: Options) -> float:
    """Return the mean weight of an exposure."""
    return mean_weight([weights_of(Exposure(dataset), options)])


def rows_compared(
    datasets: list[xr.Dataset], means: np.ndarray, options: Options, rules: OutlierRules
) -> np.ndarray:
    """Return ``OUTLIER`` and ``COMPARED`` of some rows of exposures, uint8 ``(exposure, y, x)``.

    Parameters
    ----------
    datasets : list of Dataset
        The same rows of each exposure.
    means : ndarray
        Mean weight of each exposure; NaN if no weight is too small.
    options : Options
        Options of the weights.
    rules : OutlierRules
        The rule. Outliers do not grow here, because they may grow into other rows.
    """
    parts, how = [Exposure(dataset) for dataset in datasets], rules.combination
    data, err = ([_plane(part, name) for part in parts] for name in ("data", "err"))
    values = [
        without_slopes(part, image, (0, 0)) - part.level
        for image, part in zip(data, parts, strict=True)
    ]
    weights = [weights_of(part, options) for part in parts]
    found = how.run(GroupImages(values, weights, err, np.asarray(means)))
    model = np.where(found["count"] + found["rejected"] < 2, np.nan, found["data"])
    known, bits = np.isfinite(model), []
    for image, sigma in zip(values, err, strict=True):
        offset = abs(image - model) if rules.backg is None else abs(image - model - rules.backg)
        bits.append(Outliers(offset > rules.numbers[0] * np.nan_to_num(sigma), known).bits)
    return np.stack(bits)


def _plane(exposure: Exposure, name: str) -> np.ndarray:
    plane = exposure.plane(name)
    if plane is None:
        raise ValueError(f"an admitted exposure has {name}")
    return plane
