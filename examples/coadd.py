"""Simulate dithered, distorted exposures of a star field, co-add them, save and draw the mosaic.

Usage: ``python examples/coadd.py [folder]``. The script writes ``mosaic.nc`` and ``mosaic.png``
into the folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from astropy.wcs import WCS

import xresample as xrs

SHAPE = (300, 320)
SCALE = 0.1  # arcsec per pixel
SKY = 2.0  # DN/s
READ_NOISE = 0.4  # DN/s
EXPOSURE_TIME = 100.0  # s
FLAGS = {"DO_NOT_USE": 1, "JUMP_DET": 4}


def distorted_wcs(dither: tuple[float, float], rotation: float) -> WCS:
    """Return the WCS of an exposure: a tangent plane with a SIP distortion."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN-SIP", "DEC--TAN-SIP"
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = SHAPE[1] / 2 + dither[0], SHAPE[0] / 2 + dither[1]
    cos, sin = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
    wcs.wcs.cd = SCALE / 3600 * np.array([[-cos, sin], [sin, cos]])
    a, b = np.zeros((4, 4)), np.zeros((4, 4))
    a[2, 0], a[1, 1], a[0, 3] = 3e-5, -1e-5, 2e-8
    b[0, 2], b[1, 1], b[3, 0] = -2e-5, 2e-5, 1e-8
    from astropy.wcs import Sip

    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.array_shape = SHAPE
    return wcs


def star_field(wcs: WCS) -> np.ndarray:
    """Return the image of a fixed star field seen through a WCS, in DN/s."""
    rng = np.random.default_rng(7)
    ra = 150.1 + rng.uniform(-0.006, 0.006, 150)
    dec = 2.2 + rng.uniform(-0.006, 0.006, 150)
    flux = 10.0 ** rng.uniform(1.0, 3.2, 150)
    x, y = wcs.all_world2pix(ra, dec, 0)
    image = np.zeros(SHAPE)
    rows, columns = np.mgrid[-6:7, -6:7]
    for xs, ys, f in zip(x, y, flux, strict=True):
        j, i = rows + round(float(ys)), columns + round(float(xs))
        inside = (j >= 0) & (j < SHAPE[0]) & (i >= 0) & (i < SHAPE[1])
        j, i = j[inside], i[inside]
        image[j, i] += (
            f / (2 * np.pi * 1.1**2) * np.exp(-((i - xs) ** 2 + (j - ys) ** 2) / (2 * 1.1**2))
        )
    return image


def simulate(k: int) -> xr.Dataset:
    """Simulate exposure ``k``, with noise, cosmic rays and dead pixels."""
    rng = np.random.default_rng(k)
    wcs = distorted_wcs(dither=tuple(rng.uniform(-12, 12, 2)), rotation=4.0 * k)
    clean = star_field(wcs) + SKY
    poisson = clean / EXPOSURE_TIME
    data = clean + rng.normal(0.0, np.sqrt(poisson + READ_NOISE**2))
    dq = np.zeros(SHAPE, np.uint32)
    rays = rng.random(SHAPE) < 0.002
    data[rays] += 300.0
    dq[rays] |= FLAGS["JUMP_DET"]
    dead = rng.random(SHAPE) < 0.01
    data[dead] = np.nan
    dq[dead] |= FLAGS["DO_NOT_USE"]
    return xrs.make_exposure(
        data.astype(np.float32),
        wcs,
        dq=dq,
        flag_map=FLAGS,
        variances={
            "var_rnoise": np.full(SHAPE, READ_NOISE**2, np.float32),
            "var_poisson": poisson.astype(np.float32),
        },
        units="DN/s",
        filename=f"simulated_{k}.fits",
        group_id=f"visit {k}",
        exposure_time=EXPOSURE_TIME,
        level=SKY,
        subtracted=False,
    )


def main(folder: Path) -> None:
    """Co-add six exposures, save the mosaic, add a seventh exposure to the saved file, and draw."""
    import matplotlib as mpl

    mpl.use("Agg")
    exposures = [simulate(k) for k in range(6)]
    grid = xrs.fit_wcs(exposures, pixel_scale=0.08)
    mosaic = xrs.coadd(
        exposures,
        grid,
        pixfrac=0.8,
        compute_err="from_var",
        propagate_dq=True,
        good_bits="~DO_NOT_USE+JUMP_DET",
        fillval=np.nan,
    )
    saved = folder / "mosaic.nc"
    mosaic.to_netcdf(saved)
    with xr.open_dataset(saved) as stored:
        mosaic = stored.resample.add(simulate(6))
    mosaic.to_netcdf(saved)
    mosaic.resample.plot(title="Seven dithered exposures, co-added").figure.savefig(
        folder / "mosaic.png", dpi=120
    )
    print(mosaic)
    ny, nx = mosaic.sizes["y"], mosaic.sizes["x"]
    centre = mosaic.resample.contributors(x=nx // 2, y=ny // 2)
    print(f"\nThe central pixel has {centre.sizes['exposure']} contributing exposures.")
    print(f"Written: {saved} and {folder / 'mosaic.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
