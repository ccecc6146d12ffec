"""The commands: each takes the parsed arguments."""

from __future__ import annotations

import argparse
import glob
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from xresample import arguments as check
from xresample.datamodel.exposure import wcs_of
from xresample.datamodel.grid import Grid, fit_wcs
from xresample.datamodel.mosaic import described, is_mosaic
from xresample.errors import FileError, InvalidInputError
from xresample.io.backend import open_exposures
from xresample.io.fits_writer import to_fits
from xresample.io.other_sources import is_remote
from xresample.io.replace import new_file, require_new
from xresample.mosaics.coadd import coadd as coadd_exposures
from xresample.mosaics.inspect import footprint
from xresample.progress import has_bars
from xresample.tiled.plan import plan as plan_mosaic
from xresample.tiled.zarr_store import coadd_to_zarr

from .completion import script
from .parser import READER_OPTIONS, build_parser, options_of

Writer = Callable[[xr.Dataset, Path, bool], None]


def coadd(given: argparse.Namespace) -> None:
    """Co-add exposures and write the mosaic."""
    output, kind = given.output, _format_of(check.path("output", given.output))
    if is_remote(output) and kind != "zarr":
        raise InvalidInputError(
            f"output must be a local file, or a URL that ends with .zarr, got {output!r}"
        )
    exposures = _exposures(given)
    grid, options = _grid(given, exposures), options_of(given)
    chunks = given.chunks
    if given.dry_run:
        print(plan_mosaic(exposures, grid, chunks=chunks or "auto", **options))
        return
    shown = sys.stderr.isatty() and has_bars() if given.progress is None else given.progress
    how = {"threads": given.threads, **options}
    if kind == "zarr":
        coadd_to_zarr(
            exposures, grid, os.path.expanduser(output), chunks=chunks or "auto",
            overwrite=given.overwrite, progress=shown, **how,
        )  # fmt: skip
    else:
        path = Path(output).expanduser()
        require_new(path, given.overwrite)
        _require_no_input(path, given)
        progress = {} if chunks is not None else {"progress": shown}
        mosaic = coadd_exposures(exposures, grid, chunks=chunks, **progress, **how)
        _WRITERS[kind](mosaic, path, given.overwrite)
    print(output)


def plan(given: argparse.Namespace) -> None:
    """Print the plan of a mosaic."""
    exposures = _exposures(given)
    chunks = given.chunks or "auto"
    grid = _grid(given, exposures)
    print(plan_mosaic(exposures, grid, chunks=chunks, threads=given.threads, **options_of(given)))


def info(given: argparse.Namespace) -> None:
    """Print one line per exposure or mosaic."""
    for path, dataset in _opened(given):
        print(f"{path}: {_described(dataset)}")


def warm_up(_: argparse.Namespace) -> None:
    """Compile all kernels."""
    from xresample.accumulate.warm_up import warm_up as compile_all

    compile_all()


def completion(given: argparse.Namespace) -> None:
    """Print the script by which a shell completes the command line."""
    print(script(build_parser(), given.shell), end="")


def _exposures(given: argparse.Namespace) -> list[xr.Dataset]:
    return [dataset for _, dataset in _opened(given)]


def _opened(given: argparse.Namespace) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield the Datasets of all files, lazily opened."""
    where = {name: getattr(given, name) for name in (*READER_OPTIONS, "group")}
    options = {name: value for name, value in where.items() if value is not None}
    for path in _paths(given.files):
        if path.endswith((".nc", ".nc4")):
            yield path, xr.open_dataset(path)
        elif path.rstrip("/").endswith(".zarr"):
            yield path, xr.open_zarr(path, consolidated=False)
        else:
            for dataset in open_exposures(path, **options):
                yield path, dataset


def _paths(given: list[str]) -> list[str]:
    """Return the files that names and patterns stand for."""
    found = []
    for name in given:
        is_pattern = not is_remote(name) and glob.has_magic(name) and not Path(name).exists()
        matches = sorted(glob.glob(name)) if is_pattern else [name]
        if not matches:
            raise FileError(f"No file matches {name!r}")
        found += matches
    return found


def _require_no_input(output: Path, given: argparse.Namespace) -> None:
    """Raise an `InvalidInputError` if the mosaic would replace a file that it is made from."""
    companions = [getattr(given, name) for name in READER_OPTIONS]
    # A companion may be the name of an extension, or of a file with an extension in brackets.
    names = [*_paths(given.files), *(name.partition("[")[0] for name in companions if name)]
    inputs = (Path(name) for name in names if not is_remote(name))
    if output.exists() and any(path.exists() and path.samefile(output) for path in inputs):
        raise InvalidInputError(
            f"output must be another file than the exposures, got {str(output)!r}, which "
            "--overwrite would delete"
        )


def _grid(given: argparse.Namespace, exposures: list[xr.Dataset]) -> Any:
    """Return the grid in a file, or else a grid that covers the exposures."""
    if given.grid is not None:
        file = argparse.Namespace(files=[given.grid], group=None, **dict.fromkeys(READER_OPTIONS))
        return _exposures(file)[0]
    named = options_of(given)
    scales = {k: named[k] for k in ("pixel_scale", "pixel_scale_ratio") if named.get(k) is not None}
    return fit_wcs(exposures, rotation=given.rotation, margin=given.margin, **scales)


def _format_of(path: str) -> str:
    name = Path(path).name.lower()
    for kind, suffixes in _SUFFIXES.items():
        if name.endswith(suffixes):
            return kind
    known = ", ".join(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
    raise InvalidInputError(f"output must end with one of {known}, got {Path(path).name!r}")


def _write_netcdf(mosaic: xr.Dataset, path: Path, overwrite: bool) -> None:
    with new_file(path, overwrite) as fresh:
        mosaic.to_netcdf(fresh)


def _write_fits(mosaic: xr.Dataset, path: Path, overwrite: bool) -> None:
    to_fits(mosaic, path, overwrite)


_SUFFIXES = {"netcdf": (".nc", ".nc4"), "fits": (".fits", ".fits.gz"), "zarr": (".zarr",)}
_WRITERS: dict[str, Writer] = {"netcdf": _write_netcdf, "fits": _write_fits}


def _described(dataset: xr.Dataset) -> str:
    """Return shape, units, position and scale of an exposure or a mosaic."""
    if not {"y", "x"} <= set(dataset.sizes):
        raise InvalidInputError(
            f"The file must hold an exposure or a mosaic, got dimensions {tuple(dataset.sizes)}"
        )
    if "data" not in dataset:
        raise InvalidInputError(
            f"The file must hold an exposure or a mosaic, got {described(dataset)}"
        )
    kind = "exposure"
    if is_mosaic(dataset):
        kind = f"mosaic of {dataset.sizes.get('exposure', 0)} exposures"
    parts = [f"{kind}, {dataset.sizes['y']} x {dataset.sizes['x']} pixels"]
    if wcs_of(dataset) is not None:
        corners = footprint(dataset)
        grid = Grid.of(dataset)
        scale = "" if grid.pixel_scale is None else f"{grid.pixel_scale:.4g} arcsec per pixel, "
        ra, dec = corners.mean(axis=0)
        parts.append(f"{scale}around {ra:.5f} {dec:+.5f}")
    if units := dataset["data"].attrs.get("units"):
        parts.append(str(units))
    if (time := dataset.attrs.get("exposure_time")) is not None:
        parts.append(f"{float(time):g} s")
    parts.append("variables " + " ".join(map(str, dataset.data_vars)))
    return ", ".join(parts)
