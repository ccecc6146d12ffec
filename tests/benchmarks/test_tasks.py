"""Parts of the benchmark that run in processes of their own, with small images."""

from __future__ import annotations

import pytest

from .tasks import TASKS


@pytest.mark.parametrize(
    ("task", "arguments", "key"),
    [
        ("marginal", (64, 80, 2), "seconds"),
        ("memory", ("ours", 64, 80, 2), "peak"),
        ("outliers", ("ours", 64, 80, 3), "peak"),
    ],
)
def test_a_task_measures_something(task: str, arguments: tuple[object, ...], key: str) -> None:
    assert TASKS[task](*arguments)[key] >= 0.0
