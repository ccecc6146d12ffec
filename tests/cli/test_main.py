"""The command line makes the mosaics of the library, and reports errors in one line."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposures
from xresample.cli.main import main
from xresample.cli.parser import build_parser, options_of

OPTIONS = ["--kernel", "turbo", "--pixfrac", "0.8", "--weight-type", "none", "--no-enable-var"]
NAMED = {"kernel": "turbo", "pixfrac": 0.8, "weight_type": None, "enable_var": False}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return three exposures in netCDF files."""
    folder = tmp_path_factory.mktemp("exposures")
    paths = []
    for k, exposure in enumerate(make_exposures(3, (20, 24))):
        paths.append(str(folder / f"exposure_{k}.nc"))
        exposure.to_netcdf(paths[-1])
    return paths


@pytest.fixture(scope="module")
def grid(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a FITS file whose image has the grid of the exposures."""
    wcs = xrs.fit_wcs([xr.open_dataset(path) for path in files])
    path = tmp_path_factory.mktemp("grid") / "grid.fits"
    header = wcs.to_header()
    fits.writeto(path, xrs.empty_mosaic(wcs)["data"].values, header)
    return str(path)


def expected(files: list[str], **options: object) -> xr.Dataset:
    """Return the mosaic that the library makes of the files."""
    exposures = [xr.open_dataset(path) for path in files]
    return xrs.coadd(exposures, xrs.fit_wcs(exposures), **{**NAMED, **options})


@pytest.mark.parametrize("chunks", [[], ["--chunks", "16"]])
def test_coadd_writes_the_mosaic_of_the_library(
    files: list[str], tmp_path: Path, chunks: list[str]
) -> None:
    """The planes have the same bits, whole or in tiles."""
    output = tmp_path / "mosaic.nc"
    assert main(["coadd", *files, "-o", str(output), *OPTIONS, *chunks]) == 0
    with xr.open_dataset(output) as mosaic:
        assert_same_bits(mosaic.load(), expected(files))


def test_coadd_writes_zarr_and_fits(files: list[str], tmp_path: Path) -> None:
    """The suffix of the output chooses the format."""
    stores = [tmp_path / "mosaic.zarr", tmp_path / "mosaic.fits"]
    for output in stores:
        assert main(["coadd", *files, "-o", str(output), *OPTIONS]) == 0
    whole = expected(files)
    mosaic = xr.open_zarr(stores[0], consolidated=False)
    for name in ("data", "wht", "con"):
        np.testing.assert_array_equal(mosaic[name].values, whole[name].values)
    with fits.open(stores[1]) as hdus:
        assert hdus["SCI"].data.tobytes() == whole["data"].values.astype(">f4").tobytes()


def test_the_grid_comes_from_a_file(files: list[str], grid: str, tmp_path: Path) -> None:
    """``--grid`` takes the grid of an image."""
    output = tmp_path / "mosaic.nc"
    assert main(["coadd", *files, "-o", str(output), "--grid", grid, *OPTIONS]) == 0
    with xr.open_dataset(output) as mosaic:
        assert dict(mosaic.sizes)["y"] == expected(files).sizes["y"]


def test_patterns_and_lists_name_files(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pattern and a file with one name per line stand for files."""
    names = tmp_path / "files.txt"
    names.write_text("\n".join(files) + "\n\n")
    pattern = str(Path(files[0]).parent / "exposure_*.nc")
    for argument in (pattern, f"@{names}"):
        assert main(["info", argument]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.partition(": ")[0] for line in lines] == files
        assert "exposure, 20 x 24 pixels" in lines[0]


def test_a_dry_run_writes_nothing(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is shown, and no mosaic appears."""
    output = tmp_path / "mosaic.nc"
    assert main(["coadd", *files, "-o", str(output), "--dry-run"]) == 0
    assert "<xresample.Plan>" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert main(["plan", *files]) == 0
    assert "exposures           3" in capsys.readouterr().out


def test_an_existing_mosaic_stays(files: list[str], tmp_path: Path) -> None:
    """Without ``--overwrite`` a file is not replaced."""
    output = tmp_path / "mosaic.nc"
    output.write_text("precious")
    assert main(["coadd", *files, "-o", str(output)]) == 1
    assert output.read_text() == "precious"
    assert main(["coadd", *files, "-o", str(output), "--overwrite", *OPTIONS]) == 0
    with xr.open_dataset(output) as mosaic:
        assert "wht" in mosaic


def test_the_exposures_are_never_replaced(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With ``--overwrite`` an exposure, its weights, or a link to one of them stays."""
    exposure, weights, link = (tmp_path / name for name in ("a.fits", "w.fits", "link.fits"))
    with xr.open_dataset(files[0]) as first:
        header = xrs.fit_wcs([first], pixel_scale=0.2).to_header()
    image = np.ones((20, 24), np.float32)
    for path in (exposure, weights):
        fits.writeto(path, image, header)
    link.symlink_to(exposure)
    for output in (exposure, weights, link):
        before = output.read_bytes()
        given = ["coadd", str(exposure), "--weight", f"{weights}[0]", "-o", str(output)]
        assert main([*given, "--overwrite"]) == 1
        assert "output must be another file" in capsys.readouterr().err
        assert output.read_bytes() == before


def test_a_file_without_an_image_has_no_description(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.nc"
    xr.Dataset({"sci": (("y", "x"), np.ones((3, 4)))}).to_netcdf(path)
    assert main(["info", str(path)]) == 1
    assert "a Dataset with variables: sci" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["none/m.nc", "none/m.fits"])
def test_a_missing_folder_is_found_before_the_work(
    files: list[str],
    output: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No mosaic is made that could not be written."""
    monkeypatch.setattr("xresample.cli.commands.coadd_exposures", None)
    assert main(["coadd", *files, "-o", str(tmp_path / output)]) == 1
    assert "must be in an existing folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "missing.fits"], "missing.fits"),
        (["info", "missing_*.fits"], "No file matches"),
        (["coadd", "FILE", "-o", "mosaic.tif"], "output must end with one of .nc"),
        (["coadd", "FILE", "-o", "m.nc", "--kernel", "sqare"], "did you mean 'square'?"),
        (["coadd", "FILE", "-o", "m.nc", "--pixfrac", "wide"], "pixfrac must be a number"),
        (["coadd", "FILE", "-o", "m.nc", "--pixfrac", "2", "--dtype", "f8"], "; pixfrac must be"),
    ],
)
def test_an_error_takes_one_line(
    files: list[str], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, and one line says what is wrong."""
    given = [files[0] if argument == "FILE" else argument for argument in arguments]
    assert main(given) == 1
    shown = capsys.readouterr().err.strip().splitlines()
    assert len(shown) == 1
    assert shown[0].startswith("xresample: error: ")
    assert message in shown[0]


def test_debug_shows_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--debug`` the traceback comes before the line."""
    assert main(["info", "missing.fits", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_every_option_can_be_given() -> None:
    """The parser has one argument per option, and no option has a default of its own."""
    parser = build_parser()
    bare = parser.parse_args(["plan", "a.fits"])
    assert options_of(bare) == {}
    words = parser.parse_args(
        ["plan", "a.fits", "--good-bits", "SATURATED+JUMP_DET", "--fillval", "nan",
         "--variance-names", "var_flat,var_rnoise", "--pixmap-order", "3", "--propagate-dq",
         "--flag-map", '{"A": 1}', "--pixel-scale", "0.05"]
    )  # fmt: skip
    options = xrs.Options(**options_of(words))
    assert options.good_bits == "SATURATED+JUMP_DET"
    assert options.variance_names == ("var_flat", "var_rnoise")
    assert options.pixmap_order == 3
    assert options.propagate_dq
    assert options.flag_map == {"A": 1}
    assert options.pixel_scale == 0.05
    plan = parser._subparsers._group_actions[0].choices["plan"]
    assert {field.name for field in fields(xrs.Options)} <= {a.dest for a in plan._actions}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("--enable-ctx-sets", {"enable_ctx": "sets"}),
        ("--no-enable-ctx", {"enable_ctx": False}),
        ("--propagate-dq-and", {"propagate_dq": "and"}),
        ("--propagate-dq", {"propagate_dq": True}),
    ],
)
def test_words_in_place_of_true_have_options_of_their_own(given, expected) -> None:
    """A word after an option could be the name of a file."""
    parsed = build_parser().parse_args(["plan", given, "a.fits"])
    assert parsed.files == ["a.fits"]
    assert options_of(parsed) == expected
    xrs.Options(**options_of(parsed))


def test_the_command_runs_in_a_process(files: list[str]) -> None:
    """``python -m xresample.cli`` ends with the exit code of the command."""
    command = [sys.executable, "-m", "xresample.cli"]
    good = subprocess.run([*command, "info", files[0]], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    assert "20 x 24 pixels" in good.stdout
    wrong = subprocess.run([*command, "coadd"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "usage: xresample coadd" in wrong.stderr
