"""The planes of one mosaic: the rows of the table that its options ask for.

The real-valued planes of a mosaic are one array, ``(plane, y, x)``, so that one kernel serves any
number of planes; the variables of the mosaic are views of this array::

    wht | data | err | var_a, var_b, ... | var_a_wht, var_b_wht, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from . import schema
from .blocks import Blocks
from .context import n_planes
from .options import WEIGHT_VARIANCE, Options, parse_fillval
from .schema import PlaneRow, Rule

_SUMMED_FIRST = ("var_poisson", "var_rnoise")
"""Variances that are summed first, as in files of JWST."""


@dataclass(frozen=True)
class Layout:
    """The planes of a mosaic, and the samples of an exposure that fill them."""

    rows: tuple[PlaneRow, ...]
    """Rows of the table that the options ask for."""
    variances: tuple[str, ...]
    reference: str | None
    """The variance that weights the resampled variances; None: all have the same weight."""
    block: int = 0
    """Rows and columns of the blocks of the noise covariance; 0: the mosaic has none."""
    lags: int = 0
    """Maximum distance, in pixels along an axis, of two pixels whose covariance is summed."""
    flags: tuple[str, ...] = ()
    """Flags for which the area of rejected pixels is summed."""

    @classmethod
    def of(cls, options: Options, variances: Iterable[str] = ()) -> Layout:
        """Return the layout of a mosaic with these options that holds these variances."""
        rows = tuple(row for row in schema.MOSAIC if _is_asked(row, options))
        rows += tuple(map(schema.further_plane, options.planes))
        resampled = options.variance_method == "resampled"
        reference = WEIGHT_VARIANCE.get(options.weight_type or "") if resampled else None
        block = options.noise_block if options.noise_covariance else 0
        return cls(rows, tuple(variances), reference, block, flags=options.rejected)

    def widened(self, variances: Iterable[str]) -> Layout:
        """Return a layout that also holds the given variances."""
        more = tuple(name for name in variances if name not in self.variances)
        return replace(self, variances=self.variances + more)

    def reaching(self, lags: int) -> Layout:
        """Return a layout whose noise covariance has at least the given maximum lag."""
        return replace(self, lags=max(self.lags, lags)) if self.block else self

    @property
    def planes(self) -> dict[str, PlaneRow]:
        """The row of each plane by the name of the plane, in the order of the mosaic."""
        found: dict[str, PlaneRow] = {}
        for row in self.rows:
            names = self.variances if row.per_variance else ("",)
            found |= {row.name.replace("var_*", name): row for name in names}
        return found

    @property
    def means(self) -> tuple[str, ...]:
        """Planes that are means weighted by ``wht``."""
        return self.by_rule(Rule.MEAN)

    @property
    def resampled(self) -> bool:
        """Whether each variance has a plane of weights."""
        return any(row.rule is Rule.SUM and row.per_variance for row in self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Real-valued planes that are stored, in the order of the array."""
        sums = self.by_rule(Rule.SUM)
        return (sums[0], *self.means, *self.variances, *sums[1:], *self.flag_planes)

    @property
    def flag_planes(self) -> tuple[str, ...]:
        """Name in the array of each plane of the areas of rejected pixels."""
        return tuple(f"rejected {flag}" for flag in self.flags)

    @property
    def shares_flags(self) -> bool:
        """Whether ``dq`` holds the flags that all contributing pixels share."""
        return bool(self.by_rule(Rule.SHARED_DQ))

    @property
    def maps_area(self) -> bool:
        """Whether planes hold the areas of input pixels."""
        return bool(self.flags) or "exposure_map" in self.planes

    @property
    def linear(self) -> tuple[str, ...]:
        """Samples that are summed with the weight, in order; the first is 1 in every pixel."""
        if not self.resampled:
            return ("1", *self.means)
        reference = self.reference if self.variances else None
        extra = () if reference is None or reference in self.variances else (reference,)
        return ("1", *self.means, *self.variances, *extra)

    @property
    def squared(self) -> tuple[str, ...]:
        """Samples that are summed with the square of the weight."""
        return () if self.resampled else self.variances

    @property
    def sources(self) -> tuple[str, ...]:
        """Variables of an exposure that the samples are taken from."""
        return tuple(self.source(name) for name in (*self.linear[1:], *self.squared))

    def source(self, name: str) -> str:
        """Return the variable of an exposure that fills a plane."""
        row = self.planes.get(name)
        return name if row is None or row.source is None else row.source

    def samples(self, name: str, read: Callable[[str], np.ndarray | None]) -> np.ndarray | None:
        """Return the samples that fill a plane; None if the exposure has no such variable.

        Parameters
        ----------
        name : str
            The plane.
        read : callable
            Returns a variable of the exposure, or None.
        """
        source, row = read(self.source(name)), self.planes.get(name)
        if source is None or row is None or row.produce is None:
            return source
        return row.produce(source)

    def power(self, name: str) -> int:
        """Return the power of the units of ``data`` that a plane has."""
        return self.planes[name].power

    def by_rule(self, rule: Rule) -> tuple[str, ...]:
        """Return the names of the planes that combine by a rule."""
        return tuple(name for name, row in self.planes.items() if row.rule is rule)

    def identity(self, name: str, options: Options) -> float:
        """Return the value of a plane where no exposure contributes."""
        if name in self.flag_planes:
            return 0.0
        identity = self.planes[name].identity
        return parse_fillval(options.fillval) if identity is None else identity

    def dtype(self, name: str, options: Options) -> np.dtype:
        """Return the type of a plane."""
        dtype = self.planes[name].dtype
        if dtype == schema.TEXT_KIND:
            return schema.TEXT_DTYPE
        return np.dtype(options.dtype if dtype == "f" else dtype)

    def shape(
        self, name: str, image: tuple[int, int], exposures: int, origin: tuple[int, int] = (0, 0)
    ) -> tuple[int, ...]:
        """Return the shape of a plane of a mosaic of so many exposures.

        Parameters
        ----------
        name : str
            The plane.
        image : (int, int)
            Pixels of the mosaic, ``(y, x)``.
        exposures : int
            Number of exposures.
        origin : (int, int), optional
            First row and column of the mosaic, in the pixels of the grid.
        """
        if self.planes[name].rule is Rule.BLOCK_SUM:
            return (self.lags + 1, 2 * self.lags + 1, *self.blocks(image, origin).shape)
        if self.planes[name].rule is Rule.FLAGS:
            return (len(self.flags), *image)
        if self.planes[name].rule is Rule.SETS:
            return (1, 1)
        further = len(self.planes[name].dims) - len(image)
        return (*(n_planes(exposures),) * further, *image)

    def blocks(self, image: tuple[int, int], origin: tuple[int, int]) -> Blocks:
        """Return the blocks of the noise covariance of an image that begins at ``origin``."""
        return Blocks.of(image, origin, self.block)

    def pixel_bytes(self, options: Options, exposures: int) -> int:
        """Return the number of bytes of one pixel in all planes that have pixels."""
        return sum(
            self.dtype(name, options).itemsize * int(np.prod(self.shape(name, (1, 1), exposures)))
            for name, row in self.planes.items()
            if row.dims[-2:] == schema.PIXELS
        )


def first_layout(options: Options) -> Layout:
    """Return the layout of a mosaic without exposures."""
    return Layout.of(options, (options.variance_names or ()) if options.enable_var else ())


def wider_layout(layout: Layout, options: Options, variances: Iterable[str]) -> Layout:
    """Return a layout that holds the variances of an exposure, unless the options fix them."""
    if not options.enable_var or options.variance_names is not None:
        return layout
    return layout.widened(variances)


def _is_asked(row: PlaneRow, options: Options) -> bool:
    """Tell whether the options ask for a plane."""
    if row.asked_by is None:
        return True
    option, value = row.asked_by
    given = getattr(options, option)
    # True stands for every value that asks for a plane, except for those with rows of their own.
    if value is True:
        return bool(given) and (option, given) not in _OWN_ROWS
    return bool(given == value)


_OWN_ROWS = {row.asked_by for row in schema.MOSAIC if row.asked_by and row.asked_by[1] is not True}


def in_order_of_sum(names: Iterable[str]) -> tuple[str, ...]:
    """Return variances in the order in which they are summed.

    The order of the variables of a Dataset is lost in zarr, and sums in another order are rounded
    differently.

    Examples
    --------
    >>> in_order_of_sum(["var_flat", "var_rnoise", "var_poisson"])
    ('var_poisson', 'var_rnoise', 'var_flat')
    """
    return tuple(sorted(names, key=lambda name: (name not in _SUMMED_FIRST, name)))
