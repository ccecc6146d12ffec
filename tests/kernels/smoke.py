"""Every kernel once, on a few pixels, against the formulas: fast even without the compiler.

This is a program, so that a test can choose how the kernels are compiled.
"""

from __future__ import annotations

import numpy as np

from tests.support.kernel_compare import against_slow
from tests.support.kernel_maps import noisy_exposure, smooth_map
from tests.support.kernel_runs import Onto, add
from xresample.kernels.structures import KERNELS


def main() -> None:
    """Compare each kernel: small and large pixels, at a border of the output, with a NaN."""
    for kernel in KERNELS:
        for scale in (0.8, 2.6):
            pixmap = smooth_map((5, 6), scale, 30.0, centre=(6.0, 5.0), bend=0.0)
            exposure = noisy_exposure(pixmap, holes=False)
            images = [image.astype(np.float32) for image in np.full((6, 5, 6), 2.0)]
            exposure = exposure._replace(means=images[:3], variances=images[3:])
            onto = Onto((9, 11), kernel, 0.9, 1 / scale)
            against_slow(exposure, onto)
            tiled = add(exposure, onto, side=4)
            np.testing.assert_array_equal(tiled.values, add(exposure, onto).values)
            pixmap[2, 3] = np.nan
            sigmas = exposure._replace(variances=(), sigmas=images[:2])
            assert np.isfinite(add(sigmas, onto).values[0]).all()


if __name__ == "__main__":
    # A division by zero gives an infinity that the kernels drop; numpy's scalars would warn.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        main()
