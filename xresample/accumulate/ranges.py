"""The range of numbers that the planes of a mosaic hold, checked before an exposure is added.

Inverse variances of small units, such as 1e-20 erg/s/cm2/A, are beyond float32. A few pixels beyond
the range are bad pixels, which do not contribute. Many of them mean that the planes do not suit the
units, which is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xresample.errors import InvalidInputError
from xresample.kernels.structures import LARGEST

from .deposit import Flags, SampledPlane

SIDE = 64
"""Number of rows and columns of an exposure that are looked at."""

FAINTEST = 1e-39
"""Smallest number that float32 holds with nearly six digits."""

FEW = 8
"""Number of pixels beyond the range that are bad pixels in an exposure of any size."""

FEW_OF_MANY = 0.01
"""Fraction of pixels beyond the range that are bad pixels."""


ADVICE = (
    "use dtype='float64', or convert the exposures to units in which their variances are near 1"
)
"""Advice for values that planes of float32 cannot hold."""


def require_range(sampled: Sequence[SampledPlane], flags: Flags, dtype: np.dtype) -> None:
    """Raise an error unless planes of a type can hold the values of an exposure.

    Parameters
    ----------
    sampled : sequence of SampledPlane
        The plane of the weights, the data, then the planes of the other lanes.
    flags : Flags
        The flags of the exposure.
    dtype : dtype
        The type of the planes of the mosaic; float64 holds every value.

    Raises
    ------
    InvalidInputError
        Many values are beyond the range of float32; names the plane.
    """
    from xresample.kernels.samples import INVERSE

    if dtype != np.float32:
        return
    every = slice(None)
    if flags.dq is not None and flags.bad:
        every = (_part(flags.dq) & np.uint32(flags.bad)) == 0
    for k, plane in enumerate(sampled):
        if plane.array is not None:
            numbers = _part(plane.array)[every].astype(np.float64)
            name = f"The inverse of {plane.name}" if plane.use == INVERSE else plane.name
            _require(name, _sizes(plane, numbers), faint=k == 1)


def _sizes(plane: SampledPlane, numbers: np.ndarray) -> np.ndarray:
    """Return what becomes of the numbers of a plane, without signs."""
    from xresample.kernels.samples import INVERSE, ROOT

    with np.errstate(all="ignore"):
        if plane.use == INVERSE:
            return 1.0 / numbers
        if plane.name == "data":
            return np.abs((numbers - plane.level) * plane.factor)
        return np.asarray(numbers * (plane.factor**2 if plane.use == ROOT else plane.factor))


def any_usable(sampled: Sequence[SampledPlane], flags: Flags, dtype: str) -> bool:
    """Tell whether any pixel has usable data and a positive weight.

    Parameters
    ----------
    sampled : sequence of SampledPlane
        The plane of the weights, the data, then the planes of the other lanes.
    flags : Flags
        The flags of the exposure.
    dtype : {"float32", "float64"}
        The type of the planes of the mosaic.
    """
    limit, usable = float(np.finfo(dtype).max), np.array(True)
    for plane in sampled[:2]:
        if plane.array is not None:
            sizes = _sizes(plane, plane.array.astype(np.float64))
            usable = usable & (sizes <= limit) & ((sizes > 0) | (plane.name == "data"))
    if flags.dq is not None and flags.bad:
        usable = usable & ((flags.dq & np.uint32(flags.bad)) == 0)
    return bool(usable.any())


def _part(plane: np.ndarray) -> np.ndarray:
    """Return a regular selection of the pixels of a plane."""
    rows, columns = (max(1, size // SIDE) for size in plane.shape)
    return plane[::rows, ::columns]


def require_inverse(name: str, variance: np.ndarray, good: np.ndarray | None, dtype: str) -> None:
    """Raise an error unless a type can hold the inverse of a variance.

    Parameters
    ----------
    name : str
        Name of the variance.
    variance : ndarray
        The variance, ``(y, x)``.
    good : ndarray of bool, or None
        Pixels that count; None: all.
    dtype : {"float32", "float64"}
        The type; float64 holds every inverse.

    Raises
    ------
    InvalidInputError
        Many values are beyond the range of float32.
    """
    if dtype != "float32":
        return
    with np.errstate(all="ignore"):
        sizes = 1.0 / _part(variance).astype(np.float64)
    usable = sizes if good is None else sizes[_part(good)]
    _require(f"The inverse of {name}", usable)


def _require(name: str, sizes: np.ndarray, faint: bool = False) -> None:
    """Raise an error unless float32 holds the positive ones among many numbers.

    Faint numbers may vanish, as long as the largest numbers do not.
    """
    sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
    if not sizes.size:
        return
    beyond = sizes > LARGEST
    if not faint or sizes.max() < FAINTEST:
        beyond |= sizes < FAINTEST
    count = np.count_nonzero(beyond)
    if count == sizes.size or count > max(FEW, FEW_OF_MANY * sizes.size):
        raise InvalidInputError(
            f"{name} must be within {FAINTEST:g} and {LARGEST:.2g}, the range of float32, got "
            f"values near {np.median(sizes):.2g}: {ADVICE}"
        )
