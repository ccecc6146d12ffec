"""A slow drizzle in float64 that follows the formulas, one input pixel at a time.

This module shares no code with the package. For the square kernel, each side of an output cell cuts
the polygon of an input pixel in turn (Sutherland and Hodgman), and the shoelace formula gives the
area. Images of about 20 x 20 pixels take less than a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

Point = tuple[float, float]
Deposit = tuple[int, int, float]

SMALLEST = 1e-10
"""Smaller overlaps are rounding errors and are dropped."""


def at(pixmap: np.ndarray, x: float, y: float) -> Point:
    """Return the map at a position: bilinear between pixel centres, extrapolated at the border."""
    ny, nx, _ = pixmap.shape
    i = min(max(math.floor(x), 0), nx - 2)
    j = min(max(math.floor(y), 0), ny - 2)
    u, v = x - i, y - j
    value = (
        (1 - u) * (1 - v) * pixmap[j, i]
        + u * (1 - v) * pixmap[j, i + 1]
        + (1 - u) * v * pixmap[j + 1, i]
        + u * v * pixmap[j + 1, i + 1]
    )
    return float(value[0]), float(value[1])


def area(polygon: list[Point]) -> float:
    """Return the signed area of a polygon (shoelace formula); counter-clockwise is positive."""
    after = polygon[1:] + polygon[:1]
    terms = (x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, after, strict=True))
    return 0.5 * sum(terms)


def cut(polygon: list[Point], axis: int, limit: float, sign: float) -> list[Point]:
    """Return the part of a polygon where ``sign * coordinate >= sign * limit``."""
    kept: list[Point] = []
    for start, end in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        a, b = sign * (start[axis] - limit), sign * (end[axis] - limit)
        if a >= 0:
            kept.append(start)
        if a * b < 0:
            t = a / (a - b)
            kept.append((start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])))
    return kept


def inside_cell(polygon: list[Point], x: int, y: int) -> float:
    """Return the signed area of the part of a polygon inside an output cell."""
    for axis, centre in enumerate((x, y)):
        polygon = cut(polygon, axis, centre - 0.5, 1.0)
        polygon = cut(polygon, axis, centre + 0.5, -1.0)
    return area(polygon) if len(polygon) > 2 else 0.0


def square(pixmap: np.ndarray, i: int, j: int, pixfrac: float, ratio: float) -> Iterator[Deposit]:
    """Yield the overlaps of one pixel with the square kernel."""
    h = pixfrac / 2
    outline = [at(pixmap, i + u, j + v) for u, v in ((-h, -h), (h, -h), (h, h), (-h, h))]
    whole = area(outline)
    xs, ys = zip(*outline, strict=True)
    for y in range(math.floor(min(ys) + 0.5), math.floor(max(ys) + 0.5) + 1):
        for x in range(math.floor(min(xs) + 0.5), math.floor(max(xs) + 0.5) + 1):
            yield x, y, inside_cell(outline, x, y) / whole


def turbo(pixmap: np.ndarray, i: int, j: int, pixfrac: float, ratio: float) -> Iterator[Deposit]:
    """Yield the overlaps of one pixel with the turbo kernel."""
    h = pixfrac / (2 * ratio)
    px, py = map(float, pixmap[j, i])
    box = [(px - h, py - h), (px + h, py - h), (px + h, py + h), (px - h, py + h)]
    for y in range(math.floor(py - h + 0.5), math.floor(py + h + 0.5) + 1):
        for x in range(math.floor(px - h + 0.5), math.floor(px + h + 0.5) + 1):
            yield x, y, inside_cell(box, x, y) * ratio**2 / pixfrac**2


def point(pixmap: np.ndarray, i: int, j: int, pixfrac: float, ratio: float) -> Iterator[Deposit]:
    """Yield the only overlap of a pixel with the point kernel."""
    px, py = map(float, pixmap[j, i])
    yield math.floor(px + 0.5), math.floor(py + 0.5), 1.0


def gaussian(pixmap: np.ndarray, i: int, j: int, pixfrac: float, ratio: float) -> Iterator[Deposit]:
    """Yield the overlaps of one pixel with the gaussian kernel."""
    k = 2.3548**2 * ratio**2 / (2 * pixfrac**2)
    reach = max(2.5 * pixfrac / 2.3548, 1.2) / ratio
    px, py = map(float, pixmap[j, i])
    for y in range(math.floor(py - reach + 0.5), math.floor(py + reach + 0.5) + 1):
        for x in range(math.floor(px - reach + 0.5), math.floor(px + reach + 0.5) + 1):
            yield x, y, k / math.pi * math.exp(-k * ((x - px) ** 2 + (y - py) ** 2))


def sinc(t: float) -> float:
    """Return sin(pi t) / (pi t)."""
    return 1.0 if t == 0 else math.sin(math.pi * t) / (math.pi * t)


def lanczos(pixmap: np.ndarray, i: int, j: int, ratio: float, order: int) -> Iterator[Deposit]:
    """Yield the overlaps of one pixel with a lanczos kernel, which ignores pixfrac.

    Distances are rounded to the steps of the look-up table of drizzle.
    """

    def table(distance: float) -> float:
        t = 0.003 * math.floor(distance * ratio / 0.003 + 0.5)
        return sinc(t) * sinc(t / order) if t <= order else 0.0

    px, py = map(float, pixmap[j, i])
    reach = order / ratio
    for y in range(math.floor(py - reach) + 1, math.floor(py + reach) + 1):
        for x in range(math.floor(px - reach) + 1, math.floor(px + reach) + 1):
            yield x, y, table(abs(x - px)) * table(abs(y - py))


def overlaps(
    pixmap: np.ndarray, i: int, j: int, kernel: str, pixfrac: float, ratio: float
) -> Iterator[Deposit]:
    """Yield the output pixels that an input pixel overlaps: x, y and the overlap."""
    if kernel.startswith("lanczos"):
        yield from lanczos(pixmap, i, j, ratio, int(kernel[-1]))
    else:
        rules = {"square": square, "turbo": turbo, "point": point, "gaussian": gaussian}
        yield from rules[kernel](pixmap, i, j, pixfrac, ratio)


def slow_drizzle(
    data: np.ndarray,
    weights: np.ndarray,
    pixmap: np.ndarray,
    out_shape: tuple[int, int],
    kernel: str,
    pixfrac: float,
    ratio: float,
    *,
    planes: Mapping[str, np.ndarray] | None = None,
    variances: Mapping[str, np.ndarray] | None = None,
    dq: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return the weight, the weighted means, the propagated variances, context and dq.

    Means and variances are NaN where the weight is 0. ``lowest`` is the smallest overlap that
    reached an output pixel: where it is tiny, rounding decides whether the context bit is set.
    """
    means = {"data": data, **(planes or {})}
    variances = variances or {}
    dq = np.zeros(data.shape, np.uint32) if dq is None else dq
    wht, lowest = np.zeros(out_shape), np.full(out_shape, np.inf)
    sums = {name: np.zeros(out_shape) for name in (*means, *variances)}
    context, flags = np.zeros(out_shape, bool), np.zeros(out_shape, np.uint32)
    for j, i in np.ndindex(data.shape):
        w = float(weights[j, i])
        if w == 0 or not np.isfinite(pixmap[j, i]).all():
            continue
        for x, y, a in overlaps(pixmap, i, j, kernel, pixfrac, ratio):
            if not (0 <= x < out_shape[1] and 0 <= y < out_shape[0]):
                continue
            if a != 0:
                lowest[y, x] = min(lowest[y, x], abs(a))
            if abs(a) <= SMALLEST:
                continue
            wht[y, x] += a * w
            for name, image in means.items():
                sums[name][y, x] += a * w * float(image[j, i])
            for name, image in variances.items():
                sums[name][y, x] += (a * w) ** 2 * float(image[j, i])
            if a * w > 0:
                context[y, x] = True
                flags[y, x] |= dq[j, i]
    divisor = np.where(wht == 0, np.nan, wht)
    result = {name: sums[name] / divisor for name in means}
    result |= {name: sums[name] / divisor**2 for name in variances}
    return result | {"wht": wht, "context": context, "dq": flags, "lowest": lowest}
