"""Stacks: exposures of one shape in one Dataset, along the dimension ``exposure``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Any

import numpy as np
import xarray as xr

from xresample.arguments import datasets
from xresample.errors import InvalidExposureError, InvalidInputError, listing

from . import schema
from .coordinates import wcs_variable
from .dq_flags import integer_flags
from .exposure import wcs_of
from .facts import facts_of, identity_of, identity_variable, name_of, new_identity
from .pixels import image_shape, pixel_index
from .provenance import column
from .validation import validate

_MEANINGS = ("units", "flag_masks", "flag_meanings")
"""Attributes of a variable that give its numbers their meaning."""


def is_stack(dataset: Any) -> bool:
    """Tell whether a Dataset holds several exposures along the dimension ``exposure``."""
    data = dataset.variables.get("data") if isinstance(dataset, xr.Dataset) else None
    return data is not None and schema.IDENTITY in data.dims


def separate(exposures: xr.Dataset | Iterable[xr.Dataset]) -> Iterable[xr.Dataset]:
    """Return exposures one by one; each stack among them is taken apart.

    A Dataset or a collection gives a list; the entries of other iterables are taken one at a time.

    Raises
    ------
    InvalidInputError
        The argument cannot hold exposures.
    """
    given = datasets("exposures", exposures)
    parts = _all_parts(given)
    return list(parts) if isinstance(given, Sized) else parts


def at_least_one(exposures: xr.Dataset | Iterable[xr.Dataset], task: str) -> list[xr.Dataset]:
    """Return exposures one by one, as `separate` does.

    Raises
    ------
    InvalidInputError
        There are no exposures; the message names the task that needs them.
    """
    found = list(separate(exposures))
    if not found:
        raise InvalidInputError(f"{task} needs at least one exposure, got none")
    return found


def _all_parts(given: Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Yield the exposures of some Datasets, and keep none of them while the next one is made."""
    for entry in given:
        parts = _parts(entry)
        del entry
        yield from parts


def _parts(dataset: xr.Dataset) -> Iterator[xr.Dataset]:
    """Yield the exposures of a stack, or a Dataset that is no stack."""
    if not is_stack(dataset):
        yield dataset
        return
    if "dq" in dataset and dataset["dq"].dtype.kind == "f":
        # `where` and `concat` of xarray turn integers into real numbers, with NaN where data are
        # NaN, too.
        flags = xr.apply_ufunc(
            integer_flags, dataset["dq"], dask="parallelized", output_dtypes=[np.uint32],
            keep_attrs=True,
        )  # fmt: skip
        dataset = dataset.assign(dq=flags)
    for k in range(dataset.sizes[schema.IDENTITY]):
        yield dataset.isel({schema.IDENTITY: k})


def concat(exposures: xr.Dataset | Iterable[xr.Dataset]) -> xr.Dataset:
    """Join exposures of one shape along a new dimension ``exposure``.

    ``xarray.concat`` keeps only the attributes of the first exposure. In this stack, the facts of
    each exposure, such as ``level`` and ``exposure_time``, are coordinates along ``exposure``, like
    the WCS. So ``stack.isel(exposure=k)`` is a correct exposure, selections and ``groupby`` keep
    facts and pixels together, and `coadd` of the stack gives, bit for bit, the mosaic of the
    separate exposures.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures, which must have the same pixels, variables, types and units; stacks among
        them are taken apart. Pixels are read unless they are dask arrays: open files with
        ``chunks={}`` to keep them lazy.

    Returns
    -------
    xarray.Dataset
        The stack, ``(exposure, y, x)``. The index ``exposure`` holds the identity of each exposure.
        Attributes that are no facts stay attributes if they are equal in all exposures, become
        coordinates if they are numbers or strings, and are left out otherwise.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used, or differs in its pixels, variables, types or units; lists
        every difference. Pass exposures of different shapes to `coadd` as a list.
    InvalidInputError
        There are no exposures, or one of them is a mosaic.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> stack = xrs.concat([xrs.make_exposure(np.full((4, 5), value), level=value, group_id="a")
    ...                     for value in (1.0, 2.0)])
    >>> dict(stack.sizes), stack["level"].values
    ({'exposure': 2, 'y': 4, 'x': 5}, array([1., 2.]))
    >>> stack.isel(exposure=1)["level"].item()
    2.0
    """
    given = at_least_one(exposures, "concat")
    for dataset in given:
        if isinstance(dataset, xr.Dataset) and schema.IDENTITY in dataset.dims:
            raise InvalidInputError(
                "concat expects exposures, got a mosaic: use merge to combine mosaics"
            )
        validate(dataset)
    _require_alike(given)
    removed = {*schema.PIXELS, *schema.SKY, schema.WCS, schema.IDENTITY}
    removed |= {row.name for row in schema.EXPOSURE_ATTRS}
    removed |= {str(n) for d in given for n in d.coords if any(n not in e.coords for e in given)}
    bare = [dataset.drop_vars(removed, errors="ignore") for dataset in given]
    stack = xr.concat(
        bare, schema.IDENTITY, data_vars="all", coords="different", compat="equals",
        join="override", combine_attrs="override",
    )  # fmt: skip
    pixels = {n: d.coords[n].variable for n in schema.PIXELS for d in given if n in d.coords}
    attrs, further = _further_attrs(given)
    return stack.assign_coords({**pixels, **_labels(given), **further}).drop_attrs(
        deep=False).assign_attrs(attrs)  # fmt: skip


def _labels(given: list[xr.Dataset]) -> dict[str, xr.Variable]:
    """Return the coordinates along ``exposure``: identities, WCSs and facts."""
    known = {name for dataset in given for name in facts_of(dataset)}
    # Every stack has at least the facts that change pixels, even if all have their defaults.
    known |= {"level", "subtracted"}
    # Like the WCSs, the facts belong to the pixels of the detector, whatever the steps of y and x.
    scalars = [schema.exposure_scalars(facts_of(dataset)) for dataset in given]
    identities = [identity_of(d) or new_identity(name_of(d)) for d in given]
    made = {schema.IDENTITY: identity_variable(identities, (schema.IDENTITY,))}
    texts = [handle.text for d in given if (handle := wcs_of(d)) is not None]
    if texts:
        _, array, attrs, encoding = wcs_variable(np.array(texts))
        made[schema.WCS] = xr.Variable((schema.IDENTITY,), array, attrs, encoding)
    for row in schema.EXPOSURE_ATTRS:
        if row.name in known:
            made[row.name] = column(row, [values[row.name] for values in scalars])
    return made


def _further_attrs(given: list[xr.Dataset]) -> tuple[dict[Any, Any], dict[str, xr.Variable]]:
    """Return the other attributes: those that all exposures share, and those that differ."""
    facts = {schema.IDENTITY, *(row.name for row in schema.EXPOSURE_ATTRS)}
    names = dict.fromkeys(n for d in given for n in d.attrs if n not in facts)
    shared, differing = {}, {}
    for name in names:
        values = [schema.plain(dataset.attrs.get(name)) for dataset in given]
        if all(np.array_equal(value, values[0]) for value in values):
            shared[name] = given[0].attrs[name]
        elif all(isinstance(value, str | None) for value in values):
            differing[name] = column(schema.Scalar(name, "", name), [v or "" for v in values])
        elif all(isinstance(value, int) for value in values):
            differing[name] = column(schema.Scalar(name, 0, name), values)
        elif all(isinstance(value, int | float | None) for value in values):
            numbers = [np.nan if value is None else value for value in values]
            differing[name] = column(schema.Scalar(name, np.nan, name), numbers)
    free = {n: v for n, v in differing.items() if not any(n in d.variables for d in given)}
    return shared, free


def _require_alike(given: list[xr.Dataset]) -> None:
    """Raise an `InvalidExposureError` that lists how exposures differ from the first one."""
    first, faults = given[0], []
    for number, dataset in enumerate(given[1:], start=1):
        name = name_of(dataset) or f"exposure {number}"
        faults += [f"{name}: {fault}" for fault in _differences(first, dataset)]
    if faults:
        raise InvalidExposureError(
            listing(
                "The exposures of a stack must be alike. Pass different exposures to coadd as a "
                "list, or make them alike, for example with .isel, .drop_vars or .astype. "
                f"Differences from the first exposure, {name_of(first) or 'number 0'}",
                faults,
            )
        )


def _differences(first: xr.Dataset, other: xr.Dataset) -> Iterator[str]:
    """Yield how an exposure differs from the first one of a stack."""
    if image_shape(other) != image_shape(first):
        yield f"shape must be {image_shape(first)}, got {image_shape(other)}"
    else:
        for name in schema.PIXELS:
            mine, yours = pixel_index(first, name), pixel_index(other, name)
            if not np.array_equal(mine, yours):
                yield (
                    f"{name} must go from {mine[0]} to {mine[-1]}, got {yours[0]} to {yours[-1]}"
                )
    if (schema.WCS in first.coords) != (schema.WCS in other.coords):
        yield "either all exposures must have a WCS, or none"
    if odd := sorted(map(str, set(first.data_vars) ^ set(other.data_vars))):
        yield f"only one of them has the variables {', '.join(odd)}"
    for name in map(str, first.data_vars):
        if name not in other.data_vars:
            continue
        a, b = first[name], other[name]
        if a.dtype != b.dtype:
            yield f"{name} must have type {a.dtype}, got {b.dtype}"
        for meaning in _MEANINGS:
            expected, got = (schema.as_list(v.attrs.get(meaning)) for v in (a, b))
            if expected != got:
                yield f"{name} must have {meaning} {expected}, got {got}"
