"""Every kernel once, on a few pixels, against the formulas: fast even without the compiler.

This is a program, so that a test can choose how the kernels are compiled.
"""

from __future__ import annotations

import numpy as np
from astropy.modeling import models as m
from gwcs.geometry import CartesianToSpherical, SphericalToCartesian

from tests.support.kernel_compare import against_slow
from tests.support.kernel_maps import noisy_exposure, smooth_map
from tests.support.kernel_runs import Exposure, Onto, add
from xresample.accumulate.deposit import Flags, SampledPlane, place
from xresample.accumulate.noise import NO_GAIN, NoisyPixels, add_covariance, max_lag
from xresample.accumulate.set_tree import SetTree
from xresample.datamodel.blocks import Blocks
from xresample.datamodel.exposure_sets import ExposureSets
from xresample.kernels.correlate import EVERY, STRIP
from xresample.kernels.labels import pair_images
from xresample.kernels.programs import FRONT, QUOTIENT, UNIT
from xresample.kernels.samples import PLAIN
from xresample.kernels.structures import KERNELS, Gain
from xresample.wcs.expressions import number, pixel
from xresample.wcs.models import apply_model
from xresample.wcs.program import Program


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
            correlate(exposure, onto)
    run_all_steps()
    label()


def label() -> None:
    """Give labels to the sets of two exposures, and pair them with themselves."""
    labels, tree = np.zeros((3, 4), np.int32), SetTree.of(ExposureSets.empty())
    for exposure in range(2):
        labels[exposure:] |= np.int32(-(2**31))
        tree.take_marked(labels, np.array([[0, 3, 0, 4]]), exposure)
    assert tree.compact(labels).to_text() == "[[],[0],[0,1]]"
    numbers, pairs = pair_images(labels, labels)
    np.testing.assert_array_equal(pairs[numbers, 1], labels)


def correlate(exposure: Exposure, onto: Onto) -> None:
    """Correlate the noise of an exposure, which lies at every place of a group of strips in turn.

    A gain of 2 on all pixels that matter quadruples the sums, in blocks or in one piece.
    """
    blocks, one = Blocks.of(onto.shape, onto.origin, 4), Blocks.of(onto.shape, onto.origin, 99)
    lags = max_lag(onto.footprint, onto.ratio)
    placement = place(exposure.pixmap, exposure.active, onto.footprint, onto.shape, onto.origin)
    planes = exposure.weights, exposure.data, *exposure.variances
    sampled = [SampledPlane(np.array(plane, np.float32), PLAIN) for plane in planes]
    far = 4 * lags
    gain = Gain(np.full((onto.shape[0] + 2 * far, onto.shape[1] + 2 * far), 2.0), -far, -far)
    sums = [np.zeros((*b.shape, lags + 1, 2 * lags + 1)) for b in (blocks, blocks, one)]
    for strip in range(EVERY):
        first = 7, STRIP * strip
        pixels = NoisyPixels(sampled, Flags(), exposure.pixmap, placement, first)
        add_covariance(sums[0], blocks, pixels, lags, 1, NO_GAIN)
        add_covariance(sums[1], blocks, pixels, lags, 1, gain)
        add_covariance(sums[2], one, pixels, lags, 1, NO_GAIN)
    assert (sums[0][:, :, 0, lags] > 0.0).any()
    np.testing.assert_allclose(sums[1], 4.0 * sums[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sums[0].sum(axis=(0, 1)), sums[2][0, 0], rtol=1e-9, atol=1e-9)


def run_all_steps() -> None:
    """Run each step of programs, for a tangent plane seen from another sphere."""
    model = m.Polynomial2D(3, c1_0=0.1, c0_1=0.02, c2_1=1e-3) & m.Scale(2.0)
    model = m.Mapping((0, 1, 1)) | model | m.RotateNative2Celestial(3.0, 4.0, 5.0)
    model = model | SphericalToCartesian() | m.RotationSequence3D([3.0, 4.0], "xz")
    model = model | CartesianToSpherical() | SphericalToCartesian() | m.Mapping((0, 1, 2))
    unlike = m.Mapping((1, 2), n_inputs=3) / m.Mapping((0, 0), n_inputs=3)
    plane = CartesianToSpherical() | m.RotateCelestial2Native(9.0, 8.0, 7.0) | m.Sky2Pix_TAN()
    for last in (unlike, plane):
        outputs = apply_model(model | last, pixel())
        program = Program.of(*map(number, outputs))
        assert {*range(UNIT + 1)} - {FRONT, QUOTIENT} <= set(program.steps[:, 0])
        found = program.at(range(2), range(-1, 2))
        y, x = np.mgrid[:2, -1:2].astype(float)
        np.testing.assert_allclose(found, np.stack((model | last)(x, y), -1), rtol=1e-11)


if __name__ == "__main__":
    # A division by zero gives an infinity that the kernels drop; numpy's scalars would warn.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        main()
