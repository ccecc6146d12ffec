"""Functions that become parts of kernels, without machine code of their own.

numba optimises every compiled function and makes machine code of it, and then does the same again
with each function that calls it. Most functions here are called by kernels only, so their own
machine code would never run. A *part* is neither optimised nor made machine code of by itself: the
kernel that contains the part is. Compilation then takes a third less time, and kernels are as fast.

This needs private features of numba. If any of them is missing, parts are compiled like kernels.
"""

from __future__ import annotations

import itertools
from typing import Any

REPLACED = (
    "codegen",
    "get_pointer_to_function",
    "_finalize_dynamic_globals",
    "_finalize_final_module",
    "_optimize_final_module",
)
"""Attributes of numba's libraries of code that a library of parts replaces or uses."""

_numbers = itertools.count()


def part_options() -> dict[str, Any]:
    """Return the options of numba that compile a function as a part; none if that is impossible.

    Examples
    --------
    >>> list(part_options()) in (["pipeline_class"], [])
    True
    """
    try:
        from numba.core.codegen import JITCodeLibrary
        from numba.core.compiler import Compiler

        if not all(hasattr(JITCodeLibrary, name) for name in REPLACED):
            return {}
    except ImportError:
        return {}

    class Parts(JITCodeLibrary):  # type: ignore[misc]  # numba has no annotations
        """Code that is linked into other code, and is not run by itself."""

        @property
        def codegen(self) -> Any:
            """The code generator, which must not look for machine code of the parts."""
            return _CodeGenerator(self._codegen)

        def get_pointer_to_function(self, name: str) -> int:
            """Return 0, which stands for a function without machine code."""
            self._ensure_finalized()
            return 0

        def _optimize_final_module(self) -> None:
            """Do nothing: the code that contains the parts is optimised as a whole."""

        def _finalize_final_module(self) -> None:
            """Make the code ready to be linked, but make no machine code."""
            self._finalize_dynamic_globals()
            self._finalized = True

    class PartCompiler(Compiler):  # type: ignore[misc]  # numba has no annotations
        """The compiler of numba with another kind of library."""

        def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
            library = library or Parts(targetctx.codegen(), f"part{next(_numbers)}")
            super().__init__(typingctx, targetctx, library, *rest)

    return {"pipeline_class": PartCompiler}


class _CodeGenerator:
    """A code generator of numba that leaves the environments of functions alone.

    numba writes the address of an environment into the machine code of its function.
    """

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: a part has no machine code."""
