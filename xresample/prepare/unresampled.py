"""Outliers of exposures with the same pixels, which are compared without resampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xresample import threads as pool
from xresample.accumulate.weights import weights_of
from xresample.accumulate.window import without_slopes
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import Options
from xresample.errors import InvalidInputError

from .blot import row_slabs
from .judge import Outliers
from .rules import Rules
from .thresholds import mean_weight


def outliers_without_resampling(
    exposures: list[Exposure],
    options: Options,
    rules: Rules,
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
    shapes = {exposure.shape for exposure in exposures}
    if len(shapes) > 1:
        raise InvalidInputError(
            "resample_data=False compares pixels of the same position, so all exposures must have "
            f"one shape, got {', '.join(map(str, sorted(shapes)))}: pass resample_data=True"
        )
    how, (height, width) = rules.combination, exposures[0].shape
    means = np.full(len(exposures), np.nan)
    if how.maskpt is not None:

        def weigh(k: int) -> None:
            means[k] = mean_weight([weights_of(exposures[k], options)])

        pool.run(weigh, range(len(exposures)), threads)
    floors = how.floors(means)
    masks = [np.empty((height, width), bool) for _ in exposures]
    known = np.empty((height, width), bool)

    def work(rows: range) -> None:
        cut = slice(rows.start, rows.stop)
        parts = [Exposure(exposure.dataset.isel(y=cut)) for exposure in exposures]
        data, err = ([_plane(part, name) for part in parts] for name in ("data", "err"))
        values = [
            without_slopes(part, image, (0, 0)) - _level(part)
            for image, part in zip(data, parts, strict=True)
        ]
        weights = [weights_of(part, options) for part in parts]
        found = how.run(values, weights, err, floors)
        model = np.where(found["count"] + found["rejected"] < 2, np.nan, found["data"])
        known[cut] = np.isfinite(model)
        for k, (image, sigma) in enumerate(zip(values, err, strict=True)):
            offset = abs(image - model) if rules.backg is None else abs(image - model - rules.backg)
            masks[k][cut] = offset > rules.numbers[0] * np.nan_to_num(sigma)
        done()

    pool.run(work, row_slabs(height), threads)
    return [Outliers(mask, known) for mask in masks]


def _plane(exposure: Exposure, name: str) -> np.ndarray:
    plane = exposure.plane(name, slice(None), slice(None))
    if plane is None:
        raise ValueError(f"an admitted exposure has {name}")
    return plane


def _level(exposure: Exposure) -> float:
    """Return the sky level that is still in the data of an exposure."""
    return 0.0 if exposure.scalars["subtracted"] else exposure.scalars["level"]
