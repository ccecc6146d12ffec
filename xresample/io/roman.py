"""Exposures of Roman's Wide Field Instrument, as in level 2 ``_cal.asdf``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from xresample.errors import FileError, InvalidInputError, MissingKeyError

from . import mission_flags as flags
from .asdf_file import ArrayNode, AsdfPlane, read_tree, tree_wcs
from .contents import Contents, Request
from .lazy_arrays import Mapped, Plane

ROOT = "roman"
FILLS = (-999999, "?", "None", "")
"""What stands where a value is unknown."""

UNITS = {"DN/s": "DN/s", "DN.s**-1": "DN/s", "MJy/sr": "MJy/sr", "MJy.sr**-1": "MJy/sr"}
"""Spellings of units, and the one that exposures have."""

_HALF_STEP = np.float32(2**-11)
"""Relative error of a number in half precision."""


def read(path: str, request: Request) -> Contents:
    """Return the exposure in a file.

    Raises
    ------
    FileError
        The file is cut off, or lacks what an exposure needs.
    """
    if request.group is not None or request.companions:
        raise InvalidInputError(
            "group=, err=, variance=, weight= and dq= are for FITS files: "
            f"{path} is an ASDF file, which has one exposure"
        )
    tree, blocks = read_tree(path)
    roman = tree.get(ROOT)
    if not isinstance(roman, Mapping):
        held = ", ".join(map(str, tree))
        raise FileError(f"{path} has no tree {ROOT!r}, as files of Roman have: it holds {held}")
    nodes = _arrays(path, roman, len(blocks))
    planes: dict[str, Plane] = {
        name: AsdfPlane(path, (ROOT, name), node.shape, flags=name == "dq")
        for name, node in nodes.items()
    }
    _complete(planes, request.var_sky)
    meta = roman.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    name = os.path.basename(path)
    wcs = partial(_wcs, path) if _value(meta, "wcs") is not None else None
    # Exposures hold rates, mosaics surface brightness; the tree need not say so.
    units = nodes["data"].units or ("MJy/sr" if "weight" in roman else "DN/s")
    units = UNITS.get(units.replace(" ", ""), units)
    packed = any(blocks[n.block] for n in nodes.values() if n.block is not None)
    return Contents(name, planes, wcs, _attrs(meta), units, flags.ROMAN, packed)


def _arrays(path: str, roman: Mapping[str, Any], blocks: int) -> dict[str, ArrayNode]:
    """Return the arrays that are planes, or say which are missing."""
    names = [name for name in roman if name in ("data", "err", "dq") or name.startswith("var_")]
    found = {name: ArrayNode.of(roman[name]) for name in names if roman[name] is not None}
    faults = [f"{name} is no array of this file" for name, node in found.items() if node is None]
    if "data" not in found:
        faults.append("data is missing")
    nodes = {name: node for name, node in found.items() if node is not None}
    lost = [name for name, n in nodes.items() if n.block is not None and n.block >= blocks]
    if lost:
        faults.append(f"the file is cut off: the blocks of {', '.join(lost)} are missing")
    if faults:
        held = ", ".join(map(str, roman))
        raise FileError(f"{path} holds no exposure, but {held}:\n- " + "\n- ".join(faults))
    return nodes


def _complete(planes: dict[str, Plane], var_sky: bool) -> None:
    """Add the variances that follow from others."""
    if "var_rnoise" not in planes and "err" in planes and "var_poisson" in planes:
        known = [planes[name] for name in ("err", "var_poisson", "var_flat") if name in planes]
        planes["var_rnoise"] = Mapped(read_noise, tuple(known))
    if not var_sky or "var_sky" in planes:
        return
    needed = ("var_rnoise", "var_poisson")
    if missing := [name for name in needed if name not in planes]:
        raise MissingKeyError(f"var_sky=True needs {', '.join(missing)}, which the file lacks")
    planes["var_sky"] = SkyVariance(planes["var_rnoise"], planes["var_poisson"], planes["data"])


def read_noise(err: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Return the variance of ``err`` without the other variances, all float32.

    Where the rounding of half precision leaves nothing, it is as large as that rounding.

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
    """The variance of the read noise and the sky: without the light of the sources."""

    read_noise: Plane
    poisson: Plane
    data: Plane

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the data."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Variances are float32."""
        return np.dtype(np.float32)

    @cached_property
    def sky(self) -> np.float32:
        """The median of the whole image, as the pipeline takes it."""
        everything = (slice(0, n) for n in self.shape)
        return np.float32(np.nanmedian(self.data(*everything)))

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part; where the data are not positive, the variance is that of the pixel."""
        data = self.data(rows, columns)
        poisson = self.poisson(rows, columns)
        sky = np.divide(poisson, data, out=np.ones_like(data), where=data > 0) * self.sky
        return self.read_noise(rows, columns) + np.where(data > 0, sky, poisson)


def _attrs(meta: Mapping[str, Any]) -> dict[str, Any]:
    exposure, background = _part(meta, "exposure"), _part(meta, "background")
    subtracted = background.get("subtracted")
    group = _value(meta, "group_id") or _value(_part(meta, "observation"), "observation_id")
    return {
        "group_id": None if group is None else str(group),
        "exposure_time": _number(exposure, "exposure_time"),
        "start_time": _mjd(exposure.get("start_time")),
        "end_time": _mjd(exposure.get("end_time")),
        "pixelarea_steradians": _number(_part(meta, "photometry"), "pixel_area"),
        "level": _number(background, "level"),
        "subtracted": int(subtracted) if isinstance(subtracted, bool) else None,
    }


def _part(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = tree.get(key)
    return part if isinstance(part, Mapping) else {}


def _value(tree: Mapping[str, Any], key: str) -> Any:
    """Return a value; None where it is absent or stands for something unknown.

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


def _mjd(node: Any) -> float | None:
    """Return a time of a tree as MJD."""
    from astropy.time import Time

    if isinstance(node, Mapping):
        value, options = node.get("value"), {k: node[k] for k in ("format", "scale") if k in node}
    else:
        value, options = node, {}
    if value is None or value in FILLS:
        return None
    try:
        return float(Time(getattr(value, "data", value), **options).mjd)
    except (TypeError, ValueError):
        return None


def _wcs(path: str) -> str:
    text = tree_wcs(path, (ROOT, "meta", "wcs"), path)
    if text is None:
        raise FileError(f"{path} has no WCS at {ROOT}.meta.wcs")
    return text
