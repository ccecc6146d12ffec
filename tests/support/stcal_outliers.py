"""Outlier detection with the functions of stcal, in the order of the JWST pipeline."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

SNR, SCALE, MASKPT = (5.0, 4.0), (1.2, 0.7), 0.7


def single(model: dict[str, Any], grid: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return one exposure on the grid: data and weights."""
    from stcal.resample import Resample

    logging.getLogger("stcal").setLevel(logging.CRITICAL)
    given = {
        "weight_type": "ivm", "fillval": "NAN", "good_bits": 0,
        "enable_ctx": False, "enable_var": False, "compute_err": None,
    } | options  # fmt: skip
    made = Resample({"wcs": grid}, n_input_models=1, **given)
    made.add_model(model)
    made.finalize()
    return made.output_model["data"], made.output_model["wht"]


def median_of(models: Sequence[dict[str, Any]], grid: Any, **options: Any) -> np.ndarray:
    """Return the median of all exposures on the grid, without pixels of low weight."""
    from stcal.outlier_detection.median import MedianComputer
    from stcal.outlier_detection.utils import compute_weight_threshold

    computer = None
    for k, model in enumerate(models):
        data, weight = single(model, grid, **options)
        data[weight < compute_weight_threshold(weight, MASKPT)] = np.nan
        if computer is None:
            computer = MedianComputer((len(models), *data.shape), in_memory=True)
        computer.append(data, k)
    if computer is None:
        raise ValueError("no exposures")
    return computer.evaluate()


def flags_of(models: Sequence[dict[str, Any]], grid: Any, **options: Any) -> list[np.ndarray]:
    """Return the outliers of each exposure."""
    from stcal.outlier_detection.utils import flag_resampled_crs, gwcs_blot

    with warnings.catch_warnings():
        # stcal warns about NaN in comparisons.
        warnings.simplefilter("ignore")
        median = median_of(models, grid, **options)
        masks = []
        for model in models:
            blot = gwcs_blot(median, grid, model["data"].shape, model["wcs"], fillval=np.nan)
            masks.append(flag_resampled_crs(model["data"], model["err"], blot, *SNR, *SCALE, 0.0))
        return masks
