"""A sharpened model of a mosaic, which predicts the pixels of exposures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xresample import threads as pool
from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.job import Admitted, Job
from xresample.accumulate.launch import Window
from xresample.accumulate.window import mapped_window
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import Options
from xresample.tiled.window_graph import PlacedImage

from .blot import blot_part, interpolation_code, row_slabs


@dataclass(frozen=True, eq=False)
class SharpModel:
    """A mosaic without the blur that its pixels and those of the exposures cause.

    A drizzled mosaic is blurred. Blotted, it differs from the exposures; the difference is drizzled
    and added to the model, once per iteration (van Cittert 1931, Z. Phys. 69, 298).
    """

    grid: Grid
    options: Options
    """Options of the mosaic, which has no planes but ``data`` and ``wht``."""
    entries: Sequence[Admitted]
    """The exposures."""
    code: int
    """Number of the interpolation."""
    threads: int | None
    data: np.ndarray
    """The model, ``(y, x)``; NaN without weight."""
    weight: np.ndarray
    """Sum of the weights of the pixels in use."""

    @classmethod
    def of(
        cls, job: Job, entries: Sequence[Admitted], interpolation: str, threads: int | None
    ) -> SharpModel:
        """Return the plain mosaic of the good pixels.

        Parameters
        ----------
        job : Job
            Grid and options of the mosaic.
        entries : sequence of Admitted
            The exposures.
        interpolation : str
            Interpolation of the model at the pixels of exposures.
        threads : int or None
            Threads to use.
        """
        code = interpolation_code(interpolation)
        state = Accumulator.new(Job.new(job.grid, job.options))
        for entry in entries:
            window = mapped_window(entry.exposure, job.grid, job.options, threads=threads)
            state.deposit(entry, window, threads)
        state.warn()
        planes = state.planes()
        data, weight = planes["data"], planes["wht"]
        return cls(job.grid, job.options, entries, code, threads, data, weight)

    def sharper(self) -> SharpModel:
        """Return the model after one more iteration."""
        state = Accumulator.new(Job.new(self.grid, self.options))
        for entry, window in self._residuals():
            state.deposit(entry, window, self.threads)
        rest = state.planes()["data"]
        return replace(self, data=np.where(np.isfinite(rest), self.data + rest, self.data))

    def _residuals(self) -> Iterator[tuple[Admitted, Window]]:
        """Yield the exposures minus what the model predicts for them."""
        for entry in self.entries:
            window = mapped_window(entry.exposure, self.grid, self.options, threads=self.threads)
            scales = entry.scales
            predicted = self._blotted(self.data, window, self.code)
            flat = np.asarray(window.read("data")) - scales.level
            rest = (flat - predicted / scales.intensity).astype(self.data.dtype)
            yield replace(entry, scales=replace(scales, level=0.0)), _with_data(window, rest)

    def predict(self, exposure: Exposure) -> tuple[np.ndarray, np.ndarray]:
        """Return the model and the weight at the pixels of an exposure, ``(y, x)``.

        The model predicts the data times the factor to the mosaic, without sky level. Pixels
        outside the bounding box of the WCS are NaN.
        """
        window = mapped_window(exposure, self.grid, self.options, threads=self.threads)
        codes = self.code, interpolation_code("linear")
        found = []
        for image, code in zip((self.data, self.weight), codes, strict=True):
            whole = np.full(exposure.shape, np.nan, image.dtype)
            (j, i), (j0, j1, i0, i1) = window.origin, window.active
            blotted = self._blotted(image, window, code)[j0:j1, i0:i1]
            height, width = (
                min(size, end - start)
                for size, end, start in zip(
                    blotted.shape, exposure.shape, (j + j0, i + i0), strict=True
                )
            )
            rows, columns = (
                slice(start, start + size) for start, size in ((j + j0, height), (i + i0, width))
            )
            whole[rows, columns] = blotted[:height, :width]
            found.append(whole)
        return found[0], found[1]

    def _blotted(self, image: np.ndarray, window: Window, code: int) -> np.ndarray:
        """Return an image at the pixels of a window, ``(y, x)``."""
        out = np.empty(window.pixmap.shape[:2], image.dtype)
        model = PlacedImage(image, *self.grid.origin)

        def blot(rows: range) -> None:
            cut = slice(rows.start, rows.stop)
            blot_part(model, window.pixmap[cut], code, out[cut])

        pool.run(blot, row_slabs(len(out)), self.threads)
        return out


def _with_data(window: Window, data: np.ndarray) -> Window:
    """Return a window that reads other data."""
    return replace(window, read=lambda name: data if name == "data" else window.read(name))
