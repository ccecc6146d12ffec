"""Co-add files of JWST, Roman, HST or other FITS images, and write the mosaic as a FITS file.

Usage: ``python examples/from_files.py [folder] [file ...]``. The script writes ``mosaic.fits`` and
``mosaic.png`` into the folder. Without file arguments it first simulates three small files there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

import xresample as xrs

SHAPE = (120, 140)
SCALE = 0.1  # arcsec per pixel
NOISE = 0.2  # adu


def make_file(path: Path, k: int) -> None:
    """Write a small image of a few stars, with extensions of inverse variances and flags."""
    rng = np.random.default_rng(k)
    angle = np.deg2rad(5.0 * k)
    cos, sin = np.cos(angle), np.sin(angle)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = np.array([SHAPE[1], SHAPE[0]]) / 2 + rng.uniform(-5, 5, 2)
    wcs.wcs.cd = SCALE / 3600 * np.array([[-cos, sin], [sin, cos]])
    stars = np.random.default_rng(1).uniform(-1.2e-3, 1.2e-3, (2, 12))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = rng.normal(0.0, NOISE, SHAPE)
    for xs, ys in zip(*wcs.all_world2pix(150.1 + stars[0], 2.2 + stars[1], 0), strict=True):
        image += 10 * np.exp(-((x - xs) ** 2 + (y - ys) ** 2) / (2 * 1.2**2))
    mask = (rng.random(SHAPE) < 0.01).astype(np.uint8)
    image[mask != 0] = 50.0
    header = wcs.to_header()
    header.update({"BUNIT": "adu", "EXPTIME": 60.0})
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(image.astype(np.float32), header, name="SCI"),
        fits.ImageHDU(np.full(SHAPE, 1 / NOISE**2, np.float32), name="IVM"),
        fits.ImageHDU(mask, name="MASK"),
    ]
    fits.HDUList(hdus).writeto(path, overwrite=True)


def main(folder: Path, paths: list[Path]) -> None:
    """Co-add the files, write the mosaic, and draw it."""
    import matplotlib as mpl

    mpl.use("Agg")
    if not paths:
        paths = [folder / f"image_{k}.fits" for k in range(3)]
        for k, path in enumerate(paths):
            make_file(path, k)
    # Only headers are read here. A file with several chips contains several exposures.
    exposures = xrs.open_exposures(paths)
    for exposure in exposures:
        print(f"{exposure.attrs['filename']}: {', '.join(map(str, exposure.data_vars))}")
    # Default: north up, with the pixel scale of the first exposure.
    grid = xrs.fit_wcs(exposures)
    weighted = all("var_rnoise" in exposure for exposure in exposures)
    mosaic = xrs.coadd(
        exposures,
        grid,
        weight_type="ivm" if weighted else None,
        compute_err="from_var" if weighted else None,
        good_bits=0,
        fillval=np.nan,
    )
    mosaic.resample.to_fits(folder / "mosaic.fits", overwrite=True)
    mosaic.resample.plot().figure.savefig(folder / "mosaic.png", dpi=120)
    depth = int(mosaic.resample.decode_context().sum("exposure").max())
    print(f"{mosaic.sizes['exposure']} exposures, at most {depth} per pixel")
    print(f"Written: {folder / 'mosaic.fits'} and {folder / 'mosaic.png'}")


if __name__ == "__main__":
    arguments = [Path(argument) for argument in sys.argv[1:]]
    main(arguments[0] if arguments else Path(), arguments[1:])
