"""Representations of Datasets that show a line about each WCS in place of its ASDF text.

A WCS is stored as text, so that netCDF and zarr can hold it, and xarray shows text as it is. Arrays
can represent themselves, but an array that was read from a file is an array of numpy. Therefore
the two functions of xarray that show the content of variables are wrapped, for ASDF texts only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xarray.core import formatting, formatting_html

_MARK = "#ASDF"
"""The characters that every ASDF text starts with."""

_FUNCTIONS = ("inline_variable_array_repr", "short_data_repr")
"""Functions of xarray: the content of a variable in one line, and in a block of lines."""


def register() -> None:
    """Wrap the functions of xarray, which are private: a function that is missing is left out."""
    for name in _FUNCTIONS:
        own = getattr(formatting, name, None)
        if own is None or getattr(own, "_shows_wcs", False):
            continue
        wrapped = _with_summaries(own)
        for module in (formatting, formatting_html):
            if getattr(module, name, None) is own:
                setattr(module, name, wrapped)


def _with_summaries(function: Callable[..., str]) -> Callable[..., str]:
    """Return a function of xarray that shows ASDF texts by their summaries."""

    def shown(array: Any, *args: Any, **kwargs: Any) -> str:
        line = wcs_line(array)
        if line is None:
            return function(array, *args, **kwargs)
        width = args[0] if args else kwargs.get("max_width")
        return line if width is None else formatting.maybe_truncate(line, width)

    shown._shows_wcs = True  # type: ignore[attr-defined]
    return shown


def wcs_line(array: Any) -> str | None:
    """Return a line about the WCSs in an array or a variable; None if there are none in memory.

    The text of a lazily opened exposure is read, because a header is read quickly.
    """
    variable = getattr(array, "variable", array)
    dtype = getattr(variable, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "UOT" or not variable.size:
        return None
    texts = variable if isinstance(variable, np.ndarray) else _texts(variable)
    if texts is None:
        return None
    first = texts.flat[0]
    if not isinstance(first, str) or not first.startswith(_MARK):
        return None
    from xresample.wcs.summary import summary

    # Many WCSs would take long to parse, so the first stands for all.
    return summary(first) if texts.size == 1 else f"{texts.size} WCSs, first: {summary(first)}"


def _texts(variable: Any) -> np.ndarray | None:
    """Return the texts of a variable; None if they are elsewhere than in memory or in a header."""
    if getattr(variable, "_in_memory", False):
        return np.asarray(variable.values)
    array = getattr(variable, "_data", None)
    while (inner := getattr(array, "array", None)) is not None:
        array = inner
    text: Callable[[], str] | None = getattr(array, "text_of_wcs", None)
    if text is None:
        return None
    try:
        return np.array(text())
    except Exception:
        # The file may have been removed, and a repr must not fail.
        return None
