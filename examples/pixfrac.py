"""Compare values of pixfrac and kernels: the width of a star, the noise, the evenness of weights.

Usage: ``python examples/pixfrac.py [folder]``. The script prints a table and writes ``pixfrac.png``
into the folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from astropy.wcs import WCS

import xresample as xrs

SHAPE = (64, 64)
SCALE = 0.1  # arcsec per pixel of the camera
FINE = 0.04  # arcsec per pixel of the mosaic
SIGMA = 0.06  # standard deviation of the star, arcsec
NOISE = 0.01  # in units of the peak of the star
CHOICES = (
    ("square", 1.0), ("square", 0.8), ("square", 0.6), ("square", 0.4),
    ("gaussian", 0.8), ("lanczos3", 1.0), ("point", 0.0),
)  # fmt: skip


def make_wcs(shape: tuple[int, int], scale: float, dither: np.ndarray) -> WCS:
    """Return a tangent projection around the star; the dither (x, y) is in pixels."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = (np.array(shape[::-1]) + 1) / 2 + dither
    wcs.wcs.cdelt = -scale / 3600, scale / 3600
    wcs.array_shape = shape
    return wcs


def observe(k: int) -> xr.Dataset:
    """Simulate exposure ``k`` of a star at the field centre, integrated over the pixels."""
    rng = np.random.default_rng(k)
    dither = rng.uniform(-2, 2, 2)
    parts = 5  # sub-pixels per pixel, along each axis
    offsets = (np.arange(SHAPE[0] * parts) + 0.5) / parts - 0.5 - (SHAPE[0] - 1) / 2
    x, y = (np.exp(-(((offsets - d) * SCALE / SIGMA) ** 2) / 2) for d in dither)
    x, y = (axis.reshape(-1, parts).mean(axis=1) for axis in (x, y))
    image = np.outer(y, x) + rng.normal(0.0, NOISE, SHAPE)
    return xrs.make_exposure(image.astype(np.float32), make_wcs(SHAPE, SCALE, dither))


def measure(mosaic: xr.Dataset) -> tuple[float, float, float]:
    """Return the FWHM of the star (arcsec), the noise, and the relative scatter of the weights."""
    y, x = (FINE * (mosaic[n] - mosaic[n].mean()) for n in ("y", "x"))
    radius = np.hypot(x, y)
    star = mosaic["data"].where(radius < 0.35, 0.0)
    # The width comes from the second moment, because input pixels and kernels add to it linearly.
    variance = float((star * radius**2).sum() / star.sum()) / 2
    sky = mosaic["data"].where((radius > 0.5) & (radius < 0.9))
    wht = mosaic["wht"].where(radius < 0.9)
    return 2.3548 * variance**0.5, float(sky.std()), float(wht.std() / wht.median())


def main(folder: Path) -> None:
    """Co-add the same exposures with several options, print the results, and draw the mosaics."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    exposures = [observe(k) for k in range(8)]
    grid = make_wcs((61, 61), FINE, np.zeros(2))
    figure, axes = plt.subplots(
        1, len(CHOICES), figsize=(2.2 * len(CHOICES), 2.9), sharey=True, layout="constrained"
    )
    print("kernel    pixfrac   FWHM (arcsec)   noise     std(wht) / median")
    for ax, (kernel, pixfrac) in zip(axes, CHOICES, strict=True):
        mosaic = xrs.coadd(
            exposures, grid, kernel=kernel, pixfrac=pixfrac, weight_type=None, fillval=np.nan
        )
        width, noise, uneven = measure(mosaic)
        print(f"{kernel:10}{pixfrac:<10}{width:<16.3f}{noise:<10.4f}{uneven:.2f}")
        shown = ax.imshow(mosaic["data"], origin="lower", cmap="magma", vmin=0, vmax=0.8)
        ax.set(title=f"{kernel}, {pixfrac}", xlabel="x (pixel)", xlim=(15, 45), ylim=(15, 45))
    axes[0].set_ylabel("y (pixel)")
    figure.colorbar(shown, ax=axes, label="data (1: peak of the star)")
    figure.savefig(folder / "pixfrac.png", dpi=120)
    print(f"Written: {folder / 'pixfrac.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
