"""The weights of an exposure as a DataArray, lazy for chunked exposures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.weight_recipe import POISSON_MEDIAN, WeightRecipe
from xresample.accumulate.weights import (
    accepted_by,
    deposited_weights,
    effective_weight_type,
    flag_map_of,
)
from xresample.datamodel import schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import Options
from xresample.datamodel.units import weight_units
from xresample.errors import InvalidExposureError

from .inspect import pixel_coords


def weights(dataset: xr.Dataset, recipe: WeightRecipe) -> xr.DataArray:
    """Return the weights with which the pixels of an exposure are co-added."""
    recipe.require_valid()
    options = Options(
        weight_type=recipe.weight_type,
        good_bits=recipe.good_bits,
        flag_map=recipe.flag_map,
        dtype=recipe.dtype,
    )
    exposure = Exposure.of(dataset, options, pixmap=True)
    if recipe.kind == POISSON_MEDIAN:
        _require_planes(exposure, recipe)
    elif effective_weight_type(options, exposure) is None:
        recipe = replace(recipe, kind=None, smooth=None)
    recipe = replace(
        recipe,
        flag_map=flag_map_of(exposure, options),
        time=exposure.time,
        first=(exposure.y.start, exposure.x.start),
        flagged="dq" in dataset,
        accepted=accepted_by(exposure),
    )
    attrs = {
        "long_name": "weight",
        "units": weight_units(options.weight_type, exposure.units),
    }
    known = {key: value for key, value in attrs.items() if value is not None}
    image = _evaluated(recipe, exposure, options)
    return xr.DataArray(image, pixel_coords(dataset), schema.PIXELS, "weight", known)


def _require_planes(exposure: Exposure, recipe: WeightRecipe) -> None:
    """Raise an `InvalidExposureError` if the exposure lacks a variance that the weights need."""
    if missing := [name for name in recipe.planes if name not in exposure.dataset]:
        raise InvalidExposureError(
            f"{exposure.scalars['filename'] or 'The exposure'} must have the variances "
            f"{' and '.join(recipe.planes)} for weight_type={recipe.kind!r}, missing: "
            f"{', '.join(missing)}"
        )


def _evaluated(recipe: WeightRecipe, exposure: Exposure, options: Options) -> Any:
    """Return the weights as an array: a dask array if a plane that they need is one."""
    dataset = exposure.dataset
    names = ("data", *recipe.planes, *(("dq",) if recipe.flagged else ()))
    if not any(dataset[name].variable.chunks for name in names):
        if recipe.is_local:
            return deposited_weights(exposure, replace(options, weight_type=recipe.weight_type))
        found = [exposure.plane(name) for name in names]
        return recipe(*(plane for plane in found if plane is not None))
    variables = [dataset[name].variable.transpose(*schema.PIXELS) for name in names]
    core = [] if recipe.is_local else list(schema.PIXELS)
    lazy = xr.apply_ufunc(
        _followed,
        *variables,
        input_core_dims=[core] * len(variables),
        output_core_dims=[core],
        kwargs={"recipe": recipe},
        dask="parallelized",
        output_dtypes=[recipe.output_type],
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return lazy.data


def _followed(data: np.ndarray, *planes: np.ndarray, recipe: WeightRecipe) -> np.ndarray:
    """Return the weights of a recipe: dask needs a function with a name."""
    return recipe(data, *planes)
