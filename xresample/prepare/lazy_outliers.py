"""Outliers of lazy exposures: nothing is computed before somebody reads the flags."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr

from xresample.datamodel import dq_flags, schema
from xresample.datamodel.exposure import COADD_WEIGHT, Exposure
from xresample.tiled.combine_graph import lazy_images
from xresample.tiled.groups import GroupPlan
from xresample.tiled.plan import parts_of
from xresample.tiled.stack_graph import lazy_stack
from xresample.tiled.window_graph import Window, counts, flagged, per_exposure
from xresample.tiled.worker import ExposureInput, SharedInput, mapping_of

from .blot import Model, margin_of
from .flag_bits import FlagBits
from .judge import Judge
from .reference import Recipe
from .report import ExposureList, make_report
from .rules import Rules
from .thresholds import mean_weight

OUTLIER, COMPARED = 1, 2
"""Bits of the array that is computed for each exposure."""


def lazy_outliers(groups: GroupPlan, rules: Rules, bits: list[FlagBits]) -> ExposureList:
    """Return exposures whose flags, and whose report, are dask arrays."""
    recipe, plan = Recipe(rules), groups.plan
    stacked, means = lazy_stack(groups, mean_weight)
    arrays = [stacked[name] for name in ("data", "wht", "err") if name in stacked]
    dtype = groups.dtype("data")
    reference = lazy_images(
        recipe, arrays, None if rules.combination.maskpt is None else means,
        dict.fromkeys(recipe.planes, dtype),
    )  # fmt: skip
    names = ("data", "err", COADD_WEIGHT)
    # The interpolation also reads pixels that an exposure does not reach.
    near = parts_of(plan.admitted, plan.job, plan.tiling, margin_of(rules.interpolation))
    seen = replace(plan, parts=near)
    results = per_exposure(seen, names, reference, partial(judged, rules), np.uint8)
    masks = [result & OUTLIER != 0 for result in results]
    exposures = []
    for entry, mask, own in zip(plan.admitted, masks, bits, strict=True):
        dataset = entry.exposure.given
        flags = dataset["dq"].variable.transpose(*schema.PIXELS) if "dq" in dataset else None
        dq = flagged(flags, mask, own.value, dq_flags.as_uint32)
        exposures.append(dataset.assign(dq=xr.Variable(schema.PIXELS, dq, own.attrs)))
    compared = counts([result & COMPARED != 0 for result in results])
    return ExposureList(exposures, make_report(list(plan.exposures), counts(masks), compared))


def judged(
    rules: Rules,
    shared: SharedInput,
    given: ExposureInput,
    exposure: Exposure,
    windows: dict[str, Window],
) -> np.ndarray:
    """Return which pixels of an exposure are outliers, and which were compared."""
    if not windows:
        return np.zeros(exposure.shape, np.uint8)
    models = {name: Model(*window) for name, window in windows.items()}
    mapping = mapping_of(given, shared)
    found = Judge(rules).outliers(exposure, mapping, models, given.scales.intensity)
    return found.mask * np.uint8(OUTLIER) + found.known * np.uint8(COMPARED)
