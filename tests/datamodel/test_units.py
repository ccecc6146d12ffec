"""Units that are written in different ways."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import shifted_map
from xresample.datamodel.units import factor_between, parsed, same_units, units_text

SHAPE = (9, 9)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("MJy/sr", "MJy sr-1"),
        ("MJy/sr", "MJy / sr"),
        ("MJy/sr", "1e6 Jy/sr"),
        ("electron/s", "electron s-1"),
        ("electron/s", "ELECTRONS/S"),
        ("electrons", "electron"),
        ("DN/s", "DN s-1"),
        ("DN/s", "DN.s**-1"),
        ("counts/s", "count s^-1"),
        ("erg/s/cm2/Angstrom", "erg / (Angstrom s cm2)"),
        ("furlong", "furlong"),
    ],
)
def test_equal_units_in_different_spellings(a: str, b: str) -> None:
    assert same_units(a, b)
    assert same_units(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [("Jy", "mJy"), ("MJy", "mJy"), ("electron/s", "ct/s"), ("DN", "DN/s"), ("a b", "c")],
)
def test_different_units(a: str, b: str) -> None:
    assert not same_units(a, b)


def test_unknown_units_have_no_factor() -> None:
    assert parsed("no such unit") is None
    assert factor_between("Jy", "no such unit") is None
    assert factor_between("Jy", "m") is None
    assert factor_between("no such unit", "no such unit") == 1.0
    assert factor_between(u.mJy**2, "Jy", 2) == pytest.approx(1e-6)
    assert units_text(u.Jy / u.s) == "Jy / s"


def exposure(units: Any) -> Any:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cdelt, wcs.array_shape = ["RA---TAN", "DEC--TAN"], [-1e-5, 1e-5], SHAPE
    return xrs.make_exposure(np.ones(SHAPE), wcs, units=units, filename=str(units))


def test_exposures_and_mosaics_with_equal_units_combine() -> None:
    first, second, third = exposure("MJy/sr"), exposure("MJy sr-1"), exposure(u.MJy / u.sr)
    assert third["data"].attrs["units"] == "MJy / sr"
    options: dict[str, Any] = {"weight_type": None}
    mosaic = xrs.coadd([first, second, third], first, **options)
    assert mosaic["data"].attrs["units"] == "MJy/sr"
    merged = first.resample.onto(first, **options).resample.merge(
        second.resample.onto(first, **options)
    )
    np.testing.assert_array_equal(merged["wht"], 2.0)
    with pytest.raises(xrs.InvalidInputError, match="'MJy/sr', got 'Jy'"):
        mosaic.resample.add(exposure("Jy"))
    with pytest.raises(xrs.GridMismatchError, match="the same units"):
        mosaic.resample.merge(exposure("Jy").resample.onto(first, **options))


def test_a_pixel_map_may_be_a_quantity_in_pixels_or_masked() -> None:
    start = xrs.empty_mosaic((12, 12), weight_type=None)
    plain = exposure("Jy").drop_vars("wcs")
    pixmap = shifted_map(SHAPE, 1.0, 1.0)
    expected = start.resample.add(plain, pixmap=pixmap)
    got = start.resample.add(plain, pixmap=pixmap * u.pix)
    np.testing.assert_array_equal(got["wht"], expected["wht"])
    hidden = np.zeros(pixmap.shape, bool)
    hidden[4, 4] = True
    masked = start.resample.add(plain, pixmap=np.ma.array(pixmap, mask=hidden))
    assert masked["wht"].values.sum() == pytest.approx(expected["wht"].values.sum() - 1.0)
    with pytest.raises(xrs.InvalidInputError, match="pixmap must have no units, or pix, got 'deg'"):
        start.resample.add(plain, pixmap=pixmap * u.deg)
