"""Conversion of a WCS to ASDF text and back: exact, self-contained, and safe to read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError, WCSTextError, ignored_warnings

from .adapters import bounds_checks, copied, is_gwcs, usual_order, without_degenerate_axes
from .yaml_trees import load_tree, without_schemas

_HEAD = "#ASDF "
_WCS = "wcs"
_NUMBERS = "numbers"
_ANCHOR = "&id0"
_DIGITS = 1e-9
"""Difference, in pixels, of reference pixels that differ only because a header rounds them."""


def to_text(wcs: Any, *, is_fresh: bool = False) -> str:
    """Return a WCS as ASDF text with all arrays inline.

    The text of a WCS does not depend on the versions of the packages that write it.

    Parameters
    ----------
    wcs : WCS
        The WCS.
    is_fresh : bool, optional
        Whether the object was just made, and nobody needs it afterwards: then no copy is made.

    Raises
    ------
    UnsupportedWCSError
        The object is not a WCS, or ASDF cannot store it.
    """
    from astropy.wcs.wcsapi import BaseLowLevelWCS

    if not isinstance(wcs, BaseLowLevelWCS):
        raise UnsupportedWCSError(
            f"A WCS must be a gwcs.WCS, an astropy.wcs.WCS or another WCS of APE 14, got "
            f"{_excerpt(wcs)}"
        )
    wcs = without_degenerate_axes(wcs)
    try:
        # A WCS that has been used has changed attributes, which are removed from a copy.
        text = _write(wcs if is_fresh else copied(wcs))
        if _ANCHOR in text:
            # ASDF writes a shared object once, with an anchor. A WCS that is read from the text
            # shares no objects, so its own text has no anchor.
            text = _write(parse(text))
    except Exception as error:  # Converters of other packages raise errors of any type.
        raise UnsupportedWCSError(
            f"A WCS of type {type(wcs).__module__}.{type(wcs).__qualname__} cannot be saved: "
            f"{error}. Use a gwcs.WCS or an astropy.wcs.WCS, or install the ASDF extension for "
            "this type"
        ) from error
    return text


def parse(text: str) -> Any:
    """Return a new WCS object from ASDF text.

    Raises
    ------
    WCSTextError
        The text was not written by `to_text`.
    """
    if not isinstance(text, str) or not text.startswith(_HEAD):
        raise WCSTextError(
            f"{_excerpt(text)} is not the ASDF text of a WCS: make one with "
            "exposure.resample.assign_wcs(wcs)"
        )
    import asdf
    from astropy.wcs.wcsapi import BaseLowLevelWCS

    content = text.encode()
    try:
        _check_contained(load_tree(content), set())
        with (
            ignored_warnings(),
            asdf.open(io.BytesIO(content), lazy_load=False, memmap=False) as file,
        ):
            wcs = file.tree[_WCS]
            numbers = file.tree.get(_NUMBERS)
            if numbers is not None:
                _restore(wcs, {name: np.array(value) for name, value in numbers.items()})
    except Exception as error:  # Converters of other packages raise errors of any type.
        raise WCSTextError(f"{_excerpt(text)} cannot be read as a WCS: {error!r}") from error
    if not isinstance(wcs, BaseLowLevelWCS):
        raise WCSTextError(
            f"{_excerpt(text)} must hold a WCS, got a {type(wcs).__name__}: make the text with "
            "exposure.resample.assign_wcs(wcs)"
        )
    return wcs


def _write(own: Any) -> str:
    """Return the ASDF text of a WCS, which may change."""
    import asdf
    from astropy.wcs import WCS

    if is_gwcs(own):
        own = usual_order(own)
        _drop_circles(own)
    tree = {_WCS: own}
    if type(own) is WCS:
        # Alternative descriptions have keywords with a letter, which readers would have to know.
        own.wcs.alt = " "
        own.wcs.set()
        tree[_NUMBERS] = _numbers(own)
    buffer = io.BytesIO()
    with ignored_warnings(), without_schemas():
        asdf.AsdfFile(tree).write_to(buffer, all_array_storage="inline")
    return _without_software(buffer.getvalue().decode())


def _drop_circles(wcs: Any) -> None:
    """Remove the inverse of each inverse in a gwcs, which gwcs adds on first use."""
    for step in wcs.pipeline:
        model = step.transform
        nodes = model.traverse_postorder() if hasattr(model, "traverse_postorder") else (model,)
        for node in nodes:
            if node is not None and node.has_user_inverse and node.inverse.has_user_inverse:
                del node.inverse.inverse


def _without_software(text: str) -> str:
    """Return ASDF text without the sections that name the packages that wrote it."""
    kept, dropping = [], False
    for line in text.splitlines():
        if not line.startswith((" ", "-", "#", "%", ".")):
            dropping = line.startswith(("asdf_library:", "history:"))
        elif line.startswith(("---", "...")):
            dropping = False
        if not dropping:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _numbers(wcs: Any) -> dict[str, Any]:
    """Return the numbers of an `astropy.wcs.WCS` that its FITS header would round."""
    prm = wcs.wcs
    numbers = {
        "crpix": prm.crpix.tolist(),
        "crval": prm.crval.tolist(),
        "cdelt": prm.get_cdelt().tolist(),
        "pc": prm.get_pc().tolist(),
        "poles": [float(prm.lonpole), float(prm.latpole)],
    }
    for name, values in numbers.items():
        if name != "poles" and not np.isfinite(values).all():
            raise ValueError(f"{name.upper()} must be finite, got {values}")
    if np.linalg.det(np.multiply(numbers["cdelt"], numbers["pc"])) == 0:
        raise ValueError(
            f"the matrix of the WCS must have an inverse, got CDELT {numbers['cdelt']} and PC "
            f"{numbers['pc']}"
        )
    # The following settings have no keywords in FITS; most WCSs have their defaults.
    if wcs.sip is not None and np.abs(wcs.sip.crpix - prm.crpix).max() > _DIGITS:
        numbers["sip_crpix"] = wcs.sip.crpix.tolist()
    if not all(checks := bounds_checks(wcs)):
        numbers["bounds_check"] = [int(check) for check in checks]
    return numbers


def _restore(wcs: Any, numbers: dict[str, np.ndarray]) -> None:
    """Put the exact numbers into a WCS that was read from its FITS header."""
    prm = wcs.wcs
    for name in ("crpix", "crval", "cdelt", "pc"):
        setattr(prm, name, numbers[name])
    prm.lonpole, prm.latpole = numbers["poles"]
    if "sip_crpix" in numbers:
        sip = wcs.sip
        wcs.sip = type(sip)(sip.a, sip.b, sip.ap, sip.bp, numbers["sip_crpix"])
    if "bounds_check" in numbers:
        prm.bounds_check(*map(bool, numbers["bounds_check"]))
    prm.set()


def _check_contained(node: Any, seen: set[int]) -> None:
    """Raise an error if a tree refers to data outside the text, which reading would open."""
    if not isinstance(node, (dict, list)) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, dict):
        if "$ref" in node or ("source" in node and "ndarray" in str(getattr(node, "_tag", ""))):
            raise ValueError("it refers to data outside the text")
        node = list(node.values())
    for child in node:
        _check_contained(child, seen)


def _excerpt(text: Any) -> str:
    """Return a representation of a value that is short enough for a message."""
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
