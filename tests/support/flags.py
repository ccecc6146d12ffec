"""Data quality flags with names, and images of flags, for the tests of weights and of flags."""

from __future__ import annotations

import numpy as np

FLAGS = {"DO_NOT_USE": 1, "SATURATED": 2, "JUMP_DET": 4, "DROPOUT": 8, "NON_SCIENCE": 512}
FLAGS["TOP"] = 1 << 31


def some_flags(dtype: str = "u4", seed: int = 0) -> np.ndarray:
    """Return flags: many are 0, and some have the highest bit."""
    rng = np.random.default_rng(seed)
    bits = 8 * np.dtype(dtype).itemsize
    single = np.uint64(1) << rng.integers(0, min(bits, 32), (20, 30)).astype(np.uint64)
    pair = single | np.uint64(1) << rng.integers(0, 4, (20, 30)).astype(np.uint64)
    return np.where(rng.random((20, 30)) < 0.4, 0, pair).astype(dtype)
