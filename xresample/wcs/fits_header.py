"""The WCS of a grid as FITS keywords, if keywords reproduce the WCS."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError

from .adapters import is_gwcs
from .pixels import Pixels
from .transform import celestial_axes, pixel_to_world, transform

TOLERANCE = 1e-6
"""Maximum error of the keywords, in pixels."""

_POINTS = 33
"""Number of points along each side of the grid at which the keywords are checked."""


def header_of(wcs: Any, pixels: Pixels) -> Any:
    """Return the keywords of a WCS on a part of its grid.

    Parameters
    ----------
    wcs : gwcs.WCS or astropy.wcs.WCS
        The WCS, which may be set up, but is otherwise unchanged.
    pixels : Pixels
        The pixels of the part.

    Returns
    -------
    astropy.io.fits.Header or None
        None if keywords differ from the WCS by more than 1e-6 pixel somewhere, as for distortion
        tables and for transforms that FITS does not have.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    >>> header = header_of(wcs, Pixels.of((4, 5), (0, 10)))
    >>> header["CRPIX1"]
    -10.0
    """
    from astropy.wcs import WCS

    for candidate in _candidates(wcs, pixels):
        if candidate is None:
            continue
        part = candidate.slice(tuple(slice(side.start, None) for side in pixels))
        header = _exact_header(part)
        if _reproduces(WCS(header), wcs, pixels):
            return header
    return None


def _candidates(wcs: Any, pixels: Pixels) -> Any:
    """Yield WCSs that FITS keywords may represent, exact ones first."""
    from astropy.wcs import WCS

    if isinstance(wcs, WCS):
        yield wcs
    elif is_gwcs(wcs):
        yield _tangent(wcs, pixels)
        yield _polynomial(wcs, pixels)


def _exact_header(wcs: Any) -> Any:
    """Return the header of a WCS with all digits; astropy writes only twelve."""
    header = wcs.to_header(relax=True)
    prm = wcs.wcs
    values = {"CRPIX": prm.crpix, "CDELT": prm.get_cdelt(), "CRVAL": prm.crval}
    for axis in range(wcs.naxis):
        for name, numbers in values.items():
            header[f"{name}{axis + 1}"] = float(numbers[axis])
        for other in range(wcs.naxis):
            header[f"PC{axis + 1}_{other + 1}"] = float(prm.get_pc()[axis, other])
    for axis, term, value in prm.get_pv():
        header[f"PV{axis}_{term}"] = float(value)
    header["LONPOLE"], header["LATPOLE"] = float(prm.lonpole), float(prm.latpole)
    return header


def _points(pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Return evenly spread points of a part of a grid, including its borders."""
    y, x = (np.linspace(side.start - 0.5, side.stop - 0.5, _POINTS) for side in pixels)
    xs, ys = np.meshgrid(x, y)
    return xs.ravel(), ys.ravel()


def _reproduces(found: Any, wcs: Any, pixels: Pixels) -> bool:
    """Tell whether pixels return to their places through the WCS and back through the keywords."""
    x, y = _points(pixels)
    try:
        back_x, back_y = transform(wcs, found)(x, y)
    except (
        Exception
    ):  # A WCS may raise any error outside of its domain: then there are no keywords.
        return False
    known = np.isfinite(pixel_to_world(wcs, x, y)).all(axis=0)
    if not known.any():
        return False
    y0, x0 = pixels.origin
    error = np.hypot(back_x + x0 - x, back_y + y0 - y)[known]
    return bool(np.isfinite(error).all() and error.max() < TOLERANCE)


def _tangent(wcs: Any, pixels: Pixels) -> Any:
    """Return the tangent projection that equals a gwcs; None if no projection does."""
    from astropy import units as u
    from astropy.modeling.rotations import RotateNative2Celestial
    from astropy.wcs.utils import celestial_frame_to_wcs

    model = wcs.forward_transform
    leaves = model.traverse_postorder() if hasattr(model, "traverse_postorder") else (model,)
    turns = [leaf for leaf in leaves if isinstance(leaf, RotateNative2Celestial)]
    frame = getattr(wcs.output_frame, "reference_frame", None)
    try:
        found = celestial_frame_to_wcs(frame, projection="TAN")
        lon, lat = celestial_axes(wcs)
    except (ValueError, UnsupportedWCSError):
        return None
    if len(turns) != 1 or found is None:
        return None
    angles = (getattr(turns[0], name) for name in ("lon", "lat"))
    # Angles without a unit are in degrees.
    found.wcs.crval = [
        a.quantity.to_value(u.deg) if a.unit is not None else float(a.value) for a in angles
    ]
    # With a unit matrix, the pixels of ``found`` are degrees in the tangent plane, so the map from
    # the pixels of the image to the pixels of ``found`` is linear.
    found.wcs.crpix, found.wcs.cdelt = [1.0, 1.0], [1.0, 1.0]
    x, y = _points(pixels)
    world = pixel_to_world(wcs, x, y)
    plane = np.stack(found.wcs_world2pix(world[lon], world[lat], 0), axis=-1)
    known = np.isfinite(plane).all(axis=-1)
    if known.sum() < 3:
        return None
    terms = np.stack([x, y, np.ones_like(x)], axis=-1)
    solved, *_ = np.linalg.lstsq(terms[known], plane[known], rcond=None)
    matrix, shift = solved[:2].T, solved[2]
    found.wcs.crpix = 1 - np.linalg.solve(matrix, shift)
    found.wcs.pc = matrix
    found.wcs.set()
    return found


def _polynomial(wcs: Any, pixels: Pixels) -> Any:
    """Return the SIP approximation of a gwcs; None if gwcs cannot make one."""
    from astropy.wcs import WCS

    box = tuple((side.start - 0.5, side.stop - 0.5) for side in (pixels.x, pixels.y))
    try:
        header = wcs.to_fits_sip(
            bounding_box=box, max_pix_error=TOLERANCE / 10, max_inv_pix_error=None
        )
        return WCS(header)
    except Exception:  # Any failure means that there are no keywords.
        return None
