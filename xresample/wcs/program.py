"""A map as a program for `xresample.kernels.programs.run_program`."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from xresample.kernels import programs

from .expressions import Linear, Operation, pixel

_ROWS = {programs.SPHERE: 3, programs.UNIT: 3, programs.POLYNOMIAL: 2}
"""Rows of scratch that a step needs, if more than one; a polynomial uses its second row itself."""


@dataclass(frozen=True, eq=False)
class Program:
    """Steps that compute two numbers from the position of a pixel; immutable, so threads share it.

    `xresample.kernels.programs.run_program` takes these arrays.
    """

    steps: np.ndarray
    links: np.ndarray
    numbers: np.ndarray
    results: tuple[int, int]
    rows: int
    """Rows of scratch."""

    @classmethod
    def of(cls, x: Linear, y: Linear) -> Program:
        """Return the program that computes two expressions."""
        writer = _Writer()
        results = writer.row(x), writer.row(y)
        steps = np.array(writer.steps, np.int64).reshape(-1, 4)
        links, numbers = np.array(writer.links, np.int64), np.array(writer.numbers, np.float64)
        return cls(steps, links, numbers, results, writer.rows)

    def at(self, rows: range, columns: range) -> np.ndarray:
        """Return the results at the crossings of rows and columns, ``(y, x, 2)``, x first."""
        out = np.empty((len(rows), len(columns), 2))
        self.run(rows, columns, out)
        return out

    def run(self, rows: range, columns: range, out: np.ndarray) -> None:
        """Write the results at the crossings of rows and columns into ``out``, as `at` does."""
        scratch = np.empty((self.rows, programs.BLOCK))
        lattice = rows.start, rows.step, columns.start, columns.step
        arrays = self.steps, self.links, self.numbers
        programs.run_program(*arrays, self.results, lattice, scratch, out)


class _Writer:
    """Writes the steps of expressions; an expression that is used twice is computed once."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, int, int]] = []
        self.links: list[int] = []
        self.numbers: list[float] = []
        self._of_operations = {next(iter(pixel()[0].terms))[0]: 0}
        self._of_sums: dict[Hashable, int] = {}
        self.rows = 2

    def row(self, value: Linear) -> int:
        """Return the row of scratch that holds an expression, after writing its steps."""
        if value.constant == 0 and list(value.terms.values()) == [1]:
            ((operation, part),) = value.terms
            return self._first_row(operation) + part
        if value.key not in self._of_sums:
            self._of_sums[value.key] = self._sum(value)
        return self._of_sums[value.key]

    def _sum(self, value: Linear) -> int:
        rows = [self._first_row(operation) + part for operation, part in value.terms]
        # A constant is 0 times the x of the pixel, which is finite, plus the constant.
        factors = [float(factor) for factor in value.terms.values()] or [0.0]
        return self._step(
            programs.SUM, [len(factors), *(rows or [0])], [float(value.constant), *factors]
        )

    def _first_row(self, operation: Operation) -> int:
        """Return the row of the first result of an operation."""
        if operation not in self._of_operations:
            links = [self.row(value) for value in operation.inputs]
            rows = operation.coefficients
            if operation.code == programs.POLYNOMIAL:
                links += [len(rows), *map(len, rows)]
            numbers = [value for row in rows for value in row]
            self._of_operations[operation] = self._step(operation.code, links, numbers)
        return self._of_operations[operation]

    def _step(self, code: int, links: list[int], numbers: list[float]) -> int:
        """Write a step; return the first row of its results."""
        target = self.rows
        self.rows += _ROWS.get(code, 1)
        self.steps.append((code, target, len(self.links), len(self.numbers)))
        self.links += links
        self.numbers += numbers
        return target
