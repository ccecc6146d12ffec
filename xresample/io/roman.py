"""Exposures of the Wide Field Instrument of Roman, as in level 2 files ``_cal.asdf``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from xresample.datamodel import schema
from xresample.errors import FileError, InvalidInputError, MissingKeyError, listing

from .asdf_file import ArrayNode, AsdfPlane, BinaryBlock, blocks_of, read_tree, tree_wcs
from .contents import Contents, ReadOptions
from .extensions import DATA, DQ
from .lazy_arrays import ComputedPlane, LazyPlane
from .mission_flags import ROMAN
from .source_file import SourceFile

ROOT = "roman"
FILLS = (-999999, "?", "None", "")
"""Values that mean that a quantity is unknown."""

UNITS = {"DN/s": "DN/s", "DN.s**-1": "DN/s", "MJy/sr": "MJy/sr", "MJy.sr**-1": "MJy/sr"}
"""Spellings of units in files, and in exposures."""

_HALF_STEP = np.float32(2**-11)
"""Maximum relative rounding error of a number in half precision."""


def read(source: SourceFile, options: ReadOptions) -> Contents:
    """Return the exposure in a file.

    Raises
    ------
    FileError
        The file is cut off, or a required array is missing.
    InvalidInputError
        An option is only for FITS files.
    """
    path = source.path
    if options.group is not None or options.companions:
        raise InvalidInputError(
            "group=, err=, variance=, weight=, dq= and weight_map= are options for FITS files, but "
            f"{path} is an ASDF file, which holds one exposure: omit these options"
        )
    tree, blocks = read_tree(source)
    roman = tree.get(ROOT)
    if not isinstance(roman, Mapping):
        held = ", ".join(map(str, tree))
        raise FileError(f"{path} must have a tree {ROOT!r}, like files of Roman, got: {held}")
    nodes = _arrays(path, roman, blocks)
    planes: dict[str, LazyPlane] = {
        name: _plane(source, name, node, blocks) for name, node in nodes.items()
    }
    _complete(planes, options.var_sky)
    meta = roman.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    name = source.name
    wcs = partial(_wcs, source) if _value(meta, "wcs") is not None else None
    # Files without units hold rates if they are exposures, and surface brightness if they are
    # mosaics, which have weights.
    units = nodes[DATA].units or ("MJy/sr" if "weight" in roman else "DN/s")
    units = UNITS.get(units.replace(" ", ""), units)
    # Reading a part of a compressed block takes as long as reading the whole block.
    compressed = any(
        isinstance(plane, AsdfPlane) and plane.stored is None for plane in planes.values()
    )
    return Contents(name, planes, wcs, _attrs(meta), units, ROMAN, compressed)


def _plane(source: SourceFile, name: str, node: ArrayNode, blocks: list[BinaryBlock]) -> AsdfPlane:
    """Return the plane of an array."""
    flags = name == DQ
    stored = node.stored(blocks, flags=flags) if source.compression is None else None
    return AsdfPlane(source, (ROOT, name), node.shape, flags, stored)


def _arrays(path: str, roman: Mapping[str, Any], blocks: list[BinaryBlock]) -> dict[str, ArrayNode]:
    """Return the arrays that are planes of an exposure.

    Raises
    ------
    FileError
        An array is missing or incomplete; lists every fault.
    """
    names = [name for name in roman if schema.row_of(schema.EXPOSURE, name) is not None]
    found = {name: ArrayNode.of(roman[name]) for name in names if roman[name] is not None}
    faults = [
        f"{name} must be an array in this file" for name, node in found.items() if node is None
    ]
    if DATA not in found:
        faults.append(f"{DATA} is missing")
    nodes = {name: node for name, node in found.items() if node is not None}
    lost = [name for name, n in nodes.items() if n.block is not None and n.block >= len(blocks)]
    # asdf would look for the end of an incomplete block forever.
    if any(number >= len(blocks) for number in blocks_of(_part(_part(roman, "meta"), "wcs"))):
        lost.append("meta.wcs")
    if lost:
        faults.append(f"the file is cut off: the blocks of {', '.join(lost)} are missing")
    faults += [
        f"{name} must have a block that holds its shape {node.shape}, got {size} bytes"
        for name, node in nodes.items()
        if node.block is not None and node.block < len(blocks) and not node.fits(blocks[node.block])
        for size in (blocks[node.block].size,)
    ]
    if faults:
        held = ", ".join(map(str, roman))
        raise FileError(listing(f"{path} holds no valid exposure, but {held}", faults))
    return nodes


def _complete(planes: dict[str, LazyPlane], var_sky: bool) -> None:
    """Add the variances that follow from other planes."""
    if "var_rnoise" not in planes and "err" in planes and "var_poisson" in planes:
        known = [planes[name] for name in ("err", "var_poisson", "var_flat") if name in planes]
        planes["var_rnoise"] = ComputedPlane(read_noise, tuple(known))
    if not var_sky or "var_sky" in planes:
        return
    needed = ("var_rnoise", "var_poisson")
    if missing := [name for name in needed if name not in planes]:
        raise MissingKeyError(
            f"var_sky=True needs {', '.join(needed)}, but the file has no {', '.join(missing)}"
        )
    planes["var_sky"] = SkyVariance(planes["var_rnoise"], planes["var_poisson"], planes[DATA])


def read_noise(err: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Return the square of ``err`` minus the other variances, in float32.

    Files store ``err`` in half precision. Where the difference is not positive, it is smaller than
    the rounding error of the square, and the result is this rounding error.

    Examples
    --------
    >>> read_noise(np.float32([2.0, 2.0]), np.float32([3.0, 4.0]))
    array([1.        , 0.00195312], dtype=float32)
    """
    total = np.square(err)
    rest = total - sum(others)
    return np.where(rest <= 0, total * _HALF_STEP, rest)


@dataclass(frozen=True)
class SkyVariance:
    """The variance due to read noise and sky, without the photon noise of the sources."""

    read_noise: LazyPlane
    poisson: LazyPlane
    data: LazyPlane

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data, ``(y, x)``."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Variances are float32."""
        return np.dtype(np.float32)

    @cached_property
    def sky(self) -> np.float32:
        """Median of the whole image, which the pipeline uses as sky level."""
        everything = (slice(0, n) for n in self.shape)
        return np.float32(np.nanmedian(self.data(*everything)))

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part; where data are not positive, the Poisson variance of the pixel is used."""
        data = self.data(rows, columns)
        poisson = self.poisson(rows, columns)
        sky = np.divide(poisson, data, out=np.ones_like(data), where=data > 0) * self.sky
        return self.read_noise(rows, columns) + np.where(data > 0, sky, poisson)


def _attrs(meta: Mapping[str, Any]) -> dict[str, Any]:
    exposure, background = _part(meta, "exposure"), _part(meta, "background")
    instrument = _part(meta, "instrument")
    start, end = _time(exposure.get("start_time")), _time(exposure.get("end_time"))
    subtracted = background.get("subtracted")
    group = _value(meta, "group_id") or _value(_part(meta, "observation"), "observation_id")
    return {
        "group_id": None if group is None else str(group),
        "exposure_time": _number(exposure, "exposure_time"),
        "start_time": None if start is None else float(start.mjd),
        "end_time": None if end is None else float(end.mjd),
        "pixelarea_steradians": _number(_part(meta, "photometry"), "pixel_area"),
        "level": _number(background, "level"),
        "subtracted": int(subtracted) if isinstance(subtracted, bool) else None,
        "instrument": _value(instrument, "name"),
        "detector": _value(instrument, "detector"),
        "filter": _value(instrument, "optical_element"),
        "date": None if start is None else start.isot,
        "photmjsr": _number(_part(meta, "photometry"), "conversion_megajanskys"),
    }


def _part(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = tree.get(key)
    return part if isinstance(part, Mapping) else {}


def _value(tree: Mapping[str, Any], key: str) -> Any:
    """Return a value; None if the value is missing or unknown.

    Examples
    --------
    >>> _value({"pixel_area": -999999.0}, "pixel_area") is None
    True
    """
    value = tree.get(key)
    return None if isinstance(value, int | float | str) and value in FILLS else value


def _number(tree: Mapping[str, Any], key: str) -> float | None:
    value = _value(tree, key)
    if isinstance(value, Mapping) and "value" in value:
        value = value["value"]
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else None


def _time(node: Any) -> Any:
    """Return a time in a tree as an astropy time in UTC; None if the time is unknown."""
    from astropy.time import Time

    if isinstance(node, Mapping):
        value, options = node.get("value"), {k: node[k] for k in ("format", "scale") if k in node}
    else:
        value, options = node, {}
    if value is None or value in FILLS:
        return None
    try:
        time = Time(getattr(value, "data", value), **options)
    except (TypeError, ValueError):
        return None
    if not (time.isscalar and math.isfinite(time.mjd)):
        return None
    return time if time.scale == "local" else time.utc


def _wcs(source: SourceFile) -> str:
    keys = ROOT, "meta", "wcs"
    text = source.remembered(keys, lambda: tree_wcs(source, keys, source.path))
    if text is None:
        raise FileError(f"{source.path} must have a WCS at {ROOT}.meta.wcs, got none")
    return text
