"""Fingerprints of exposures, by which an exposure that is added twice is recognised."""

from __future__ import annotations

import hashlib

import numpy as np

from .exposure import Exposure
from .facts import identity_of_source

SIDE = 8
"""Number of rows and columns of pixels that enter a fingerprint."""


def fingerprint_of(exposure: Exposure) -> str:
    """Return a digest of an exposure; empty if nothing tells the exposure from others.

    Name, file, times, WCS and pixel indices enter the digest. Different files may have the same
    name. The chips of one file differ in their WCSs,
    and the halves of one chip in their pixel indices. No pixels are read from files: only an
    exposure without a name, in memory, is recognised by some of its pixels. There is no digest
    without a WCS, because only a pixel map says where the exposure lies, nor for a WCS that is an
    object, as in dict models, because writing its text takes long.
    """
    if exposure.own_wcs is not None or exposure.wcs is None:
        return ""
    name = exposure.scalars["filename"], identity_of_source(exposure.dataset)
    pixels = b""
    if not any(name):
        plane = exposure.dataset.variables["data"]
        if plane.chunks is not None or not isinstance(plane._data, np.ndarray):
            return ""
        rows, columns = (max(1, size // SIDE) for size in plane.shape)
        pixels = plane.values[::rows, ::columns].tobytes()
    digest = hashlib.blake2b(pixels, digest_size=8)
    facts = name, exposure.y, exposure.x, sorted(exposure.scalars.items())
    digest.update(repr(facts).encode())
    digest.update(exposure.wcs.text.encode())
    return digest.hexdigest()
