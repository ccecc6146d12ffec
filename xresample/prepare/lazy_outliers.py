"""Outliers of lazy exposures: nothing is computed before somebody reads the flags."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import dq_flags, schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import WEIGHT_PLANE, Options
from xresample.datamodel.pixels import with_ancillary
from xresample.tiled.combine_graph import lazy_images
from xresample.tiled.groups import GroupPlan
from xresample.tiled.plan import parts_of
from xresample.tiled.slab_graph import lazy_numbers, lazy_slabs
from xresample.tiled.stack_graph import lazy_stack
from xresample.tiled.window_graph import PlacedImage, counts, flagged, per_exposure
from xresample.tiled.worker import ExposureInput, SharedInput, mapping_of

from .blot import interpolation_margin
from .flag_bits import FlagBits
from .judge import COMPARED, OUTLIER, Judge, Outliers
from .minmed import settled
from .neighbours import grown
from .reference import Recipe
from .report import ExposureList, outlier_report
from .rules import OutlierRules
from .thresholds import mean_weight
from .unresampled import mean_of, require_same_shape, rows_compared


def lazy_outliers(groups: GroupPlan, rules: OutlierRules, bits: list[FlagBits]) -> ExposureList:
    """Return exposures whose flags, and whose report, are dask arrays."""
    recipe, plan = Recipe(rules), groups.plan
    stacked, means = lazy_stack(groups, mean_weight)
    arrays = [stacked[name] for name in ("data", "wht", "err") if name in stacked]
    dtype = groups.dtype("data")
    reference = lazy_images(
        recipe, arrays, None if rules.combination.maskpt is None else means,
        dict.fromkeys(recipe.planes, dtype),
    )  # fmt: skip
    names = ("data", "err", schema.COADD_WEIGHT)
    reference = settled(reference, "model")
    # The interpolation also reads pixels that an exposure does not reach.
    near = parts_of(plan.admitted, plan.job, plan.tiling, interpolation_margin(rules.interpolation))
    seen = replace(plan, parts=near)
    results = per_exposure(seen, names, reference, partial(judged, rules), np.uint8)
    return _flagged(list(plan.exposures), results, bits)


def lazy_unresampled(
    exposures: list[Exposure], options: Options, rules: OutlierRules, bits: list[FlagBits]
) -> ExposureList:
    """Return exposures that are compared without resampling, and flagged lazily."""
    require_same_shape(exposures)
    names = ("data", "err", "dq", WEIGHT_PLANE.get(options.weight_type or ""))
    planes = [e.dataset[[n for n in names if n in e.dataset]] for e in exposures]
    means = np.full(len(exposures), np.nan)
    if rules.combination.maskpt is not None:
        means = lazy_numbers(mean_of, planes, options)
    found = lazy_slabs(rows_compared, planes, (means, options, rules), np.uint8)
    results = list(found.rechunk({1: -1}) if rules.grow > 1 else found)
    if rules.grow > 1:
        results = [r.map_blocks(grown_bits, side=rules.grow, dtype=np.uint8) for r in results]
    return _flagged(exposures, results, bits)


def grown_bits(found: np.ndarray, side: int) -> np.ndarray:
    """Return ``OUTLIER`` and ``COMPARED`` of an exposure whose outliers have grown."""
    return Outliers(grown(found & OUTLIER != 0, side), found & COMPARED != 0).bits


def _flagged(readers: list[Exposure], results: list[Any], bits: list[FlagBits]) -> ExposureList:
    """Return exposures with flags from dask arrays of ``OUTLIER`` and ``COMPARED``."""
    masks = [result & OUTLIER != 0 for result in results]
    exposures = []
    for reader, mask, own in zip(readers, masks, bits, strict=True):
        dataset = reader.given
        flags = dataset["dq"].variable.transpose(*schema.PIXELS) if "dq" in dataset else None
        dq = flagged(flags, mask, own.value, dq_flags.as_uint32)
        variable = xr.Variable(schema.PIXELS, dq, own.attrs)
        exposures.append(with_ancillary(dataset.assign(dq=variable)))
    compared = counts([result & COMPARED != 0 for result in results])
    return ExposureList(exposures, outlier_report(readers, counts(masks), compared))


def judged(
    rules: OutlierRules,
    shared: SharedInput,
    given: ExposureInput,
    exposure: Exposure,
    windows: dict[str, PlacedImage],
) -> np.ndarray:
    """Return which pixels of an exposure are outliers, and which were compared."""
    if not windows:
        return np.zeros(exposure.shape, np.uint8)
    mapping = mapping_of(given, shared)
    return Judge(rules).outliers(exposure, mapping, windows, given.scales.intensity).bits
