"""Makers of WCS objects for the tests, from plain tangent planes to awkward cases."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar

import astropy.wcs
import gwcs
import numpy as np
from astropy import coordinates as coord
from astropy import units as u
from astropy.io import fits
from astropy.modeling import models
from astropy.wcs import WCS, FITSFixedWarning
from astropy.wcs.wcsapi import BaseLowLevelWCS
from gwcs import coordinate_frames as cf

FITS_DATA = Path(astropy.wcs.__file__).parent / "tests" / "data"

SHAPE = (192, 256)
CRVAL = (150.0, 2.0)
SCALE = 0.1

# Terms of the distortion: (power of x, power of y) and the fraction of the amplitude.
_TERMS_X = {(2, 0): 0.5, (1, 1): -0.3, (0, 2): 0.2, (3, 0): 0.3, (1, 2): -0.2, (4, 1): 0.1}
_TERMS_Y = {(2, 0): -0.2, (1, 1): 0.4, (0, 2): 0.3, (2, 1): 0.2, (0, 3): -0.3, (1, 4): 0.1}


def sky_frame(reference: Any = None, axes_order: tuple[int, int] = (0, 1)) -> Any:
    """Return the celestial output frame of a gwcs."""
    return cf.CelestialFrame(
        axes_order=axes_order,
        reference_frame=coord.ICRS() if reference is None else reference,
        unit=(u.deg, u.deg),
        name="world",
    )


def detector_frame() -> Any:
    """Return the input frame of a gwcs."""
    return cf.Frame2D(name="detector", axes_order=(0, 1), unit=(u.pix, u.pix))


def bounding_box(shape: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the bounding box of an image of ``shape`` (y, x), as gwcs wants it: x first."""
    return (-0.5, shape[1] - 0.5), (-0.5, shape[0] - 0.5)


def make_distortion(shape: tuple[int, int], amplitude: float) -> Any:
    """Return polynomials that move a corner by about ``amplitude`` pixels and have no inverse."""
    half = max(shape) / 2
    both = []
    for axis, terms in enumerate((_TERMS_X, _TERMS_Y)):
        values = {f"c{i}_{j}": amplitude * v / half ** (i + j) for (i, j), v in terms.items()}
        values["c1_0" if axis == 0 else "c0_1"] = 1.0
        both.append(models.Polynomial2D(5, **values))
    return models.Mapping((0, 1, 0, 1)) | both[0] & both[1]


def make_projection(
    crval: tuple[float, float], scale: float, rotation: float, mirrored: bool = False
) -> Any:
    """Return the model from pixel offsets to the sky; east is left unless ``mirrored``."""
    angle = np.deg2rad(rotation)
    step = scale / 3600
    sign = 1.0 if mirrored else -1.0
    matrix = step * np.array(
        [[sign * np.cos(angle), -np.sin(angle)], [sign * np.sin(angle), np.cos(angle)]]
    )
    affine = models.AffineTransformation2D(matrix, name="linear")
    return affine | models.Pix2Sky_TAN() | models.RotateNative2Celestial(crval[0], crval[1], 180.0)


def make_gwcs(
    shape: tuple[int, int] = SHAPE,
    crval: tuple[float, float] = CRVAL,
    scale: float = SCALE,
    rotation: float = 0.0,
    offset: tuple[float, float] = (0.0, 0.0),
    distortion: float = 2.0,
    mirrored: bool = False,
    reference: Any = None,
) -> Any:
    """Return a gwcs with a distortion of degree 5, a bounding box, and no analytic inverse.

    ``scale`` is in arcseconds, ``rotation`` in degrees, ``offset`` (x, y) and the amplitude
    ``distortion`` in pixels. The pixel at the centre of the image plus ``offset`` is at ``crval``.
    """
    x, y = (shape[1] - 1) / 2 + offset[0], (shape[0] - 1) / 2 + offset[1]
    model = models.Shift(-x) & models.Shift(-y)
    if distortion:
        model = model | make_distortion(shape, distortion)
    model = model | make_projection(crval, scale, rotation, mirrored)
    wcs = gwcs.WCS(model, detector_frame(), sky_frame(reference))
    wcs.bounding_box = bounding_box(shape)
    wcs.array_shape = shape
    return wcs


def make_grid(
    shape: tuple[int, int] = SHAPE,
    crval: tuple[float, float] = CRVAL,
    scale: float = SCALE,
    rotation: float = 0.0,
    reference: Any = None,
) -> Any:
    """Return the tangent-plane gwcs of an output grid, which has an analytic inverse."""
    return make_gwcs(shape, crval, scale, rotation, distortion=0.0, reference=reference)


def make_spectral(shape: tuple[int, int] = (40, 60), distortion: float = 0.0) -> Any:
    """Return the gwcs of a slit, with right ascension, declination and wavelength.

    The wavelength (micrometres) runs along x, the position in the slit along y.
    """
    nx = shape[1]
    step = 0.1 / 3600
    spread = models.Polynomial2D(2, c0_1=1.0, c2_0=distortion / nx**2)
    world = (
        models.Mapping((0, 1, 0, 1, 0), n_inputs=2)
        | spread & spread & models.Scale(0.01)
        | models.Scale(step * 0.6) & models.Scale(step * 0.8) & models.Shift(1.0)
        | models.Pix2Sky_TAN() & models.Identity(1)
        | models.RotateNative2Celestial(150.0, 2.0, 180.0) & models.Identity(1)
    )
    back = (
        models.RotateCelestial2Native(150.0, 2.0, 180.0) & models.Identity(1)
        | models.Sky2Pix_TAN() & models.Identity(1)
        | models.Scale(0.6 / step) & models.Scale(0.8 / step) & models.Shift(-1.0)
        | models.Polynomial2D(1, c1_0=1.0, c0_1=1.0) & models.Scale(100.0)
        | models.Mapping((1, 0))
    )
    if not distortion:
        world.inverse = back
    spectral = cf.SpectralFrame(axes_order=(2,), unit=(u.micron,), name="wavelength")
    frame = cf.CompositeFrame([sky_frame(), spectral], name="world")
    wcs = gwcs.WCS(world, detector_frame(), frame)
    wcs.bounding_box = bounding_box(shape)
    wcs.array_shape = shape
    return wcs


def make_pole(shape: tuple[int, int] = SHAPE) -> Any:
    """Return a distorted gwcs whose field contains the north celestial pole."""
    return make_gwcs(shape, (30.0, 89.9995), rotation=20.0)


def make_wrap(shape: tuple[int, int] = SHAPE) -> Any:
    """Return a distorted gwcs whose field crosses right ascension 0."""
    return make_gwcs(shape, (0.001, -3.0), rotation=-35.0)


def make_tabular(shape: tuple[int, int] = SHAPE) -> Any:
    """Return a gwcs whose distortion is a look-up table with a kink every 16 pixels."""
    ny, nx = shape
    table = np.random.default_rng(3).normal(0, 0.05, (nx // 16 + 2,))
    lookup = models.Tabular1D(
        points=np.arange(len(table)) * 16.0 - 8.0, lookup_table=table, bounds_error=False
    )
    model = (
        models.Mapping((0, 0, 1))
        | models.Identity(1) & lookup & models.Identity(1)
        | models.Mapping((0, 1, 2))
        | models.Polynomial2D(1, c1_0=1.0, c0_1=1.0) & models.Identity(1)
        | models.Shift(-(nx - 1) / 2) & models.Shift(-(ny - 1) / 2)
        | make_projection(CRVAL, SCALE, 5.0)
    )
    wcs = gwcs.WCS(model, detector_frame(), sky_frame())
    wcs.bounding_box = bounding_box(shape)
    wcs.array_shape = shape
    return wcs


def make_hole(shape: tuple[int, int] = SHAPE, rows: int = 7, scale: float = SCALE) -> Any:
    """Return a gwcs that is NaN in its first ``rows`` rows, which its bounding box covers."""
    wcs = make_gwcs(shape, scale=scale)
    points = np.arange(rows, shape[0] + 8.0)
    table = models.Tabular1D(points=points, lookup_table=points, bounds_error=False)
    model = models.Identity(1) & table | wcs.forward_transform.copy()
    model.bounding_box = None
    holed = gwcs.WCS(model, detector_frame(), sky_frame())
    holed.bounding_box = bounding_box(shape)
    holed.array_shape = shape
    return holed


def make_fits(
    shape: tuple[int, int] = SHAPE,
    crval: tuple[float, float] = CRVAL,
    scale: float = SCALE,
    rotation: float = 0.0,
    radesys: str = "ICRS",
) -> WCS:
    """Return the tangent-plane `astropy.wcs.WCS` of an image."""
    angle = np.deg2rad(rotation)
    step = scale / 3600
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = crval
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    wcs.wcs.cd = step * np.array(
        [[-np.cos(angle), -np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    wcs.wcs.radesys = radesys
    wcs.wcs.set()
    wcs.array_shape = shape
    return wcs


def make_sip(shape: tuple[int, int] = SHAPE, amplitude: float = 2.0, **options: Any) -> WCS:
    """Return a tangent-plane WCS with SIP distortion of degree 4."""
    wcs = make_fits(shape, **options)
    half = max(shape) / 2
    a, b = np.zeros((5, 5)), np.zeros((5, 5))
    a[2, 0], a[1, 1], a[0, 3], a[4, 0] = 0.5, -0.3, 0.2, 0.1
    b[0, 2], b[1, 1], b[3, 0], b[1, 3] = -0.4, 0.2, 0.3, 0.1
    powers = half ** np.add.outer(np.arange(5), np.arange(5))
    wcs.sip = astropy.wcs.Sip(amplitude * a / powers, amplitude * b / powers, None, None,
                              wcs.wcs.crpix)  # fmt: skip
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.set()
    return wcs


def make_tpv(shape: tuple[int, int] = SHAPE, scale: float = SCALE) -> WCS:
    """Return a tangent-plane WCS with a TPV distortion, whose coefficients wcslib hides."""
    ny, nx = shape
    header = fits.Header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, nx, ny
    header["CTYPE1"], header["CTYPE2"] = "RA---TPV", "DEC--TPV"
    header["CRVAL1"], header["CRVAL2"] = CRVAL
    header["CRPIX1"], header["CRPIX2"] = (nx + 1) / 2, (ny + 1) / 2
    header["CD1_1"], header["CD2_2"] = -scale / 3600, scale / 3600
    header["CD1_2"] = header["CD2_1"] = 0.0
    header["RADESYS"] = "ICRS"
    size = max(shape) / 2 * scale / 3600
    for axis in (1, 2):
        header[f"PV{axis}_1"] = 1.0
        for term, value in ((4, 0.004), (5, -0.002), (7, 0.003), (10, -0.001)):
            degree = 2 if term < 7 else 3
            header[f"PV{axis}_{term}"] = float(f"{value / size ** (degree - 1):.10g}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return WCS(header)


def read_fits(name: str, extension: int = 1) -> WCS:
    """Return a WCS from the test data of astropy: a FITS file, or a text header (``.hdr``)."""
    path = FITS_DATA / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name.endswith(".hdr"):
            return WCS(fits.Header.fromstring(path.read_bytes()))
        with fits.open(path, memmap=False) as hdus:
            return WCS(hdus[extension].header, hdus)


class Plain(BaseLowLevelWCS):
    """A WCS of neither astropy nor gwcs, with declination in radians before right ascension."""

    pixel_n_dim = 2
    world_axis_physical_types = ("pos.eq.dec", "pos.eq.ra")
    world_axis_units = ("rad", "deg")
    world_axis_object_components = ()
    world_axis_object_classes: ClassVar[dict[str, Any]] = {}
    pixel_bounds = ((-0.5, 9.5), (2.5, 7.5))

    @property
    def world_n_dim(self) -> int:
        return len(self.world_axis_units)

    def pixel_to_world_values(self, x: Any, y: Any) -> Any:
        return np.deg2rad(y), x

    def world_to_pixel_values(self, dec: Any, ra: Any) -> Any:
        return ra, np.rad2deg(dec)


def make_lookup() -> WCS:
    """Return an astropy WCS with SIP and with both kinds of look-up tables."""
    return read_fits("dist_lookup.fits.gz")
