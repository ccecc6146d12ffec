"""The WCS of a grid as FITS keywords, if keywords reproduce the WCS."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError

from .adapters import is_gwcs
from .transform import celestial_axes, pixel_to_world, transform

TOLERANCE = 1e-6
"""Maximum error of the keywords, in pixels."""

_POINTS = 33
"""Number of points along each side of the grid at which the keywords are checked."""


def header_of(wcs: Any, shape: tuple[int, int], x0: int = 0, y0: int = 0) -> Any:
    """Return the keywords of a WCS on a part of its grid.

    Parameters
    ----------
    wcs : gwcs.WCS or astropy.wcs.WCS
        The WCS, which may be set up, but is otherwise unchanged.
    shape : (int, int)
        Shape of the part, ``(ny, nx)``.
    x0, y0 : int
        First pixel of the part, in the pixels of the WCS.

    Returns
    -------
    astropy.io.fits.Header or None
        None if keywords differ from the WCS by more than 1e-6 pixel somewhere, as for distortion
        tables and for transforms that FITS does not have.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> header = header_of(WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}), (4, 5), x0=10)
    >>> header["CRPIX1"]
    -10.0
    """
    from astropy.wcs import WCS

    for candidate in _candidates(wcs, shape, x0, y0):
        if candidate is None:
            continue
        part = candidate.slice((slice(y0, None), slice(x0, None)))
        header = _exact_header(part)
        if _reproduces(WCS(header), wcs, shape, x0, y0):
            return header
    return None


def _candidates(wcs: Any, shape: tuple[int, int], x0: int, y0: int) -> Any:
    """Yield WCSs that FITS keywords may represent, exact ones first."""
    from astropy.wcs import WCS

    if isinstance(wcs, WCS):
        yield wcs
    elif is_gwcs(wcs):
        yield _tangent(wcs, shape, x0, y0)
        yield _polynomial(wcs, shape, x0, y0)


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


def _points(shape: tuple[int, int], x0: int, y0: int) -> tuple[np.ndarray, np.ndarray]:
    """Return evenly spread points of a part of a grid, including its borders."""
    ny, nx = shape
    x = np.linspace(x0 - 0.5, x0 + nx - 0.5, _POINTS)
    y = np.linspace(y0 - 0.5, y0 + ny - 0.5, _POINTS)
    xs, ys = np.meshgrid(x, y)
    return xs.ravel(), ys.ravel()


def _reproduces(found: Any, wcs: Any, shape: tuple[int, int], x0: int, y0: int) -> bool:
    """Tell whether pixels return to their places through the WCS and back through the keywords."""
    x, y = _points(shape, x0, y0)
    try:
        back_x, back_y = transform(wcs, found)(x, y)
    except (
        Exception
    ):  # A WCS may raise any error outside of its domain: then there are no keywords.
        return False
    known = np.isfinite(pixel_to_world(wcs, x, y)).all(axis=0)
    if not known.any():
        return False
    error = np.hypot(back_x + x0 - x, back_y + y0 - y)[known]
    return bool(np.isfinite(error).all() and error.max() < TOLERANCE)


def _tangent(wcs: Any, shape: tuple[int, int], x0: int, y0: int) -> Any:
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
    x, y = _points(shape, x0, y0)
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


def _polynomial(wcs: Any, shape: tuple[int, int], x0: int, y0: int) -> Any:
    """Return the SIP approximation of a gwcs; None if gwcs cannot make one."""
    from astropy.wcs import WCS

    ny, nx = shape
    box = ((x0 - 0.5, x0 + nx - 0.5), (y0 - 0.5, y0 + ny - 0.5))
    try:
        header = wcs.to_fits_sip(
            bounding_box=box, max_pix_error=TOLERANCE / 10, max_inv_pix_error=None
        )
        return WCS(header)
    except Exception:  # Any failure means that there are no keywords.
        return None
