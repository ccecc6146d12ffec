"""Time the way from JWST-like FITS files to a mosaic file: ``python -m tests.benchmarks.files``.

Each run is a new process that does the job several times, so that the first time in a process and
later times are told apart. Runs of xresample and of stcal alternate. ``--cold`` drops the files
from the page cache of the system before each run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Stages = dict[str, tuple[float, float]]
"""Wall and CPU seconds of each stage of a job."""

OUTPUTS = {"netCDF": "mosaic.nc", "FITS": "mosaic.fits"}


def main() -> None:
    """Write the files, run the job, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048, help="pixels per side of an exposure")
    parser.add_argument("--count", type=int, default=8, help="number of files")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of processes")
    parser.add_argument("--times", type=int, default=2, help="how often a process does the job")
    parser.add_argument("--cold", action="store_true", help="empty the page cache of the files")
    parser.add_argument("--folder", type=Path, help="where to write the files (default: temporary)")
    parser.add_argument("--run", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--output", choices=OUTPUTS, default="netCDF", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        folder = given.folder
        runs = [JOBS[given.run](folder, given.size, given.output) for _ in range(given.times)]
        print(json.dumps(runs))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        write_files(Path(name), given.size, given.count)
        compare(Path(name), given)


def write_files(folder: Path, size: int, count: int) -> None:
    """Write files in the layout of JWST, with a gwcs of degree 5."""
    from astropy.io import fits

    from tests.support.files import PRIMARY, asdf_bytes, asdf_table

    from .campaign import Campaign

    campaign = Campaign(size, round(1.2 * size), count)
    for k in range(count):
        arrays = campaign.arrays(k)
        primary = fits.PrimaryHDU()
        primary.header.update({**PRIMARY, "EXPOSURE": f"{k:05}", "BKGSUB": True, "BKGLEVEL": 0.0})
        header = fits.Header({"BUNIT": "MJy/sr", "PIXAR_SR": 9.5e-14})
        hdus = [primary, fits.ImageHDU(arrays["data"], header, name="SCI")]
        for name in ("err", "dq", "var_poisson", "var_rnoise", "var_flat"):
            hdus.append(fits.ImageHDU(arrays[name], name=name.upper()))
        hdus.insert(4, fits.ImageHDU(np.ones((size, size), np.float32), name="AREA"))
        tree = {"meta": {"telescope": "JWST", "wcs": campaign.wcs(k)}}
        hdus.append(asdf_table(asdf_bytes(tree)))
        fits.HDUList(hdus).writeto(folder / f"jw{k:05}_cal.fits")


def compare(folder: Path, given: argparse.Namespace) -> None:
    """Run both packages in turn and print the seconds per exposure of every stage."""
    found: dict[tuple[str, str], list[list[Stages]]] = {}
    for output in OUTPUTS:
        for _ in range(given.pairs):
            for who in JOBS:
                runs = in_process(folder, given, who, output)
                found.setdefault((who, output), []).append(runs)
    print("| job | stage | time in the process | wall s | CPU s |")
    print("| --- | --- | --- | ---: | ---: |")
    for (who, output), processes in found.items():
        for stage in processes[0][0]:
            for when, index in {"first": 0, "again": -1}.items():
                wall, cpu = (
                    statistics.median(runs[index][stage][k] for runs in processes) / given.count
                    for k in (0, 1)
                )
                print(f"| {who} to {output} | {stage} | {when} | {wall:.3f} | {cpu:.3f} |")
    print()
    for output in OUTPUTS:
        for when, index in {"first": 0, "again": -1}.items():
            ratios = [
                theirs[index]["total"][0] / ours[index]["total"][0]
                for ours, theirs in zip(
                    found["xresample", output], found["stcal", output], strict=True
                )
            ]
            print(f"to {output}, {when}: {statistics.median(ratios):.1f} times as fast")


def in_process(folder: Path, given: argparse.Namespace, who: str, output: str) -> list[Stages]:
    """Run a job in a new process, and return the times of its stages, for each time."""
    if given.cold:
        for path in folder.glob("jw*.fits"):
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    command = [sys.executable, "-m", "tests.benchmarks.files", "--run", who, "--output", output]
    command += ["--folder", str(folder), "--size", str(given.size), "--times", str(given.times)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextmanager
def stage(stages: Stages, name: str) -> Iterator[None]:
    """Note the wall and CPU seconds of a block under a name."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    stages[name] = (time.perf_counter() - wall, time.process_time() - cpu)


def ours(folder: Path, size: int, output: str) -> Stages:
    """Co-add the files with xresample."""
    stages: Stages = {}
    path = folder / f"xresample_{OUTPUTS[output]}"
    with stage(stages, "total"):
        import xresample as xrs

        with stage(stages, "open"):
            exposures = xrs.open_exposures(sorted(folder.glob("jw*.fits")))
        with stage(stages, "fit_wcs"):
            grid = xrs.fit_wcs(exposures)
        with stage(stages, "co-add"):
            mosaic = xrs.coadd(exposures, grid, compute_err="driz_err", propagate_dq=True)
        with stage(stages, "write"):
            path.unlink(missing_ok=True)
            if output == "FITS":
                mosaic.resample.to_fits(path)
            else:
                mosaic.to_netcdf(path)
    return stages


def reference(folder: Path, size: int, output: str) -> Stages:
    """Co-add the files with stcal, which interpolates its pixel map with a step of 32."""
    stages: Stages = {}
    path = folder / f"stcal_{OUTPUTS[output]}"
    with stage(stages, "total"):
        import warnings

        from stcal.resample import Resample

        paths = sorted(folder.glob("jw*.fits"))
        with stage(stages, "open"):
            wcss = [read_gwcs(p) for p in paths]
        with stage(stages, "fit_wcs"):
            from stcal.alignment.util import wcs_from_sregions

            from .campaign import CRVAL, SCALE

            corners = [wcs.footprint() for wcs in wcss]
            orientation = {"roll_ref": 0.0, "v3yangle": 0.0, "vparity": -1}
            orientation |= dict(zip(("ra_ref", "dec_ref"), CRVAL, strict=True))
            scale = SCALE / 3600
            grid = wcs_from_sregions(corners, wcss[0], orientation, pscale=scale, rotation=0.0)
        with stage(stages, "co-add"):
            made = Resample(
                {"wcs": grid}, n_input_models=len(paths), compute_err="driz_err",
                propagate_dq=True, pixmap_stepsize=32,
            )  # fmt: skip
            for k, (p, wcs) in enumerate(zip(paths, wcss, strict=True)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    made.add_model(read_model(p, wcs, k))
            made.finalize()
        with stage(stages, "write"):
            path.unlink(missing_ok=True)
            write(made.output_model, path)
    return stages


def read_gwcs(path: Path) -> Any:
    """Return the gwcs of a file."""
    import io

    import asdf
    from astropy.io import fits

    with fits.open(path) as hdus, asdf.config_context() as config:
        config.validate_on_read = False
        content = io.BytesIO(hdus["ASDF"].data.field(0)[0].tobytes())
        with asdf.open(content) as file:
            return file["meta"]["wcs"]


def read_model(path: Path, wcs: Any, k: int) -> dict[str, Any]:
    """Return a file as the dict that stcal takes."""
    from astropy.io import fits

    from .campaign import VARIANCES, Campaign

    native: dict[str, Any] = {}
    with fits.open(path) as hdus:
        for name in ("err", "dq", *VARIANCES):
            native[name] = np.array(hdus[name.upper()].data)
        native["data"] = np.array(hdus["SCI"].data)
    return {**native, **Campaign(8, 8).scalars(k), "wcs": wcs, "bunit_data": "MJy/sr"}


def write(planes: dict[str, Any], path: Path) -> None:
    """Write the planes of stcal to a file."""
    import xarray as xr
    from astropy.io import fits

    arrays = {name: plane for name, plane in planes.items() if getattr(plane, "ndim", 0) >= 2}
    if path.suffix == ".nc":
        dims = {2: ("y", "x"), 3: ("plane", "y", "x")}
        xr.Dataset({n: (dims[a.ndim], a) for n, a in arrays.items()}).to_netcdf(path)
        return
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(a, name=n.upper()) for n, a in arrays.items())]
    fits.HDUList(hdus).writeto(path)


JOBS: dict[str, Callable[[Path, int, str], Stages]] = {"xresample": ours, "stcal": reference}


if __name__ == "__main__":
    main()
