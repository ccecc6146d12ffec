"""One handle for a WCS, whether it is given as ASDF text or as an object.

The text is the form that is stored, compared, hashed, pickled and shared. The object is the form
that computes, and two threads must not share it: objects of `astropy.wcs` change while they are
used. So a handle that is made from text gives each thread an object of its own, which stays in a
bounded cache until the thread has used many other WCSs.
"""

from __future__ import annotations

import builtins
import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from .adapters import is_gwcs
from .caches import SharedCache, ThreadCache, clear_caches
from .text import parse, to_text

__all__ = ["WCSHandle", "WCSLike", "WCSObject", "clear_caches", "remembered"]

PARSED = 32
"""Maximum number of WCS objects that each thread keeps."""

TEXTS = 32
"""Maximum number of texts that are kept by the states of their objects."""

Derived = TypeVar("Derived")


class LowLevelWCS(Protocol):
    """The part of the low-level interface of APE 14 that every WCS here has."""

    @property
    def pixel_n_dim(self) -> int:
        """Number of pixel axes."""
        ...

    @property
    def world_n_dim(self) -> int:
        """Number of world axes."""
        ...

    def pixel_to_world_values(self, *pixel_arrays: Any) -> Any:
        """Return the world values of pixel positions."""
        ...


class HighLevelWCS(Protocol):
    """A wrapper around a WCS, as in the high-level interface of APE 14."""

    @property
    def low_level_wcs(self) -> Any:
        """The wrapped WCS."""
        ...


WCSObject: TypeAlias = LowLevelWCS | HighLevelWCS
"""A WCS object: a `gwcs.WCS`, an `astropy.wcs.WCS`, or any other that implements APE 14."""

WCSLike: TypeAlias = WCSObject | str
"""A WCS object, or its ASDF text."""


@dataclass(eq=False)
class _Parsed:
    """An object that was made from text, and what was derived from the object."""

    wcs: Any
    derived: dict[Any, Any] = field(default_factory=dict)


_parsed: ThreadCache[_Parsed] = ThreadCache(PARSED)


def remembered(wcs: Any, derive: Callable[[Any], Derived]) -> Derived:
    """Return ``derive(wcs)``; for the object of a text, the result is computed once per thread.

    The owner of any other object may change it, so nothing is remembered for that object.

    Parameters
    ----------
    wcs : WCS
        The object.
    derive : callable
        A function of the object alone.
    """
    for parsed in _parsed.values():
        if parsed.wcs is wcs:
            if derive not in parsed.derived:
                parsed.derived[derive] = derive(wcs)
            return cast(Derived, parsed.derived[derive])
    return derive(wcs)


_texts: SharedCache[str] = SharedCache(TEXTS)


def _text_now(wcs: Any) -> str:
    """Return the text of a WCS as it is now; the same state of a gwcs is written only once.

    Writing takes fifty times as long as a pickle, which holds all that a gwcs consists of. The
    pickle of an `astropy.wcs.WCS` lacks some of its flags.
    """
    if not is_gwcs(wcs):
        return to_text(wcs)
    try:
        state = pickle.dumps(wcs, pickle.HIGHEST_PROTOCOL)
    except Exception:  # Models of other packages raise errors of any type.
        return to_text(wcs)
    return _texts.get(hashlib.sha256(state).digest(), lambda: to_text(wcs))


class WCSHandle:
    """A WCS, given as ASDF text or as an object; making a handle parses and evaluates nothing.

    Handles are equal if their texts are equal, and are pickled as text.

    Parameters
    ----------
    wcs : WCS or str
        The object, which the handle only reads, or the text.
    """

    __slots__ = ("_digest", "_live", "_text")

    _text: str | None
    _live: Any
    _digest: bytes | None

    def __init__(self, wcs: WCSLike) -> None:
        self._text = wcs if isinstance(wcs, str) else None
        self._live = None if isinstance(wcs, str) else wcs
        self._digest = None

    @classmethod
    def saved(cls, wcs: WCSLike) -> WCSHandle:
        """Return the handle of a WCS as it is now: later changes of the object do not matter.

        Raises
        ------
        UnsupportedWCSError
            The object cannot be written as text.
        """
        return cls(wcs if isinstance(wcs, str) else _text_now(wcs))

    @property
    def is_live(self) -> bool:
        """Whether the handle was made from an object, which its owner may change."""
        return self._live is not None

    @property
    def is_parsed(self) -> bool:
        """Whether the calling thread gets `object` without parsing the text."""
        return self.is_live or self.text in _parsed

    @property
    def text(self) -> str:
        """The ASDF text. The text of an object is written on first access, and then remembered.

        Raises
        ------
        UnsupportedWCSError
            The object cannot be written as text.
        """
        if self._text is None:
            self._text = to_text(self._live)
        return self._text

    @property
    def object(self) -> Any:
        """The WCS as an object that must not be changed.

        A handle made from an object gives that object. A handle made from text gives an object
        that belongs to the calling thread.

        Raises
        ------
        WCSTextError
            The text is not the ASDF text of a WCS.
        """
        if self._live is not None:
            return self._live
        text = self.text
        return _parsed.get(text, lambda: _Parsed(parse(text))).wcs

    def new_object(self) -> Any:
        """Return a new object, which belongs to the caller.

        Raises
        ------
        WCSTextError
            The text is not the ASDF text of a WCS.
        """
        return parse(self.text)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: a key that is shorter than the text."""
        if self._digest is None:
            self._digest = hashlib.sha256(self.text.encode()).digest()
        return self._digest

    def __eq__(self, other: builtins.object) -> bool:
        if not isinstance(other, WCSHandle):
            return NotImplemented
        return self is other or self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[type[WCSHandle], tuple[str]]:
        return WCSHandle, (self.text,)

    def __repr__(self) -> str:
        given = f"a {type(self._live).__name__}" if self.is_live else "text"
        return f"<WCSHandle of {given}>"
