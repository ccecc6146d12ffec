"""The outliers of one exposure, given what the groups predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xresample import threads as pool
from xresample.accumulate.window import without_slopes
from xresample.datamodel.exposure import Exposure
from xresample.tiled.window_graph import PlacedImage

from .blot import blot_part, interpolation_code, mapped_rows, row_slabs
from .neighbours import grown
from .rules import OutlierRules

if TYPE_CHECKING:
    from xresample.wcs.pixmap import PixelMap

INTERPOLATIONS = {"noise": "linear", "spread": "linear", "keep": "nearest"}
"""Interpolation of each plane of the reference, except for the model."""


OUTLIER, COMPARED = 1, 2
"""Bits of an array that tells which pixels are outliers, and which were compared."""


@dataclass(frozen=True, eq=False)
class Outliers:
    """The outliers of an exposure."""

    mask: np.ndarray
    """bool ``(y, x)``."""
    known: np.ndarray
    """Whether a pixel has a prediction, so that it was compared."""

    @property
    def compared(self) -> int:
        """Number of pixels that were compared."""
        return int(np.count_nonzero(self.known))

    @property
    def bits(self) -> np.ndarray:
        """``OUTLIER`` and ``COMPARED`` of each pixel, uint8."""
        return self.mask * np.uint8(OUTLIER) + self.known * np.uint8(COMPARED)


@dataclass(frozen=True)
class Judge:
    """Compares exposures with a reference by the rule of ``kernels.outliers``."""

    rules: OutlierRules

    def outliers(
        self,
        exposure: Exposure,
        mapping: PixelMap,
        reference: Mapping[str, PlacedImage],
        intensity: float = 1.0,
        threads: int | None = 1,
    ) -> Outliers:
        """Return the outliers of an exposure.

        Parameters
        ----------
        exposure : Exposure
            The exposure.
        mapping : PixelMap
            Its map onto the grid.
        reference : mapping of str to Model
            The planes of the reference, or the parts that the exposure sees.
        intensity : float, optional
            Factor from the data of the exposure to the reference.
        threads : int, optional
            Threads to use.
        """
        shape = exposure.shape
        blots = {name: np.empty(shape, model.image.dtype) for name, model in reference.items()}
        codes = {
            name: interpolation_code(INTERPOLATIONS.get(name, self.rules.interpolation))
            for name in reference
        }
        slabs = row_slabs(shape[0])

        def blot(rows: range) -> None:
            positions = mapped_rows(exposure, mapping, rows)
            for name, model in reference.items():
                part = blots[name][rows.start : rows.stop]
                blot_part(model, positions, codes[name], part)
                if intensity != 1.0 and name != "keep":
                    part /= intensity

        pool.run(blot, slabs, threads)
        background = exposure.level if self.rules.backg is None else self.rules.backg
        return self.compare(exposure, blots, background, threads)

    def compare(
        self,
        exposure: Exposure,
        blots: Mapping[str, np.ndarray],
        background: float,
        threads: int | None = 1,
    ) -> Outliers:
        """Return the outliers of an exposure, given the predictions for its pixels, ``(y, x)``."""
        from xresample.kernels.outliers import FlagRule, flag_rows, mark_rows

        data, err = exposure.plane("data"), exposure.plane("err")
        model, noise = blots["model"], _noise(self.rules, blots, err)
        if data is None:
            raise ValueError("an admitted exposure has data")
        if self.rules.backg is None:
            data = without_slopes(exposure, data, (0, 0))
        spread = blots.get("spread", np.empty((0, 0), model.dtype))
        rule = FlagRule(*self.rules.numbers, float(background))
        levels, mask = np.empty(model.shape, np.uint8), np.empty(model.shape, bool)
        data, noise = np.ascontiguousarray(data), np.ascontiguousarray(noise)
        slabs = row_slabs(model.shape[0])
        pool.run(
            lambda rows: mark_rows(data, noise, model, spread, rule, rows.start, rows.stop, levels),
            slabs,
            threads,
        )
        if "keep" in blots:
            levels[blots["keep"] == 1] = 0
        pool.run(lambda rows: flag_rows(levels, rows.start, rows.stop, mask), slabs, threads)
        return Outliers(grown(mask, self.rules.grow), np.isfinite(model))


def _noise(
    rules: OutlierRules, blots: Mapping[str, np.ndarray], err: np.ndarray | None
) -> np.ndarray:
    """Return the noise of each pixel."""
    if err is None:
        raise ValueError("an admitted exposure has err")
    if rules.noise == "err":
        return err
    others = blots["noise"]
    if rules.noise == "max":
        return np.fmax(err, others)
    # Where no other exposure has an error, the error of the exposure is the only one.
    return np.where(np.isfinite(others), others, err)
