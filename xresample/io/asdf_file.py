"""An ASDF file: its tree without the arrays, its planes, and its WCS."""

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

_TREE_END = b"\n..."
_BLOCK = b"\xd3BLK"
_BLOCK_HEADER = struct.Struct(">4sHI4sQQQ16s")
_PIECE = 1 << 16


@dataclass(frozen=True)
class AsdfPlane:
    """An array of an ASDF file: uint32 for flags, float32 otherwise (also for half precision)."""

    path: str
    keys: tuple[str, ...]
    """Path of the array in the tree."""
    shape: tuple[int, ...]
    flags: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array that a call returns."""
        return np.dtype(np.uint32 if self.flags else np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, which is read from the file; a compressed array is unpacked as a whole."""
        with opened_tree(self.path, self.path) as node:
            for key in self.keys:
                node = node[key]
            # An array with units is a Quantity, whose numbers are its attribute `value`.
            part = getattr(node, "value", node)[rows, columns]
            return np.array(part, self.dtype)


@dataclass(frozen=True)
class ArrayNode:
    """An array as the tree describes it."""

    shape: tuple[int, ...]
    datatype: str
    block: int | None
    """Number of the binary block with the numbers; None if the numbers are in the tree."""
    units: str | None

    @classmethod
    def of(cls, node: Any) -> ArrayNode | None:
        """Return the array of a node; None if the node is not an array in the same file."""
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
    """Return the tree of a file without its arrays, and which of its blocks are compressed.

    The list has one entry per block that is complete.

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
        except Exception as error:  # the YAML parser raises many types of errors
            raise FileError(f"The tree of {path} cannot be parsed: {error}") from error
        blocks = _blocks(stream, len(text))
    if not isinstance(tree, Mapping):
        raise FileError(f"The tree of {path} must be a mapping, got {type(tree).__name__}")
    return tree, blocks


def _blocks(stream: Any, start: int) -> list[bool]:
    """Return, for each complete block, whether it is compressed."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(start - 1, 0))
    place = start - 1 + max(stream.read(_PIECE).find(_BLOCK), 0)
    compressed: list[bool] = []
    while True:
        stream.seek(place)
        header = stream.read(_BLOCK_HEADER.size)
        if len(header) < _BLOCK_HEADER.size or not header.startswith(_BLOCK):
            return compressed
        _, length, flags, method, allocated, used, _, _ = _BLOCK_HEADER.unpack(header)
        place += 6 + length
        if place + used > size:
            return compressed
        compressed.append(method != bytes(4))
        # A streamed block does not know its length, and is always the last block.
        if flags & 1:
            return compressed
        place += allocated


@contextmanager
def opened_tree(source: str | bytes, name: str) -> Iterator[Any]:
    """Open the tree of a file, or of bytes; nodes are converted to objects on access.

    Raises
    ------
    FileError
        The file is damaged, or reading it needs a package that is not installed.
    """
    import asdf

    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with asdf.config_context() as config:
            # The schemas of the missions are in packages that need not be installed.
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
            f"Reading {name} needs a package that is not installed: {error}. Install it with "
            'pip install "xresample[readers]"'
        ) from error
    except Exception as error:  # asdf and its converters raise many types of errors
        raise FileError(f"{name} cannot be read: {error!r}") from error


def tree_wcs(source: str | bytes, keys: tuple[str, ...], name: str) -> str | None:
    """Return the WCS of a tree as text; None if the tree has no WCS.

    Raises
    ------
    UnsupportedWCSError
        Reading the WCS needs a package of the mission.
    """
    from astropy.wcs.wcsapi import BaseLowLevelWCS

    with warnings.catch_warnings():
        # asdf warns about old versions of tags, which it reads correctly.
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
        f"The WCS of {name} can be read only with the mission's own ASDF extension, like the WCSs "
        "of spectrographs and grisms: install the extension (for JWST the package stdatamodels)"
    )
