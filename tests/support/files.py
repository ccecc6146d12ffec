"""Small files in the layouts of the missions, written with astropy and asdf."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import asdf
import numpy as np
from astropy.io import fits
from astropy.time import Time

from .wcs import make_gwcs, make_sip

SHAPE = (12, 16)
NY, NX = SHAPE


def planes(seed: int = 0, shape: tuple[int, int] = SHAPE) -> dict[str, np.ndarray]:
    """Return the arrays of an exposure; ``err`` is the root of the sum of its variances."""
    rng = np.random.default_rng(seed)
    made = {
        "data": rng.normal(1.0, 0.1, shape),
        "var_poisson": rng.uniform(1e-3, 2e-3, shape),
        "var_rnoise": rng.uniform(2e-3, 3e-3, shape),
        "var_flat": rng.uniform(1e-4, 2e-4, shape),
    }
    made["err"] = np.sqrt(made["var_poisson"] + made["var_rnoise"] + made["var_flat"])
    single = {name: array.astype(np.float32) for name, array in made.items()}
    return {**single, "dq": rng.choice([0, 0, 1, 512, 1 << 31], shape).astype(np.uint32)}


def asdf_bytes(tree: dict[str, Any]) -> bytes:
    """Return a tree as the bytes of an ASDF file."""
    buffer = io.BytesIO()
    asdf.AsdfFile(tree).write_to(buffer, all_array_storage="inline")
    return buffer.getvalue()


def asdf_table(content: bytes) -> fits.BinTableHDU:
    """Return the table extension of a FITS file that holds an ASDF file."""
    array = np.frombuffer(content, np.uint8)[np.newaxis]
    column = fits.Column("ASDF_METADATA", f"{array.shape[1]}B", array=array)
    return fits.BinTableHDU.from_columns([column], name="ASDF")


PRIMARY = {
    "TELESCOP": "JWST", "PROGRAM": "04242", "OBSERVTN": "001", "VISIT": "002", "VISITGRP": "03",
    "SEQ_ID": "1", "ACT_ID": "0A", "EXPOSURE": "00005", "EFFEXPTM": 622.5, "TMEASURE": 536.5,
    "DURATION": 633.25, "EXPSTART": 60431.5, "EXPEND": 60431.75, "BKGLEVEL": 1.25, "BKGSUB": False,
}  # fmt: skip


def jwst(
    path: Path,
    *,
    with_gwcs: bool = True,
    meta: dict[str, Any] | None = None,
    seed: int = 0,
    leave_out: tuple[str, ...] = (),
) -> dict[str, np.ndarray]:
    """Write a ``_cal.fits`` and return its planes."""
    arrays = planes(seed)
    primary = fits.PrimaryHDU()
    primary.header.update(PRIMARY)
    header = fits.Header({"BUNIT": "MJy/sr", "PIXAR_SR": 9.5e-14})
    sip = make_sip(SHAPE)
    header.extend(sip.to_header(relax=True).cards)
    hdus = [primary, fits.ImageHDU(arrays["data"], header, name="SCI")]
    for name in ("ERR", "DQ", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT"):
        hdus.append(fits.ImageHDU(arrays[name.lower()], name=name))
    hdus.insert(4, fits.ImageHDU(np.ones(SHAPE, np.float32), name="AREA"))
    if with_gwcs:
        tree = {"meta": {"telescope": "JWST", "wcs": make_gwcs(SHAPE), **(meta or {})}}
        content = asdf_bytes(tree)
        # As in real files, an array of the tree refers to an extension.
        reference = (
            b"data: !core/ndarray-1.1.0\n  source: fits:SCI,1\n  datatype: float32\n"
            b"  byteorder: big\n  shape: [12, 16]\nmeta:"
        )
        hdus.append(asdf_table(content.replace(b"meta:", reference, 1)))
    fits.HDUList([hdu for hdu in hdus if hdu.name not in leave_out]).writeto(path)
    return arrays


def roman(
    path: Path,
    *,
    leave_out: tuple[str, ...] = (),
    meta: dict[str, Any] | None = None,
    compression: str | None = "zlib",
    units: bool = False,
) -> dict[str, np.ndarray]:
    """Write a ``_cal.asdf`` and return its planes in the types of the file."""
    arrays = planes(3)
    half = ("err", "var_poisson", "var_rnoise", "var_flat")
    stored = {n: a.astype(np.float16) if n in half else a for n, a in arrays.items()}
    tree: dict[str, Any] = {n: a for n, a in stored.items() if n not in leave_out}
    if units:
        from astropy import units as u

        tree["data"] = u.Quantity(tree["data"], "DN / s", dtype=np.float32)
    tree["chisq"] = stored["err"]
    tree["meta"] = {
        "wcs": make_gwcs(SHAPE),
        "exposure": {
            "start_time": Time("2027-06-01T00:00:00"), "end_time": Time("2027-06-01T12:00:00"),
            "exposure_time": 139.5, "effective_exposure_time": 138.5,
        },
        "observation": {"observation_id": "0001"},
        "photometry": {"pixel_area": -999999},
        "background": {"level": 0.25, "subtracted": True},
        **(meta or {}),
    }  # fmt: skip
    options = {"all_array_compression": compression} if compression else {}
    asdf.AsdfFile({"roman": tree}).write_to(path, **options)
    return stored


def hst(path: Path, *, units: str = "ELECTRONS", chips: int = 2) -> list[dict[str, np.ndarray]]:
    """Write an ``_flc.fits`` of WFC3/UVIS with look-up tables, and return the planes per chip."""
    primary = fits.PrimaryHDU()
    primary.header.update(
        {"TELESCOP": "HST", "INSTRUME": "WFC3", "DETECTOR": "UVIS", "ROOTNAME": "ib4606c5q",
         "EXPTIME": 50.0, "EXPSTART": 55611.0, "EXPEND": 55611.5}
    )  # fmt: skip
    hdus: list[Any] = [primary]
    made = []
    for version in range(1, chips + 1):
        arrays = planes(version)
        header = make_sip(SHAPE).to_header(relax=True)
        header.update({"BUNIT": units, "IDCSCALE": 0.1, "MDRIZSKY": 5.0})
        for axis in (1, 2):
            header[f"CPDIS{axis}"] = "LOOKUP"
            header[f"DP{axis}"] = f"EXTVER: {2 * version - 2 + axis}"
            header[f"DP{axis}.EXTVER"] = 2 * version - 2 + axis
            header[f"DP{axis}.NAXES"] = 2
            header[f"DP{axis}.AXIS.1"], header[f"DP{axis}.AXIS.2"] = 1, 2
        dq = np.where(arrays["dq"] > 512, -32768, arrays["dq"].astype(np.int32)).astype(np.int16)
        hdus += [
            fits.ImageHDU(arrays["data"], header, name="SCI", ver=version),
            fits.ImageHDU(arrays["err"], name="ERR", ver=version),
            fits.ImageHDU(dq, name="DQ", ver=version),
        ]
        made.append(arrays)
    tables = []
    for version in range(1, 2 * chips + 1):
        array = np.random.default_rng(version).normal(0, 0.02, (4, 4)).astype(np.float32)
        table = fits.ImageHDU(array, name="WCSDVARR", ver=version)
        table.header.update(
            {
                "CRPIX1": 1.0,
                "CRPIX2": 1.0,
                "CRVAL1": 1.0,
                "CRVAL2": 1.0,
                "CDELT1": 5.0,
                "CDELT2": 4.0,
            }
        )
        tables.append(table)
    # Readers must find the tables by EXTVER, so their order is reversed.
    fits.HDUList([*hdus, *reversed(tables)]).writeto(path)
    return made


def image(path: Path, *, names: tuple[str, ...] = ("",), extra: tuple[Any, ...] = ()) -> np.ndarray:
    """Write equal images of an unknown origin, each with a WCS, and return their pixels."""
    array = planes(5)["data"]
    header = make_sip(SHAPE).to_header(relax=True)
    header.update({"EXPTIME": 90.0, "MJD-OBS": 56618.25, "BUNIT": "adu"})
    if names == ("",):
        hdus = [fits.PrimaryHDU(array, header), *extra]
    else:
        hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(array, header, name=n) for n in names), *extra]
    fits.HDUList(hdus).writeto(path)
    return array
