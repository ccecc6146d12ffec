"""The plan of a co-addition: its tiles, the exposures that touch them, and the cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.job import Admitted, Job
from xresample.accumulate.launch import Outcome
from xresample.accumulate.notices import Notices
from xresample.accumulate.scales import reach
from xresample.accumulate.window import require_wcs
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid, GridLike
from xresample.datamodel.labels import SETS
from xresample.datamodel.mosaic import mosaic_dataset
from xresample.datamodel.signatures import spells_options
from xresample.datamodel.stack import separate
from xresample.threads import count
from xresample.wcs import transform as wcs
from xresample.wcs.adapters import celestial_axes
from xresample.wcs.coarse import Lattice
from xresample.wcs.frames import celestial_frame

from .tiling import Part, Tiling, longest_step, touching
from .worker import Tile

PIXMAP_BYTES = 16
"""Bytes of the pixel map per pixel of an exposure."""


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """The work for a mosaic, tile by tile; printed as a table.

    Made by `xresample.plan`.

    Parameters
    ----------
    job : Job
        Grid, options, planes and units of the mosaic, after all exposures have been admitted.
    tiling : Tiling
        The edges of the tiles.
    admitted : tuple of Admitted
        The exposures, in order.
    parts : dict
        For each tile that is touched, by ``(tile y, tile x)``, the parts of exposures that can
        touch it.
    threads : int
        Threads to use within a tile.

    Examples
    --------
    >>> import xresample as xrs
    >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=40)
    >>> plan = xrs.plan(exposures, xrs.fit_wcs(exposures), chunks=32)
    >>> len(plan.admitted), plan.threads
    (2, 1)
    """

    job: Job
    tiling: Tiling
    admitted: tuple[Admitted, ...]
    parts: dict[tuple[int, int], tuple[Part, ...]]
    threads: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the mosaic, ``(y, x)`` in pixels."""
        return self.job.grid.shape

    @property
    def origin(self) -> tuple[int, int]:
        """First row and column of the mosaic, in pixels of the grid."""
        return self.job.grid.origin

    @property
    def block_chunks(self) -> tuple[tuple[int, ...], ...]:
        """Number of blocks of the noise covariance in each row and column of tiles."""
        blocks = self.job.layout.blocks(self.shape, self.origin)
        pairs = (self.tiling.y, blocks.y), (self.tiling.x, blocks.x)
        return tuple(
            tuple(int(n) for n in np.diff(np.searchsorted(edges, tiles))) for tiles, edges in pairs
        )

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """The exposures, in order."""
        return tuple(admitted.exposure for admitted in self.admitted)

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the planes of the mosaic, in the order of its variables."""
        return tuple(self.job.layout.planes)

    @property
    def n_exposures(self) -> int:
        """Number of exposures."""
        return len(self.admitted)

    @property
    def exposures_per_tile(self) -> np.ndarray:
        """Number of exposures that can touch each tile, ``(tile y, tile x)``."""
        counts = np.zeros(self.tiling.shape, np.int64)
        for index, parts in self.parts.items():
            counts[index] = len(parts)
        return counts

    @property
    def output_bytes(self) -> int:
        """Size of all planes in bytes."""
        return self.shape[0] * self.shape[1] * self._pixel_bytes

    @property
    def touched_bytes(self) -> int:
        """Size in bytes of all planes in the tiles that an exposure can touch."""
        return sum(self._tile_bytes(index) for index in self.parts)

    @property
    def memory(self) -> int:
        """Approximate maximum memory of a worker thread, in bytes."""
        layout, item = self.job.layout, np.dtype(self.job.options.dtype).itemsize
        lanes = 2 + len(layout.linear) + len(layout.squared)
        # A thread holds the planes as read, the samples made of them, the weights and the map.
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
        """Number of pixels to deposit; a pixel that two tiles need counts twice."""
        return sum(part.size for parts in self.parts.values() for part in parts)

    @property
    def _pixel_bytes(self) -> int:
        return self.job.layout.pixel_bytes(self.job.options, self.n_exposures)

    def _tile_bytes(self, index: tuple[int, int]) -> int:
        y, x = self.tiling.tile(*index)
        return len(y) * len(x) * self._pixel_bytes

    def tile(self, j: int, i: int) -> Tile:
        """Return a tile with the parts of exposures that can touch it.

        Parameters
        ----------
        j, i : int
            Row and column of the tile among the tiles.
        """
        return Tile(*self.tiling.tile(j, i), self.parts.get((j, i), ()))

    def dataset(self, planes: dict[str, Any]) -> xr.Dataset:
        """Return the mosaic that has the given arrays as its planes.

        Parameters
        ----------
        planes : dict of str to array_like
            The planes by name, ``(y, x)`` or ``(plane, y, x)``.
        """
        rows, job = [admitted.row for admitted in self.admitted], self.job
        tables = planes.get(SETS)
        tiles = None if tables is not None and tables.shape == (1, 1) else self.tiling.blocks
        return mosaic_dataset(
            planes, job.grid, job.options, rows, job.plane_units, job.attrs, job.layout, tiles
        )

    def __repr__(self) -> str:
        return "\n".join(
            ["<xresample.Plan>", *(f"{name:<20}{text}" for name, text in self._table())]
        )

    def _table(self) -> list[tuple[str, str]]:
        """Return the rows of the printed table."""
        (ny, nx), (rows, columns) = self.shape, self.tiling.shape
        side = " x ".join(str(max(sizes)) for sizes in self.tiling.chunks)
        counts = self.exposures_per_tile
        touched = counts[counts > 0]
        outside = self.n_exposures - len({p.number for ps in self.parts.values() for p in ps})
        pixels = sum(exposure.shape[0] * exposure.shape[1] for exposure in self.exposures)
        per_tile = "none"
        if touched.size:
            per_tile = f"{touched.min()} to {touched.max()}, median {np.median(touched):g}"
        again = f", {self.work / pixels:.2f} times those of the exposures" if pixels else ""
        return [
            ("mosaic", f"{ny} x {nx} pixels: {', '.join(self.planes)}"),
            ("tiles", f"{rows} x {columns} of {side} pixels, {counts.size - touched.size} empty"),
            ("exposures", f"{self.n_exposures}, {outside} of them outside"),
            ("exposures per tile", per_tile),
            ("output", f"{_size(self.output_bytes)}, {_size(self.touched_bytes)} not empty"),
            ("memory", f"about {_size(self.memory)} per worker thread"),
            ("work", f"{self.work:,} pixels{again}"),
        ]


@spells_options
def plan(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    output_wcs: GridLike,
    *,
    chunks: Any = "auto",
    threads: int | None = None,
    **options: Any,
) -> Plan:
    """Plan a mosaic in tiles: which exposures touch which tiles, and the cost.

    Only the WCSs, sizes and attributes of the exposures are read, no pixels. Print the plan to
    see it as a table.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures, or a stack of them (see `concat`).
    output_wcs : gwcs.WCS, astropy.wcs.WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    chunks : int, tuple, mapping or "auto", optional
        Sizes of the tiles, as for `coadd`.
    threads : int, optional
        Threads to use within a tile. Default: 1.
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
        The chunks or an option are invalid.

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
    mosaic              40 x 40 pixels: data, wht, con
    tiles               2 x 2 of 30 x 30 pixels, 3 empty
    exposures           1, 0 of them outside
    exposures per tile  1 to 1, median 1
    output              18.75 kiB, 10.55 kiB not empty
    memory              about 29.30 kiB per worker thread
    work                400 pixels, 1.00 times those of the exposures
    """

    def tiling(job: Job) -> Tiling:
        size = job.layout.pixel_bytes(job.options, job.count)
        return Tiling.of(chunks, job.grid.pixels, size, job.layout.block)

    return plan_tiles(separate(exposures), Job.of_target(output_wcs, options), tiling, threads)


def plan_tiles(
    datasets: Iterable[xr.Dataset],
    job: Job,
    tiling: Callable[[Job], Tiling],
    threads: int | None = None,
) -> Plan:
    """Plan a mosaic in given tiles.

    Parameters
    ----------
    datasets : iterable of Dataset
        The exposures.
    job : Job
        The job of the empty mosaic.
    tiling : callable
        Returns the tiles, once all exposures have been admitted.
    threads : int, optional
        Threads to use within a tile. Default: 1.
    """
    admitted, job = job.admit_all(datasets)
    tiles = tiling(job)
    parts = parts_of(admitted, job, tiles)
    notices, touched = Notices(), {part.number for tile in parts.values() for part in tile}
    for entry in admitted:
        outcome = Outcome.CONTRIBUTED if entry.number in touched else Outcome.OUTSIDE
        notices.note(entry, outcome, job.options)
    notices.warn(job.options)
    return Plan(job, tiles, admitted, parts, 1 if threads is None else count(threads))


def parts_of(
    admitted: Sequence[Admitted], job: Job, tiling: Tiling, margin: float = 0.0
) -> dict[tuple[int, int], tuple[Part, ...]]:
    """Return for each tile that is touched the parts of exposures that can touch it.

    Parameters
    ----------
    admitted : sequence of Admitted
        The exposures.
    job : Job
        The job, with the grid.
    tiling : Tiling
        The tiles, which may cover a part of the grid.
    margin : float, optional
        Distance beyond the reach of the kernel, in output pixels.
    """
    exposures = [entry.exposure for entry in admitted]
    lattices = [Lattice.of(require_wcs(e.wcs, "exposure"), e.pixels) for e in exposures]
    parts: dict[tuple[int, int], list[Part]] = {}
    everywhere = _positions(exposures, lattices, job.grid)
    for entry, lattice, positions in zip(admitted, lattices, everywhere, strict=True):
        far = margin + reach(job.options, entry.scales.ratio, longest_step(lattice, positions))
        if _is_beyond(entry.exposure, lattice, positions, job.grid):
            positions = positions[:, :0]
        for index, part in touching(entry.number, lattice, positions, far, tiling):
            parts.setdefault(index, []).append(part)
    return {index: tuple(found) for index, found in sorted(parts.items())}


def _positions(exposures: list[Exposure], lattices: list[Lattice], grid: Grid) -> list[np.ndarray]:
    """Return the positions of the nodes of each exposure on the grid, ``(2, y, x)``, x first."""
    target = require_wcs(grid.wcs, "mosaic").object
    positions: list[np.ndarray | None] = [None] * len(lattices)
    together = []
    if wcs.is_imaging(target):
        frame = celestial_frame(target)
        together = [
            (k, sky) for k, lattice in enumerate(lattices) if (sky := lattice.on_sky(frame))
        ]
    if together:
        # The cost of a WCS call hardly depends on the number of positions, so one call takes all.
        lon, lat = (np.concatenate([sky[i].ravel() for _, sky in together]) for i in (0, 1))
        world = (lon, lat) if celestial_axes(target) == (0, 1) else (lat, lon)
        found = np.stack(wcs.world_to_pixel(target, *world))
        ends = np.cumsum([sky[0].size for _, sky in together])
        pieces = np.split(found, ends[:-1], axis=1)
        for (k, sky), piece in zip(together, pieces, strict=True):
            positions[k] = piece.reshape(2, *sky[0].shape)
    for k, (exposure, lattice) in enumerate(zip(exposures, lattices, strict=True)):
        if positions[k] is None:
            function = wcs.transform(require_wcs(exposure.wcs, "exposure").object, target)
            positions[k] = np.stack(function(*np.meshgrid(lattice.x, lattice.y)))
    return [p for p in positions if p is not None]


def _is_beyond(exposure: Exposure, lattice: Lattice, positions: np.ndarray, grid: Grid) -> bool:
    """Tell whether an exposure lies where the grid has no pixel, as on the far side of the sky.

    If the projection of the grid ends inside an exposure, it also crosses the exposure's border.
    """
    if lattice.lon is None or lattice.lat is None or np.isfinite(positions).any():
        return False
    if not (positions.size and np.isfinite(lattice.lon + lattice.lat).all()):
        return False
    y, x = np.array(lattice.rows), np.array(lattice.columns)
    pair = require_wcs(exposure.wcs, "exposure"), require_wcs(grid.wcs, "mosaic")
    function = wcs.transform(*(handle.object for handle in pair))
    sides = [(x, y[:1]), (x, y[-1:]), (x[:1], y), (x[-1:], y)]
    return not any(np.isfinite(function(*np.broadcast_arrays(*side))).any() for side in sides)


def _size(count: int) -> str:
    """Return a number of bytes in readable units."""
    from dask.utils import format_bytes

    return format_bytes(count)
