"""Change how a mosaic holds its context: as one bit per exposure, or as sets of exposures."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from xresample.arguments import choice
from xresample.datamodel import provenance, schema
from xresample.datamodel.context import PLANE_BITS
from xresample.datamodel.exposure_sets import ExposureSets, paired, sets_of_words
from xresample.datamodel.labels import LABELS, is_labelled, read_labels, with_labels
from xresample.datamodel.mosaic import require_context
from xresample.datamodel.options import Options
from xresample.datamodel.pixels import with_ancillary

ContextForm = Literal["bits", "sets"]
"""How a mosaic holds its context."""

BITS = "con"


def with_context(mosaic: xr.Dataset, form: ContextForm) -> xr.Dataset:
    """Return a mosaic with its context in a form; other planes are the same arrays."""
    require_context(mosaic)
    choice("form", form, get_args(ContextForm))
    if form == "sets":
        found = read_labels(mosaic) if is_labelled(mosaic) else _labels_of_bits(mosaic)
        made = with_labels(mosaic.drop_vars(BITS, errors="ignore"), *found)
    elif is_labelled(mosaic):
        made = mosaic.assign({BITS: _bits_of_labels(mosaic)}).drop_dims(schema.TILES)
        made = made.drop_vars(LABELS)
    else:
        return mosaic
    options = replace(Options.from_attrs(mosaic.attrs), enable_ctx=form == "bits" or form)
    made.attrs["enable_ctx"] = options.to_attrs()["enable_ctx"]
    return with_ancillary(made[_in_order(made)].assign_coords(made.coords))


def _in_order(mosaic: xr.Dataset) -> list[str]:
    """Return the names of the variables in the order of the schema; others come last."""
    rows = [schema.row_of(schema.MOSAIC, str(name)) for name in mosaic.data_vars]
    places = [len(schema.MOSAIC) if row is None else schema.MOSAIC.index(row) for row in rows]
    pairs = sorted(zip(places, map(str, mosaic.data_vars), strict=True), key=itemgetter(0))
    return [name for _, name in pairs]


def _bits_of_labels(mosaic: xr.Dataset) -> xr.Variable:
    """Return the bits of the context of a mosaic with labels."""
    labels, sets = read_labels(mosaic)
    count = mosaic.attrs.get(provenance.COUNT, mosaic.sizes[provenance.EXPOSURE])
    words = sets.words(int(schema.plain(count)))
    con = np.empty((len(words), *labels.shape), np.int32)
    for plane, values in zip(con, words, strict=True):
        np.take(values, labels, out=plane)
    row = schema.require_row(schema.MOSAIC, BITS)
    return xr.Variable(row.dims, con, schema.variable_attrs(BITS, row, None))


def _labels_of_bits(mosaic: xr.Dataset) -> tuple[np.ndarray, ExposureSets]:
    """Return the labels and the table of a mosaic with one bit per exposure."""
    con = mosaic[BITS].transpose("plane", *schema.PIXELS)
    labels, sets = np.zeros(con.shape[1:], np.int32), ExposureSets.empty()
    for number in range(len(con)):
        words: Any = np.asarray(con[number].values, np.int32)
        if words.any():
            labels, pairs = paired(labels, words)
            more = sets_of_words(pairs[:, 1], number * PLANE_BITS)
            sets = sets.take(pairs[:, 0]).joined(more)
    return labels, sets
