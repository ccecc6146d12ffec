"""Items shared out among threads."""

from __future__ import annotations

import threading

import pytest

from xresample import threads


@pytest.mark.parametrize("given", [1, 2, 5, 40])
def test_every_item_once(given):
    done = []
    threads.run(done.append, iter(range(30)), given)
    assert sorted(done) == list(range(30))


def test_nothing_to_do():
    threads.run(pytest.fail, [], 4)


@pytest.mark.parametrize(("given", "items"), [(3, 3), (3, 9), (5, 2)])
def test_as_many_threads_as_asked_for_and_the_caller_is_one(given, items):
    taking_part = min(given, items)
    # Nobody goes on before all are there: more threads would wait for ever, as would fewer.
    barrier = threading.Barrier(taking_part, timeout=30)
    seen = set()

    def work(item):
        if item < taking_part:
            barrier.wait()
        seen.add(threading.get_ident())

    threads.run(work, range(items), given)
    assert threading.get_ident() in seen
    assert len(seen) == taking_part


@pytest.mark.parametrize("given", [1, 2])
def test_the_error_of_the_first_item_that_fails_is_raised_and_no_more_are_begun(given):
    begun = []
    later_one_fails = threading.Event()

    def work(item):
        begun.append(item)
        if item == 3:
            assert given == 1 or later_one_fails.wait(30)
            raise ValueError(item)
        if item == 4:
            later_one_fails.set()
            raise ValueError(item)

    with pytest.raises(ValueError, match="3"):
        threads.run(work, range(1000), given)
    assert sorted(begun) == [0, 1, 2, 3, 4][: 3 + given]


def test_nested():
    done = []

    def work(item):
        threads.run(lambda part: done.append((item, part)), range(4), 2)

    threads.run(work, range(5), 3)
    assert sorted(done) == [(item, part) for item in range(5) for part in range(4)]


@pytest.mark.parametrize(("given", "wanted"), [(3, 3), (0, 1), (None, 7)])
def test_count(monkeypatch, given, wanted):
    monkeypatch.setenv("XRESAMPLE_NUM_THREADS", "7")
    assert threads.count(given) == wanted
