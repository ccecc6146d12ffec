"""An ASDF file: its tree without the arrays, its planes, and its WCS."""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal, cast

import numpy as np

from xresample.accumulate.spare import new_array
from xresample.errors import FileError, UnsupportedWCSError, ignored_warnings
from xresample.wcs.text import to_text
from xresample.wcs.yaml_trees import load_extensions, load_tree

from .fits_pixels import StoredNumbers
from .lazy_arrays import require_part
from .source_file import SourceFile, read_errors

_TREE_END = b"\n..."
_BLOCK = b"\xd3BLK"
_BLOCK_HEADER = struct.Struct(">4sHI4sQQQ16s")
_PIECE = 1 << 16

_ORDERS: dict[str, Literal["<", ">"]] = {"little": "<", "big": ">"}
"""Characters of numpy for the byte orders."""

_BLOCK_ERRORS = (struct.error, zlib.error, OSError, EOFError, IndexError)
"""Exceptions that asdf raises for blocks that are damaged or missing."""

_MAX_RATIO = {b"": 1, b"zlib": 1100, b"lz4": 300, b"bzp2": 30000, b"blsc": 30000, b"zstd": 30000}
"""Maximum factor by which each compression can shrink a block."""


@dataclass(frozen=True)
class AsdfPlane:
    """An array of an ASDF file: uint32 for flags, float32 otherwise (also for half precision)."""

    source: SourceFile
    keys: tuple[str, ...]
    """Path of the array in the tree."""
    shape: tuple[int, ...]
    flags: bool = False
    stored: StoredNumbers | None = None
    """How the pixels lie in the file; None if asdf reads them."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array that a call returns."""
        return np.dtype(np.uint32 if self.flags else np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, which is read from the file; a compressed array is unpacked as a whole.

        Raises
        ------
        FileError
            The file is damaged, or has changed since it was opened.
        """
        if self.stored is not None:
            with read_errors(self.source.path), self.source.unchanged():
                return self.stored.read(self.source, rows, columns, self.dtype)
        with opened_tree(self.source, self.source.path) as node:
            for key in self.keys:
                node = node[key]
            if isinstance(node, Mapping | str):
                raise FileError(
                    f"{self.source.path} is damaged: {'.'.join(self.keys)} must be an array, got "
                    f"an object of the tag {getattr(node, '_tag', None)}"
                )
            # An array with units is a Quantity, whose numbers are its attribute `value`.
            part = np.asarray(getattr(node, "value", node)[rows, columns])
            label = f"{self.source.path}: {'.'.join(self.keys)}"
            require_part(part, self, rows, columns, label)
            array = new_array(part.shape, self.dtype)
            array[...] = part
            return array


@dataclass(frozen=True)
class BinaryBlock:
    """A binary block of an ASDF file."""

    size: int
    """Number of bytes after decompression."""
    compressed: bool
    offset: int
    """Offset of the first byte in the file."""


@dataclass(frozen=True)
class ArrayNode:
    """An array as the tree describes it."""

    shape: tuple[int, ...]
    datatype: str
    block: int | None
    """Number of the binary block with the numbers; None if the numbers are in the tree."""
    units: str | None
    order: str | None = None
    """Byte order of numbers that fill the block in C order; None if they lie in another way."""

    @classmethod
    def of(cls, node: Any) -> ArrayNode | None:
        """Return the array of a node; None if the node is not an array in the same file."""
        units = None
        if isinstance(node, Mapping) and "unit" in node and "value" in node:
            units, node = str(node["unit"]), node["value"]
        if isinstance(node, list):
            return cls(_shape_of(node), "float64", None, units)
        if not isinstance(node, Mapping) or "datatype" not in node:
            return None
        if "data" in node:
            return cls(_shape_of(node["data"]), str(node["datatype"]), None, units)
        source, shape = node.get("source"), node.get("shape", ())
        if not isinstance(source, int) or not all(isinstance(n, int) for n in shape):
            return None
        fills = not {"strides", "mask"} & set(node) and node.get("offset", 0) == 0
        order = str(node.get("byteorder")) if fills else None
        return cls(tuple(shape), str(node["datatype"]), source, units, order)

    def stored(self, blocks: list[BinaryBlock], *, flags: bool) -> StoredNumbers | None:
        """Return how an image lies in a file; None if asdf has to read the numbers."""
        order = _ORDERS.get(self.order or "")
        if self.block is None or order is None or len(self.shape) != 2:
            return None
        try:
            dtype = np.dtype(self.datatype).newbyteorder(order)
        except TypeError:
            return None
        if blocks[self.block].compressed or dtype.kind not in ("iu" if flags else "fiu"):
            return None
        return StoredNumbers(blocks[self.block].offset, dtype.str, self.shape[1])

    def fits(self, block: BinaryBlock) -> bool:
        """Tell whether a block is large enough for the array."""
        try:
            item = np.dtype(self.datatype).itemsize
        except TypeError:
            item = 1
        return math.prod(self.shape) * item <= block.size


def _shape_of(node: Any) -> tuple[int, ...]:
    """Return the shape of nested lists, which may not be regular, from the first entry of each."""
    shape = []
    while isinstance(node, list):
        shape.append(len(node))
        node = node[0] if node else None
    return tuple(shape)


def read_tree(source: SourceFile) -> tuple[Mapping[str, Any], list[BinaryBlock]]:
    """Return the tree of a file without its arrays, and its complete blocks.

    Raises
    ------
    FileError
        The tree is cut off, cannot be parsed, or would take too much memory.
    """
    path = source.path
    with source.unchanged(), io.BufferedReader(cast(io.RawIOBase, source.raw())) as stream:
        text = b""
        while (end := text.find(_TREE_END)) < 0:
            piece = stream.read(_PIECE)
            if not piece:
                raise FileError(f"{path} is cut off within its tree, after {len(text)} bytes")
            text += piece
        text = text[: end + len(_TREE_END)] + b"\n"
        try:
            tree = load_tree(text)
        except Exception as error:  # the YAML parser raises many types of errors
            raise FileError(f"The tree of {path} cannot be parsed: {error}") from error
        blocks = _blocks(path, stream, len(text))
    if not isinstance(tree, Mapping):
        raise FileError(f"The tree of {path} must be a mapping, got {type(tree).__name__}")
    return tree, blocks


def blocks_of(node: Any) -> Iterator[int]:
    """Yield the numbers of the binary blocks of all arrays in a part of a tree."""
    if isinstance(node, Mapping):
        source = node.get("source")
        if "datatype" in node and isinstance(source, int):
            yield source
        node = list(node.values())
    if isinstance(node, list):
        for entry in node:
            yield from blocks_of(entry)


def _blocks(path: str, stream: Any, start: int, *, every: bool = False) -> list[BinaryBlock]:
    """Return the blocks that are complete.

    Raises
    ------
    FileError
        A block would take too much memory, or ``every`` block must be complete but one is not.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(start - 1, 0))
    place = start - 1 + max(stream.read(_PIECE).find(_BLOCK), 0)
    blocks: list[BinaryBlock] = []
    while True:
        stream.seek(place)
        header = stream.read(_BLOCK_HEADER.size)
        if len(header) < _BLOCK_HEADER.size or not header.startswith(_BLOCK):
            return blocks
        _, length, flags, method, allocated, used, unpacked, _ = _BLOCK_HEADER.unpack(header)
        place += 6 + length
        # A streamed block does not know its length, and is always the last block.
        if flags & 1:
            return [*blocks, BinaryBlock(size - place, compressed=False, offset=place)]
        if place + used > size:
            if every:
                raise FileError(f"{path} is damaged or cut off: block {len(blocks)} is incomplete")
            return blocks
        ratio = _MAX_RATIO.get(method.rstrip(b"\0"), 1)
        if unpacked > ratio * used + _PIECE:
            raise FileError(
                f"Block {len(blocks)} of {path} must unpack to at most {ratio} times its "
                f"{used} bytes, got {unpacked} bytes: the file is damaged"
            )
        blocks.append(BinaryBlock(unpacked, method != bytes(4), place))
        place += allocated


@contextmanager
def opened_tree(source: SourceFile | bytes, name: str, *, strict: bool = False) -> Iterator[Any]:
    """Open the tree of a file, or of bytes; nodes are converted to objects on access.

    A node that cannot be converted stays a mapping, unless ``strict``.

    Raises
    ------
    FileError
        The file is damaged, has changed since it was opened, or reading it needs a package that is
        not installed.
    """
    import asdf

    load_extensions()
    try:
        with _content(source, name) as content, asdf.config_context() as config:
            # The schemas of the missions are in packages that need not be installed.
            config.validate_on_read = False
            if strict and hasattr(config, "warn_on_failed_conversion"):
                config.warn_on_failed_conversion = False
            with ignored_warnings():
                file = asdf.open(
                    content,
                    lazy_tree=True,
                    # Reading mapped memory kills the process if the file has become shorter.
                    memmap=False,
                    ignore_unrecognized_tag=True,
                    ignore_missing_extensions=True,
                )
            with file:
                yield file.tree
    except (FileError, UnsupportedWCSError):
        raise
    except ImportError as error:
        raise FileError(
            f"Reading {name} needs a package that is not installed: {error}. Install it with "
            'pip install "xresample[readers]"'
        ) from error
    except Exception as error:  # asdf and its converters raise many types of errors
        raise FileError(f"{name} is damaged or cut off: {error!r}") from error


@contextmanager
def _content(source: SourceFile | bytes, name: str) -> Iterator[str | IO[bytes]]:
    """Return the path of a local file, or an open stream."""
    if isinstance(source, bytes):
        # asdf would look for the end of an incomplete block forever.
        end = source.find(_TREE_END) + len(_TREE_END) + 1
        _blocks(name, io.BytesIO(source), end, every=True)
        yield io.BytesIO(source)
        return
    with source.unchanged():
        if source.is_local:
            yield source.path
            return
        with source.opened() as stream:
            yield stream


def tree_wcs(source: SourceFile | bytes, keys: tuple[str, ...], name: str) -> str | None:
    """Return the WCS of a tree as text; None if the tree has no WCS.

    Raises
    ------
    UnsupportedWCSError
        Reading the WCS needs a package of the mission.
    """
    from astropy.wcs.wcsapi import BaseLowLevelWCS

    # asdf warns about old versions of tags, which it reads correctly.
    with ignored_warnings(), opened_tree(source, name) as node:
        for key in keys:
            node = node.get(key) if hasattr(node, "get") else None
            if node is None:
                return None
        if not isinstance(node, BaseLowLevelWCS):
            _check_blocks(source, keys, name)
            raise UnsupportedWCSError(_unknown(name))
        try:
            return to_text(node, is_fresh=True)
        except UnsupportedWCSError as error:
            # Arrays of a WCS are read when the WCS is written as text.
            if isinstance(error.__cause__, _BLOCK_ERRORS):
                raise error.__cause__ from None
            raise UnsupportedWCSError(f"{_unknown(name)} ({error})") from error


def _check_blocks(source: SourceFile | bytes, keys: tuple[str, ...], name: str) -> None:
    """Raise a `FileError` if a node cannot be converted because a block is damaged."""
    with opened_tree(source, name, strict=True) as node:
        try:
            for key in keys:
                node = node[key]
        except _BLOCK_ERRORS:
            raise
        except Exception:  # A converter is missing, and other converters stumble over its node.
            return


def _unknown(name: str) -> str:
    return (
        f"The WCS of {name} can be read only with the mission's own ASDF extension, like the WCSs "
        "of spectrographs and grisms: install the extension (for JWST the package stdatamodels)"
    )
