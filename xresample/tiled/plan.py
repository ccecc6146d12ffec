"""A co-addition before it runs: its tiles, what touches them, and what it will cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate import window as placement
from xresample.accumulate.accumulator import (
    common_units,
    first_layout,
    labelled,
    plane_names,
    target_of,
    variances_of_error,
    warn_outside,
    wider_layout,
)
from xresample.accumulate.buffers import Layout
from xresample.accumulate.launch import Scales, weight_type_of
from xresample.datamodel import provenance
from xresample.datamodel.context import n_planes
from xresample.datamodel.exposure import Exposure, validate
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import Options
from xresample.wcs import transform as wcs
from xresample.wcs.adapters import celestial_axes, celestial_frame
from xresample.wcs.coarse import Lattice
from xresample.wcs.text import from_text

from .tiling import Part, Tiling, longest_step, touching
from .worker import Job, Tile

PIXMAP_BYTES = 16
"""Bytes of the pixel map for each pixel of an exposure."""


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """What there is to do for a mosaic, tile by tile; printed as a table.

    Made by `xresample.plan`.

    Parameters
    ----------
    job : Job
        What all tiles share: grid, options, planes.
    tiling : Tiling
        The edges of the tiles.
    exposures : tuple of Exposure
        The exposures, in order.
    scales : tuple of Scales
        The factors of each exposure.
    weight_types : tuple of str or None
        The weight type of each exposure.
    parts : dict
        For each tile that is touched, by ``(tile y, tile x)``, the parts of exposures that can
        touch it.
    units : str or None
        Units of ``data``.
    """

    job: Job
    tiling: Tiling
    exposures: tuple[Exposure, ...]
    scales: tuple[Scales, ...]
    weight_types: tuple[str | None, ...]
    parts: dict[tuple[int, int], tuple[Part, ...]]
    units: str | None

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels of the mosaic, ``(y, x)``."""
        return self.job.grid.shape

    @property
    def n_exposures(self) -> int:
        """Exposures."""
        return len(self.exposures)

    @property
    def exposures_per_tile(self) -> np.ndarray:
        """How many exposures can touch each tile, ``(tile y, tile x)``."""
        counts = np.zeros(self.tiling.shape, np.int64)
        for index, parts in self.parts.items():
            counts[index] = len(parts)
        return counts

    @property
    def output_bytes(self) -> int:
        """Bytes of all planes."""
        return self.shape[0] * self.shape[1] * self._pixel_bytes

    @property
    def touched_bytes(self) -> int:
        """Bytes of all planes in the tiles that an exposure can touch."""
        return sum(self._tile_bytes(index) for index in self.parts)

    @property
    def memory(self) -> int:
        """Bytes that a worker thread needs at most at a time, about."""
        layout, item = self.job.layout, np.dtype(self.job.options.dtype).itemsize
        lanes = 2 + len(layout.linear) + len(layout.squared)
        # The planes as read, the lanes made of them, the weight and the map.
        pixel = (4 + item) * lanes + PIXMAP_BYTES
        return max(
            (
                self._tile_bytes(index) + pixel * max(part.size for part in parts)
                for index, parts in self.parts.items()
            ),
            default=0,
        )

    @property
    def work(self) -> int:
        """Pixels of exposures to deposit; those that two tiles need count twice."""
        return sum(part.size for parts in self.parts.values() for part in parts)

    @property
    def _pixel_bytes(self) -> int:
        return pixel_bytes(self.job.layout, self.job.options, self.n_exposures)

    def _tile_bytes(self, index: tuple[int, int]) -> int:
        y, x = self.tiling.tile(*index)
        return len(y) * len(x) * self._pixel_bytes

    def tile(self, j: int, i: int) -> Tile:
        """Return a tile with the parts of exposures that can touch it.

        Parameters
        ----------
        j, i : int
            Which tile, ``(tile y, tile x)``.
        """
        return Tile(*self.tiling.tile(j, i), self.parts.get((j, i), ()))

    def dataset(self, planes: dict[str, Any]) -> xr.Dataset:
        """Return the mosaic that has the given arrays as its planes.

        Parameters
        ----------
        planes : dict of str to array_like
            The planes by name, ``(y, x)`` or ``(plane, y, x)``.
        """
        rows = [
            provenance.row_of(exposure.scalars, scales.ratio)
            for exposure, scales in zip(self.exposures, self.scales, strict=True)
        ]
        return labelled(planes, self.job.grid, self.job.options, rows, self.units, {})

    def __repr__(self) -> str:
        return "\n".join(
            ["<xresample.Plan>", *(f"{name:<18}{text}" for name, text in self._table())]
        )

    def _table(self) -> list[tuple[str, str]]:
        """Return the rows of the table that is shown."""
        (ny, nx), (rows, columns) = self.shape, self.tiling.shape
        side = " x ".join(str(max(sizes)) for sizes in self.tiling.chunks)
        counts = self.exposures_per_tile
        touched = counts[counts > 0]
        outside = self.n_exposures - len({p.number for ps in self.parts.values() for p in ps})
        pixels = sum(exposure.shape[0] * exposure.shape[1] for exposure in self.exposures)
        most = "none"
        if touched.size:
            most = f"{touched.min()} to {touched.max()}, median {np.median(touched):g}"
        again = f", {self.work / pixels:.2f} times those of the exposures" if pixels else ""
        return [
            ("mosaic", f"{ny} x {nx} pixels: {', '.join(_names(self.job))}"),
            ("tiles", f"{rows} x {columns} of {side} pixels, {counts.size - touched.size} empty"),
            ("exposures", f"{self.n_exposures}, {outside} of them outside"),
            ("exposures a tile", most),
            ("output", f"{_size(self.output_bytes)}, {_size(self.touched_bytes)} not empty"),
            ("memory", f"about {_size(self.memory)} a worker thread"),
            ("work", f"{self.work:,} pixels{again}"),
        ]


def plan(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: Any,
    *,
    chunks: Any = "auto",
    threads: int | None = None,
    **options: Any,
) -> Plan:
    """Plan a mosaic in tiles: what touches what, and what it will cost, before anything runs.

    Only the WCSs and sizes of the exposures are looked at, no pixel. Printed, the plan is a
    table.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures.
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of the tiles, as for `coadd`.
    threads : int, optional
        Threads to use within a tile, one by default.
    **options
        See `Options`.

    Returns
    -------
    Plan
        The plan.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault of it.
    InvalidInputError
        The chunks or an option cannot be used.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS(naxis=2)
    >>> wcs.wcs.ctype, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [-1e-5, 1e-5]
    >>> wcs.array_shape = (40, 40)
    >>> exposure = xrs.make_exposure(np.ones((20, 20), "f4"), wcs, exposure_time=10.0)
    >>> xrs.plan([exposure], wcs, chunks=30, weight_type="exptime")
    <xresample.Plan>
    mosaic            40 x 40 pixels: data, wht, con
    tiles             2 x 2 of 30 x 30 pixels, 3 empty
    exposures         1, 0 of them outside
    exposures a tile  1 to 1, median 1
    output            18.75 kiB, 10.55 kiB not empty
    memory            about 29.30 kiB a worker thread
    work              400 pixels, 1.00 times those of the exposures
    """
    datasets = [exposures] if isinstance(exposures, xr.Dataset) else list(exposures)
    grid, chosen = target_of(output_wcs, options)
    chosen = replace(chosen, pixel_scale=grid.pixel_scale)
    units, layout, found = None, first_layout(chosen), []
    for number, dataset in enumerate(datasets):
        validate(dataset, chosen)
        exposure = Exposure(dataset)
        units = common_units(units, exposure, number)
        layout = wider_layout(layout, chosen, exposure.variances)
        found.append(exposure)
    if chosen.compute_err == "from_var":
        variances_of_error(layout, chosen)
    scales = tuple(placement.scales(exposure, grid, chosen) for exposure in found)
    size = pixel_bytes(layout, chosen, len(found))
    tiling = Tiling.of(chunks, grid.shape, grid.y0, grid.x0, size)
    return Plan(
        job=Job(grid, chosen, layout, len(found), threads or 1),
        tiling=tiling,
        exposures=tuple(found),
        scales=scales,
        weight_types=tuple(weight_type_of(chosen, e.dataset.__contains__) for e in found),
        parts=_parts(found, scales, grid, chosen, tiling),
        units=units,
    )


def pixel_bytes(layout: Layout, options: Options, exposures: int) -> int:
    """Return the bytes of one pixel in all planes of a mosaic."""
    context = 4 * n_planes(exposures) if options.enable_ctx else 0
    dq = 4 if options.propagate_dq else 0
    err = options.compute_err == "from_var"
    return (len(layout.names) + err) * np.dtype(options.dtype).itemsize + context + dq


def _parts(
    exposures: list[Exposure],
    scales: tuple[Scales, ...],
    grid: Grid,
    options: Options,
    tiling: Tiling,
) -> dict[tuple[int, int], tuple[Part, ...]]:
    """Return for each tile that is touched the parts of exposures that can touch it."""
    lattices = [Lattice.of(str(e.wcs_text), e.shape, e.y.start, e.x.start) for e in exposures]
    parts: dict[tuple[int, int], list[Part]] = {}
    everywhere = _positions(exposures, lattices, grid)
    for number, (lattice, positions) in enumerate(zip(lattices, everywhere, strict=True)):
        far = placement.reach(options, scales[number].ratio, longest_step(lattice, positions))
        touched = False
        if _beyond(exposures[number], lattice, positions, grid):
            positions = positions[:, :0]
        for index, part in touching(number, lattice, positions, far, tiling):
            parts.setdefault(index, []).append(part)
            touched = True
        if not touched:
            warn_outside(exposures[number], number)
    return {index: tuple(found) for index, found in sorted(parts.items())}


def _positions(exposures: list[Exposure], lattices: list[Lattice], grid: Grid) -> list[np.ndarray]:
    """Return where the nodes of the exposures lie on the grid, ``(2, y, x)`` each, x first."""
    target = placement.require_wcs(grid.wcs, "mosaic")
    positions: list[np.ndarray | None] = [None] * len(lattices)
    together = []
    if wcs.is_imaging(target):
        frame = celestial_frame(target)
        together = [
            (k, sky) for k, lattice in enumerate(lattices) if (sky := lattice.on_sky(frame))
        ]
    if together:
        # One call for all: what a call of a WCS costs hardly depends on how many positions it has.
        lon, lat = (np.concatenate([sky[i].ravel() for _, sky in together]) for i in (0, 1))
        world = (lon, lat) if celestial_axes(target) == (0, 1) else (lat, lon)
        found = np.stack(wcs.world_to_pixel(target, *world))
        ends = np.cumsum([sky[0].size for _, sky in together])
        pieces = np.split(found, ends[:-1], axis=1)
        for (k, sky), piece in zip(together, pieces, strict=True):
            positions[k] = piece.reshape(2, *sky[0].shape)
    for k, (exposure, lattice) in enumerate(zip(exposures, lattices, strict=True)):
        if positions[k] is None:
            function = wcs.transform(from_text(str(exposure.wcs_text)), target)
            positions[k] = np.stack(function(*np.meshgrid(lattice.x, lattice.y)))
    return [p for p in positions if p is not None]


def _beyond(exposure: Exposure, lattice: Lattice, positions: np.ndarray, grid: Grid) -> bool:
    """Tell whether an exposure lies where the grid has no pixel, as on the far side of the sky.

    Where the projection of a grid ends within an exposure, it ends on the border of it, too.
    """
    if lattice.lon is None or lattice.lat is None or np.isfinite(positions).any():
        return False
    if not (positions.size and np.isfinite(lattice.lon + lattice.lat).all()):
        return False
    y, x = np.array(lattice.rows), np.array(lattice.columns)
    function = wcs.transform(from_text(str(exposure.wcs_text)), grid.wcs)
    sides = [(x, y[:1]), (x, y[-1:]), (x[:1], y), (x[-1:], y)]
    return not any(np.isfinite(function(*np.broadcast_arrays(*side))).any() for side in sides)


def _names(job: Job) -> tuple[str, ...]:
    return plane_names(job.layout, job.options)


def _size(count: int) -> str:
    """Return a number of bytes as people read it."""
    from dask.utils import format_bytes

    return format_bytes(count)
