"""gwcs pipelines of space telescopes, and small models for random pipelines."""

from __future__ import annotations

from typing import Any

import gwcs
from astropy.modeling import models
from gwcs import coordinate_frames as cf
from gwcs.geometry import CartesianToSpherical, SphericalToCartesian

from .wcs import SHAPE, bounding_box, detector_frame, make_distortion, sky_frame

V2_V3 = (122.4, -457.7)
"""Position of the detector in the focal plane, in arcseconds."""


def make_telescope(
    shape: tuple[int, int] = SHAPE,
    crval: tuple[float, float] = (150.0, 2.0),
    scale: float = 0.03,
    roll: float = 33.0,
    aligned: bool = False,
) -> Any:
    """Return a gwcs as files of JWST and Roman have it: distortion, focal plane, sky.

    ``aligned`` adds the step in a tangent plane that aligns images with each other.
    """
    ny, nx = shape
    middle = models.Shift(-(nx - 1) / 2) & models.Shift(-(ny - 1) / 2)
    turned = models.AffineTransformation2D(
        [[-0.99998 * scale, 0.006 * scale], [0.006 * scale, 0.99998 * scale]], translation=V2_V3
    )
    stretched = models.Scale(0.999994) & models.Scale(0.999994)
    aberration = stretched | models.Shift(-7e-4) & models.Shift(-2.7e-3)
    v2, v3 = (value / 3600 for value in V2_V3)
    to_sky = (
        _arcseconds_to_degrees()
        | SphericalToCartesian(wrap_lon_at=180)
        | models.RotationSequence3D([-v2, v3, roll, crval[1], -crval[0]], "zyxyz")
        | CartesianToSpherical(wrap_lon_at=360)
    )
    planes = [cf.Frame2D(name=name, axes_order=(0, 1)) for name in ("v2v3", "vacorr", "corrected")]
    pipeline = [
        (detector_frame(), middle | make_distortion(shape, 2.0) | turned),
        (planes[0], aberration),
        (planes[1], _alignment(v2, v3) if aligned else models.Identity(2)),
        (planes[2], to_sky),
        (sky_frame(), None),
    ]
    wcs = gwcs.WCS(pipeline)
    wcs.bounding_box = bounding_box(shape)
    wcs.array_shape = shape
    return wcs


def _arcseconds_to_degrees() -> Any:
    return models.Scale(1 / 3600) & models.Scale(1 / 3600)


def _alignment(v2: float, v3: float) -> Any:
    """Return the correction of tweakwcs: an affine map in the plane that touches the detector."""
    rotation = models.RotationSequence3D([v2, -v3], "zy")
    onto_plane = models.Mapping((0, 1, 2)) / models.Mapping((0, 0, 0), n_inputs=3)
    off_plane = models.Mapping((0, 0, 1), n_inputs=2) | models.Const1D(1) & models.Identity(2)
    affine = models.AffineTransformation2D(
        [[1.00001, 2e-5], [-2e-5, 1.00002]], translation=[1e-7, -2e-7]
    )
    return (
        _arcseconds_to_degrees()
        | SphericalToCartesian(wrap_lon_at=180)
        | rotation
        | (onto_plane | models.Mapping((1, 2)))
        | affine
        | off_plane
        | rotation.inverse
        | CartesianToSpherical(wrap_lon_at=180)
        | models.Scale(3600.0) & models.Scale(3600.0)
    )


def polynomial(kind: str, degree: int, seed: int) -> Any:
    """Return a pair of polynomials of one kind that stay near their inputs, x and y."""
    coefficients = iter(0.1 * v for v in range(seed % 7 - 3, 10_000))
    parts = []
    for axis in (0, 1):
        if kind == "Polynomial":
            part = models.Polynomial2D(degree, x_domain=(-20, 30), y_domain=(-10, 25))
        else:
            part = getattr(models, f"{kind}2D")(
                degree, degree + 1, x_domain=(-20, 30), y_domain=(-10, 25), x_window=(-0.5, 1)
            )
        for name in part.param_names:
            setattr(part, name, next(coefficients) % 0.7 - 0.3)
        setattr(part, ("c1_0", "c0_1")[axis], 20.0)
        parts.append(part)
    return models.Mapping((0, 1, 0, 1)) | parts[0] & parts[1]
