"""Representations of exposures, mosaics and the accessor: short, and without raw text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from xarray.core import formatting

import xresample as xrs
from tests.support import files
from tests.support.exposures import make_exposures, output_grid
from tests.support.wcs import make_grid
from xresample.accessor import formatting as own_formatting
from xresample.accessor.overview import METHODS
from xresample.wcs.summary import summary

SHAPE = (16, 20)


def representations(dataset: xr.Dataset) -> dict[str, str]:
    """Return every representation of a Dataset and of the coordinate with the WCS."""
    return {
        "text": repr(dataset),
        "html": dataset._repr_html_(),
        "coordinate": repr(dataset["wcs"]),
        "coordinate as html": dataset["wcs"]._repr_html_(),
        "variable": repr(dataset["wcs"].variable),
    }


def assert_no_raw_text(dataset: xr.Dataset) -> None:
    """Fail if a representation shows ASDF text; "as ASDF text" describes the coordinate."""
    for kind, text in representations(dataset).items():
        assert "#ASDF" not in text, kind
        assert "%YAML" not in text, kind


@pytest.fixture(scope="module")
def mosaic() -> xr.Dataset:
    """Return a mosaic of two exposures."""
    return xrs.coadd(make_exposures(2, SHAPE), make_grid((24, 30)))


def test_a_wcs_is_shown_by_its_summary(mosaic: xr.Dataset) -> None:
    line = summary(str(mosaic["wcs"].values))
    assert line == "gwcs TAN, 0.1 arcsec, 150.0000 +2.0000, 24 x 30"
    found = representations(mosaic)
    assert line in found["coordinate"]
    assert line in found["coordinate as html"]
    assert line in found["html"]
    assert line[:20] in found["text"]
    assert_no_raw_text(mosaic)


def test_exposures_and_stacks_show_summaries() -> None:
    exposures = make_exposures(3, SHAPE)
    assert "gwcs TAN" in repr(exposures[0])
    stack = xrs.concat(exposures)
    assert "3 WCSs, first: gwcs TAN" in repr(stack["wcs"])
    for dataset in (*exposures, stack, xrs.empty_mosaic(output_grid(SHAPE))):
        assert_no_raw_text(dataset)


@pytest.mark.parametrize("loaded", [False, True])
def test_files_show_summaries(tmp_path: Path, mosaic: xr.Dataset, loaded: bool) -> None:
    """The stored text does not change, and neither file shows it, loaded or not."""
    mosaic.to_netcdf(tmp_path / "a.nc")
    mosaic.to_zarr(tmp_path / "a.zarr", consolidated=False)
    stored = xr.open_zarr(tmp_path / "a.zarr", consolidated=False)
    with xr.open_dataset(tmp_path / "a.nc") as netcdf, stored as zarr:
        for opened in (netcdf, zarr):
            dataset = opened.load() if loaded else opened
            assert_no_raw_text(dataset)
            assert str(dataset["wcs"].values) == str(mosaic["wcs"].values)
            assert_no_raw_text(dataset)


def test_exposures_in_files_show_summaries(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a_cal.fits")
    files.image(tmp_path / "b.fits")
    files.roman(tmp_path / "c_cal.asdf")
    for name, start in (("a_cal.fits", "gwcs"), ("b.fits", "TAN"), ("c_cal.asdf", "gwcs")):
        exposure = xr.open_dataset(tmp_path / name, engine="xresample")
        assert start in repr(exposure["wcs"])
        assert_no_raw_text(exposure)


def test_a_representation_never_fails(tmp_path: Path) -> None:
    """A removed file and a damaged text have representations, too."""
    files.image(tmp_path / "b.fits")
    exposure = xr.open_dataset(tmp_path / "b.fits", engine="xresample")
    (tmp_path / "b.fits").unlink()
    assert "wcs" in repr(exposure)
    assert "ASDF text of" in repr(xr.Dataset(coords={"wcs": "#ASDF 1.0.0\nno tree"}))


def test_other_text_is_shown_as_xarray_shows_it() -> None:
    for data in (["a", "b"], np.array(["a", 1.5], object), [1.0, 2.0], []):
        variable = xr.Variable("x", data)
        assert own_formatting.wcs_line(variable) is None
    assert "'a' 'b'" in repr(xr.Dataset({"a": ("x", ["a", "b"])}))
    assert own_formatting.wcs_line(xr.Variable("x", [1.0]).chunk()) is None


def test_the_functions_of_xarray_are_wrapped_once() -> None:
    before = formatting.inline_variable_array_repr
    own_formatting.register()
    assert formatting.inline_variable_array_repr is before


def test_a_function_that_xarray_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the private functions of xarray, xarray makes the representations."""
    monkeypatch.delattr(formatting, "short_data_repr")
    own_formatting.register()
    assert not hasattr(formatting, "short_data_repr")


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({}, "TAN, 0.36 arcsec, 10.0000 -5.0000 (fk5), 40 x 50"),
        ({"RADESYS": "ICRS"}, "TAN, 0.36 arcsec, 10.0000 -5.0000, 40 x 50"),
        (
            {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CDELT1": -0.1, "CDELT2": 0.1}
            | {"CRVAL2": 0.0},
            "CAR, 6 arcmin, 10.0000 +0.0000 (galactic), 40 x 50",
        ),
    ],
)
def test_summaries_name_frame_and_scale(cards: dict[str, object], expected: str) -> None:
    from astropy.wcs import WCS

    wcs = WCS(
        {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -5.0,
            "CRPIX1": 25.5, "CRPIX2": 20.5, "CDELT1": -1e-4, "CDELT2": 1e-4, "RADESYS": "FK5",
            "NAXIS": 2, "NAXIS1": 50, "NAXIS2": 40, **cards,
        }
    )  # fmt: skip
    exposure = xrs.make_exposure(np.zeros((40, 50)), wcs)
    assert summary(str(exposure["wcs"].values)) == expected


def test_hundreds_of_exposures_do_not_flood_a_representation() -> None:
    exposures = [
        xrs.make_exposure(np.ones((2, 3)), filename=f"exposure_{k:03d}.fits", group_id=f"g{k}")
        for k in range(300)
    ]
    where = np.stack(np.meshgrid(np.arange(3.0), np.arange(2.0)), axis=-1)
    mosaic = xrs.empty_mosaic((2, 3), weight_type=None)
    for exposure in exposures:
        mosaic = mosaic.resample.add(exposure, pixmap=where)
    lines = repr(mosaic).splitlines()
    assert len(lines) < 50
    assert max(map(len, lines)) <= xr.get_options()["display_width"]
    html = mosaic._repr_html_()
    for section in ("Coordinates", "Attributes"):
        title = html.index(f">{section}:")
        # The input before the title of a section is checked if the section is open.
        assert "checked" not in html[html.rindex("<input", 0, title) : title]


def test_unknown_times_are_absent(tmp_path: Path) -> None:
    """Files write 0 for unknown dates, and an exposure without times has none."""
    from astropy.io import fits

    files.image(tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits", mode="update") as hdus:
        hdus[0].header.update({"MJD-OBS": 0.0, "MJD-END": 0.0})
    exposure = xr.open_dataset(tmp_path / "b.fits", engine="xresample")
    assert not exposure.attrs.keys() & {"start_time", "end_time"}
    mosaic = exposure.resample.onto(exposure, weight_type=None)
    assert not mosaic.attrs.keys() & {"start_time", "end_time", "duration"}
    assert np.isnan(mosaic["start_time"]).all()


def test_the_accessor_lists_each_method_once(mosaic: xr.Dataset) -> None:
    public = [name for name in dir(type(mosaic.resample)) if not name.startswith("_")]
    listed = [name for names in METHODS.values() for name in names]
    assert sorted(listed) == public
    for text in (repr(mosaic.resample), mosaic.resample._repr_html_()):
        assert all(name in text for name in public)
        assert "mosaic of 2 exposures, 24 x 30 pixels" in text
    assert max(map(len, repr(mosaic.resample).splitlines())) <= 100


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (xrs.make_exposure(np.zeros((4, 5))), "exposure, 4 x 5 pixels"),
        (xrs.concat(make_exposures(3, SHAPE)), "stack of 3 exposures, 16 x 20 pixels"),
        (xr.Dataset({"data": (("group", "y", "x"), np.zeros((2, 4, 5)))}), "stack of 2 groups"),
        (xr.Dataset({"flux": ("time", np.zeros(2))}), "Dataset that is no exposure"),
    ],
)
def test_the_accessor_says_what_the_dataset_is(dataset: xr.Dataset, expected: str) -> None:
    assert repr(dataset.resample).startswith(f"<xresample: {expected}")


def test_completion_proposes_public_names_only() -> None:
    assert dir(xrs) == sorted(["__version__", *xrs.__all__])
    assert sorted([*xrs._HOMES, *xrs._MODULES]) == sorted(xrs.__all__)
