"""The tutorial sets: offline, equal on every call, with the features that the pages show."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from xresample.io.mission_flags import JWST

DATA = Path(xrs.__file__).parent / "tutorial" / "data"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("expected no network connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def simulated(**options) -> list[xr.Dataset]:
    return xrs.tutorial.open_exposures("jwst", **{"count": 3, "size": 60, **options})


def test_the_module_is_imported_on_first_use() -> None:
    script = "import sys, xresample as xrs; assert 'xresample.tutorial' not in sys.modules; "
    script += "assert 'tutorial' in dir(xrs); xrs.tutorial.open_exposures"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_files_are_small_and_their_origin_is_stated() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 3e6
    text = (DATA / "README.md").read_text(encoding="utf-8")
    assert "public domain" in " ".join(text.split())
    assert [path.name for path in DATA.glob("*.fits*") if path.name not in text] == []


def test_the_real_exposure_has_flags_errors_and_the_distortion() -> None:
    (real,) = xrs.tutorial.open_exposures("hst")
    assert real.sizes == {"y": 384, "x": 384}
    assert real["data"].attrs["units"] == "electron/s"
    assert (real["err"] > 0).all()
    assert (real["dq"] != 0).any()
    wcs = real.resample.wcs
    assert wcs.sip.a_order == 4
    # The target of the observation is near the middle of the detector, which is pixel (511, 511).
    assert wcs.all_pix2world(191, 191, 0) == pytest.approx((6.0271483, -72.0835111), abs=1e-6)


def without_identity(exposure: xr.Dataset) -> xr.Dataset:
    """Return an exposure without its identity, which is new for every exposure."""
    facts = {name: value for name, value in exposure.attrs.items() if name != "exposure"}
    return exposure.drop_vars("exposure").drop_attrs(deep=False).assign_attrs(facts)


def test_equal_arguments_give_equal_exposures() -> None:
    for one, other in zip(simulated(), simulated(), strict=True):
        xr.testing.assert_identical(without_identity(one), without_identity(other))
    assert not simulated(seed=2)[0]["data"].equals(simulated()[0]["data"])


def test_more_exposures_do_not_change_the_first() -> None:
    more, fewer = simulated(count=4)[1], simulated()[1]
    xr.testing.assert_identical(without_identity(more), without_identity(fewer))


def test_simulated_exposures_are_dithered_rotated_and_distorted() -> None:
    exposures = simulated(count=2)
    grid = xrs.fit_wcs(exposures, pixel_scale=0.063, rotation=0)
    first, second = (exposure.resample.pixmap(grid).values for exposure in exposures)
    assert np.hypot(*(second[30, 30] - first[30, 30])) > 0.5
    turns = [np.angle(complex(*(pixmap[30, 31] - pixmap[30, 30]))) for pixmap in (first, second)]
    assert 1 < abs(np.degrees(turns[1] - turns[0])) < 8
    bend = first[0] - np.linspace(first[0, 0], first[0, -1], 60)
    assert np.abs(bend).max() > 0.03


def test_raw_exposures_have_unflagged_cosmic_rays_and_unknown_skies() -> None:
    for raw, prepared in zip(simulated(), simulated(prepared=True), strict=True):
        np.testing.assert_array_equal(raw["data"], prepared["data"])
        assert "level" not in raw.attrs
        rays = (prepared["dq"] & JWST["OUTLIER"]) != 0
        assert rays.any()
        assert (raw["dq"] & JWST["OUTLIER"] == 0).all()
        assert (np.isnan(raw["data"]) == (raw["dq"] & JWST["DEAD"] != 0)).all()
        sky = float(np.nanmedian(raw["data"]))
        assert prepared.attrs["level"] == pytest.approx(sky, abs=0.04)
    levels = [exposure.attrs["level"] for exposure in simulated(prepared=True)]
    assert np.ptp(levels) > 0.02


def test_the_mosaic_agrees_with_the_skies_that_were_simulated() -> None:
    """match_sky finds the differences of the levels, and flag_outliers most cosmic rays."""
    raw = simulated(count=5, size=120)
    prepared = simulated(count=5, size=120, prepared=True)
    grid = xrs.fit_wcs(raw)
    matched = xrs.match_sky(raw, grid)
    true = np.array([exposure.attrs["level"] for exposure in prepared])
    found = matched.report["level"].values
    np.testing.assert_allclose(found - found.mean(), true - true.mean(), atol=0.005)
    flagged = xrs.flag_outliers(matched, grid)
    rays = [(exposure["dq"] & JWST["OUTLIER"]).values != 0 for exposure in prepared]
    hits = [((exposure["dq"] & JWST["OUTLIER"]).values != 0) for exposure in flagged]
    shares = [float(hit[ray].mean()) for hit, ray in zip(hits, rays, strict=True)]
    assert min(shares) > 0.6


def test_filters_show_the_same_sources_in_other_colours() -> None:
    short, long = (simulated(filter=name, prepared=True, count=1)[0] for name in ("F277W", "F444W"))
    assert short.attrs["filter"] == "F277W"
    assert short.resample.wcs.bounding_box == long.resample.wcs.bounding_box
    good = (short["dq"] == 0) & (long["dq"] == 0)
    images = [np.sqrt(image["data"].clip(0.2).where(good)) for image in (short, long)]
    assert float(xr.corr(*images)) > 0.7
    assert float(abs(images[0] - images[1]).max()) > 0.1


def test_a_large_dither_spreads_the_exposures() -> None:
    narrow, wide = (xrs.fit_wcs(simulated(dither=d)).array_shape for d in (0.05, 3.0))
    assert max(wide) > 3 * max(narrow)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "hubble"}, "name must be one of"),
        ({"name": "hst", "count": 3}, "'hst' is real and has no options, got count"),
        ({"name": "jwst", "count": 0}, "count must be"),
        ({"name": "jwst", "size": 8}, "size must be"),
        ({"name": "jwst", "filter": "F200W"}, "filter must be one of"),
        ({"name": "jwst", "dither": 0}, "dither must be"),
        ({"name": "jwst", "prepared": "yes"}, "prepared must be"),
    ],
)
def test_invalid_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(xrs.InvalidInputError, match=message):
        xrs.tutorial.open_exposures(**arguments)
