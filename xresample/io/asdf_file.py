"""An ASDF file by its tree: what it holds, without the arrays, and WCSs out of trees."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample.errors import FileError, UnsupportedWCSError
from xresample.wcs.text import to_text

MAGIC = b"#ASDF"
_TREE_END = b"\n..."
_BLOCK = b"\xd3BLK"
_BLOCK_HEADER = struct.Struct(">4sHI4sQQQ16s")
_PIECE = 1 << 16


@dataclass(frozen=True)
class AsdfPlane:
    """An array of an ASDF file; half precision becomes float32."""

    path: str
    keys: tuple[str, ...]
    shape: tuple[int, ...]
    flags: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of what a call returns."""
        return np.dtype(np.uint32 if self.flags else np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, read from the file; of a compressed array all is unpacked for it."""
        with opened_tree(self.path, self.path) as node:
            for key in self.keys:
                node = node[key]
            # An array with units is a Quantity.
            part = getattr(node, "value", node)[rows, columns]
            return np.array(part, self.dtype)


@dataclass(frozen=True)
class ArrayNode:
    """How a tree describes an array."""

    shape: tuple[int, ...]
    datatype: str
    block: int | None
    units: str | None

    @classmethod
    def of(cls, node: Any) -> ArrayNode | None:
        """Return the description; None where a node is no plain array in its own file."""
        units = None
        if isinstance(node, Mapping) and "unit" in node and "value" in node:
            units, node = str(node["unit"]), node["value"]
        if isinstance(node, list):
            return cls(np.shape(node), "float64", None, units)
        if not isinstance(node, Mapping) or "datatype" not in node:
            return None
        if "data" in node:
            return cls(np.shape(node["data"]), str(node["datatype"]), None, units)
        source, shape = node.get("source"), node.get("shape", ())
        if not isinstance(source, int) or not all(isinstance(n, int) for n in shape):
            return None
        return cls(tuple(shape), str(node["datatype"]), source, units)


def read_tree(path: str) -> tuple[Mapping[str, Any], list[bool]]:
    """Return the tree of a file as it is written, and of each whole block, whether it is packed.

    Raises
    ------
    FileError
        The tree is cut off or cannot be parsed.
    """
    import asdf

    with open(path, "rb") as stream:
        text = b""
        while (end := text.find(_TREE_END)) < 0:
            piece = stream.read(_PIECE)
            if not piece:
                raise FileError(f"{path} is cut off within its tree, after {len(text)} bytes")
            text += piece
        text = text[: end + len(_TREE_END)] + b"\n"
        try:
            tree = asdf.util.load_yaml(io.BytesIO(text), tagged=True)
        except Exception as error:  # whatever the parser raises on what is no YAML
            raise FileError(f"{path} holds a tree that cannot be parsed: {error}") from error
        blocks = _blocks(stream, len(text))
    if not isinstance(tree, Mapping):
        raise FileError(f"{path} holds no tree")
    return tree, blocks


def _blocks(stream: Any, start: int) -> list[bool]:
    """Return, for each block that is there to its end, whether it is compressed."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(start - 1, 0))
    place = start - 1 + max(stream.read(_PIECE).find(_BLOCK), 0)
    packed: list[bool] = []
    while True:
        stream.seek(place)
        header = stream.read(_BLOCK_HEADER.size)
        if len(header) < _BLOCK_HEADER.size or not header.startswith(_BLOCK):
            return packed
        _, length, flags, method, allocated, used, _, _ = _BLOCK_HEADER.unpack(header)
        place += 6 + length
        if place + used > size:
            return packed
        packed.append(method != bytes(4))
        # A block that streams has no length of its own: it is the last one.
        if flags & 1:
            return packed
        place += allocated


@contextmanager
def opened_tree(source: str | bytes, name: str) -> Iterator[Any]:
    """Open the tree of a file, or of bytes: nodes become objects when they are asked for.

    Raises
    ------
    FileError
        The file is damaged, or a package that it needs is missing.
    """
    import asdf

    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with asdf.config_context() as config:
            # The schemas of the missions are those of packages that need not be there.
            config.validate_on_read = False
            with asdf.open(
                stream,
                lazy_tree=True,
                memmap=isinstance(source, str),
                ignore_unrecognized_tag=True,
                ignore_missing_extensions=True,
            ) as file:
                yield file.tree
    except (FileNotFoundError, FileError, UnsupportedWCSError):
        raise
    except ImportError as error:
        raise FileError(
            f"{name} is packed in a way that needs a further package: {error}; "
            'pip install "xresample[readers]"'
        ) from error
    except Exception as error:  # whatever asdf and its converters raise on damaged files
        raise FileError(f"{name} cannot be read: {error!r}") from error


def tree_wcs(source: str | bytes, keys: tuple[str, ...], name: str) -> str | None:
    """Return the text of the WCS in a tree; None where the tree has none.

    Raises
    ------
    UnsupportedWCSError
        It is one that needs packages of the mission.
    """
    from astropy.wcs.wcsapi import BaseLowLevelWCS

    with warnings.catch_warnings():
        # Of old versions, which are read all the same.
        warnings.simplefilter("ignore")
        with opened_tree(source, name) as node:
            for key in keys:
                node = node.get(key) if hasattr(node, "get") else None
                if node is None:
                    return None
            if not isinstance(node, BaseLowLevelWCS):
                raise UnsupportedWCSError(_unknown(name))
            try:
                return to_text(node)
            except UnsupportedWCSError as error:
                raise UnsupportedWCSError(f"{_unknown(name)} ({error})") from error


def _unknown(name: str) -> str:
    return (
        f"{name}: its WCS is of a kind that only the mission's own ASDF extension knows, as those "
        "of spectrographs and grisms are: install it (for JWST the package stdatamodels)"
    )
