"""Sky levels from differences of images: sparse normal equations, with robust weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .differences import Differences

HUBER = 1.345
"""Standard deviations from which a difference loses weight (Huber 1981, 95 % efficiency)."""

REWEIGHTED = 2
"""Number of times that the differences are weighted again."""

NORMAL_MAD = 1.4826022
"""Standard deviation of a normal distribution over its median absolute deviation."""

RANK = 1e-10
"""Eigenvalues below this fraction of the largest one are not determined by the differences."""

STIFFNESS = 100.0
"""Unit of length over the size of the area; it makes a constant cheaper than a slope.

Where the differences determine only one number, this number becomes a constant and not a slope.
"""

FLOOR = 1e-12
"""Minimum variance of a difference, as a fraction of the largest variance."""


Anchor = int | Literal["minimum", "mean"]
"""Number of the image whose level is 0, or what is 0 in each connected set of images."""


@dataclass(frozen=True)
class Levels:
    """The sky levels of images, relative to an anchor in each connected set of images."""

    coefficients: np.ndarray
    """``(image, term)``: the level at the origin, and for planes the slopes along y and x."""
    origin: tuple[float, float]
    """Position of the origin, y and x, in the pixels of the grid."""
    level: np.ndarray
    """Level at the mean position of the superpixels of each image."""
    error: np.ndarray
    """Standard deviation of the level relative to the anchor; NaN without differences."""
    component: np.ndarray
    """Number of the connected set that each image belongs to."""
    compared: np.ndarray
    """Number of differences that each image takes part in."""
    scatter: float
    """Scatter of the differences over the scatter that the pixels predict, at least 1."""

    def at(self, image: int, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the level of an image at positions, in the pixels of the grid."""
        terms = _terms(y - self.origin[0], x - self.origin[1], len(self.coefficients[0]) > 1)
        level: np.ndarray = terms @ self.coefficients[image]
        return level


def solve(found: Differences, count: int, order: int, anchor: Anchor) -> Levels:
    """Return the levels of images that agree best with their differences.

    Parameters
    ----------
    found : Differences
        The differences.
    count : int
        Number of images.
    order : {0, 1}
        Whether the sky of an image is constant, or a plane.
    anchor : int, "minimum" or "mean"
        Zero point of each connected set: the level of this image, or the minimum or the mean of the
        levels. In sets without the image, the minimum is 0.
    """
    component = components_of(found, count)
    origin, unit = _origin(found)
    terms = _terms((found.y - origin[0]) / unit, (found.x - origin[1]) / unit, order > 0)
    fit = _fitted(found, terms, component)
    compared = np.bincount(np.concatenate([found.first, found.second]), minlength=count)
    centre = _centres(found, terms, count)
    levels = np.sum(centre * fit.coefficients, axis=1)
    coefficients, error = fit.coefficients.copy(), np.full(count, np.nan)
    for number, covariance in enumerate(fit.covariances):
        images = np.flatnonzero(component == number)
        rows = _placed(centre[images])
        if anchor in images:
            # The anchor has no plane at all, so the planes of the others are relative to its plane.
            reference = images == anchor
            coefficients[images] -= coefficients[anchor]
            rows = rows - _placed(centre[images], np.full(len(images), np.argmax(reference)))
        elif anchor != "mean":
            lowest = int(np.argmin(levels[images]))
            coefficients[images, 0] -= levels[images[lowest]]
            rows = rows - rows[lowest]
        error[images] = np.sqrt(np.maximum(np.sum((rows @ covariance) * rows, axis=1), 0.0))
    error = np.where(compared > 0, fit.scatter * error, np.nan)
    levels = np.sum(centre * coefficients, axis=1)
    coefficients[:, 1:] /= unit
    return Levels(coefficients, origin, levels, error, component, compared, fit.scatter)


@dataclass(frozen=True)
class _Fit:
    """The solution of the normal equations."""

    coefficients: np.ndarray
    """``(image, term)``."""
    covariances: list[np.ndarray]
    """Covariance of the coefficients of each connected set, before it is scaled."""
    scatter: float


def _fitted(found: Differences, terms: np.ndarray, component: np.ndarray) -> _Fit:
    """Return the coefficients of all images, from differences that are weighted robustly."""
    design = _design(found, terms, len(component))
    floor = FLOOR * found.variance.max(initial=0.0)
    variance = np.maximum(found.variance, floor if floor > 0 else 1.0)
    robust, scatter = np.ones(len(found)), 1.0
    solution, covariances = _least_squares(design, found, robust / variance, component)
    for _ in range(REWEIGHTED):
        if not len(found):
            break
        residual = np.abs(found.value - design @ solution) / np.sqrt(variance)
        scatter = max(1.0, NORMAL_MAD * float(np.median(residual)))
        robust = HUBER * scatter / np.maximum(residual, HUBER * scatter)
        solution, covariances = _least_squares(design, found, robust / variance, component)
    return _Fit(solution.reshape(len(component), -1), covariances, scatter)


def _least_squares(
    design: Any, found: Differences, weights: np.ndarray, component: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the coefficients of all images, and the covariances of each connected set.

    Coefficients that the differences do not determine, such as a common level, are 0 on average.
    """
    terms = design.shape[1] // len(component)
    weighted = design.multiply((weights * found.share)[:, None]).tocsr()
    normal, right = (design.T @ weighted).tocsr(), weighted.T @ found.value
    solution, covariances = np.zeros(design.shape[1]), []
    for number in range(component.max(initial=-1) + 1):
        images = np.flatnonzero(component == number)
        chosen = (images[:, None] * terms + np.arange(terms)).ravel()
        part = normal[chosen][:, chosen].toarray()
        covariances.append(np.linalg.pinv(part, rcond=RANK, hermitian=True))
        solution[chosen] = covariances[-1] @ right[chosen]
    return solution, covariances


def components_of(found: Differences, count: int) -> np.ndarray:
    """Return the number of the connected set of each image, counted from the first image."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = coo_matrix((np.ones(len(found)), (found.first, found.second)), shape=(count, count))
    labels = connected_components(links, directed=False)[1]
    first = np.unique(labels, return_index=True)[1]
    rank = np.argsort(np.argsort(first))
    numbers: np.ndarray = rank[labels]
    return numbers


def _origin(found: Differences) -> tuple[tuple[float, float], float]:
    """Return the middle of the area of the differences, and the unit of length."""
    if not len(found):
        return (0.0, 0.0), 1.0
    low, high = (np.array([pick(found.y), pick(found.x)]) for pick in (np.min, np.max))
    middle = (low + high) / 2
    return (float(middle[0]), float(middle[1])), STIFFNESS * max(1.0, float((high - low).max()))


def _terms(y: np.ndarray, x: np.ndarray, plane: bool) -> np.ndarray:
    """Return the terms of the sky at positions, ``(position, term)``."""
    return np.stack([np.ones(len(y)), y, x] if plane else [np.ones(len(y))], axis=1)


def _design(found: Differences, terms: np.ndarray, count: int) -> Any:
    """Return the sparse matrix from the coefficients of all images to the differences."""
    from scipy.sparse import csr_matrix

    m, p = terms.shape
    row = np.repeat(np.arange(m), p)
    columns = [(side[:, None] * p + np.arange(p)).ravel() for side in (found.first, found.second)]
    values = np.concatenate([terms.ravel(), -terms.ravel()])
    place = np.concatenate([row, row]), np.concatenate(columns)
    return csr_matrix((values, place), shape=(m, count * p))


def _centres(found: Differences, terms: np.ndarray, count: int) -> np.ndarray:
    """Return the mean terms of the superpixels of each image, ``(image, term)``."""
    images = np.concatenate([found.first, found.second])
    twice = np.concatenate([terms, terms])
    number = np.maximum(np.bincount(images, minlength=count), 1)
    sums = [np.bincount(images, column, count) / number for column in twice.T]
    sums[0] = np.ones(count)
    return np.stack(sums, axis=1)


def _placed(terms: np.ndarray, at: np.ndarray | None = None) -> np.ndarray:
    """Return rows of terms of images as rows of a matrix for the coefficients of all images."""
    images, p = terms.shape
    at = np.arange(images) if at is None else at
    rows = np.zeros((images, images, p))
    rows[np.arange(images), at] = terms
    return rows.reshape(images, images * p)
