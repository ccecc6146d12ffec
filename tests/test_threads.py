"""Work items are shared among threads."""

from __future__ import annotations

import threading

import pytest

from xresample import InvalidInputError, threads


@pytest.mark.parametrize("given", [1, 2, 5, 40])
def test_every_item_runs_once(given):
    done = []
    threads.run(done.append, iter(range(30)), given)
    assert sorted(done) == list(range(30))


def test_no_items_start_no_work():
    threads.run(pytest.fail, [], 4)


@pytest.mark.parametrize(("given", "items"), [(3, 3), (3, 9), (5, 2)])
def test_the_caller_and_the_requested_number_of_threads_take_part(given, items):
    taking_part = min(given, items)
    # Every thread waits for all others, so a missing thread would break the barrier. After that,
    # the items are used up, so an extra thread would be seen.
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
def test_the_first_error_is_raised_and_no_more_items_start(given):
    started = []
    later_one_fails = threading.Event()

    def work(item):
        started.append(item)
        if item == 3:
            assert given == 1 or later_one_fails.wait(30)
            raise ValueError(item)
        if item == 4:
            later_one_fails.set()
            raise ValueError(item)

    with pytest.raises(ValueError, match="3"):
        threads.run(work, range(1000), given)
    assert sorted(started) == [0, 1, 2, 3, 4][: 3 + given]


def test_nested_runs_finish():
    done = []

    def work(item):
        threads.run(lambda part: done.append((item, part)), range(4), 2)

    threads.run(work, range(5), 3)
    assert sorted(done) == [(item, part) for item in range(5) for part in range(4)]


@pytest.mark.parametrize(("given", "wanted"), [(3, 3), (None, 7)])
def test_count_reads_the_environment(monkeypatch, given, wanted):
    monkeypatch.setenv("XRESAMPLE_NUM_THREADS", "7")
    assert threads.count(given) == wanted


@pytest.mark.parametrize("given", [0, -1, 1.5, True, "2"])
def test_count_refuses_anything_but_a_positive_integer(given):
    with pytest.raises(InvalidInputError, match="threads must be an integer of at least 1"):
        threads.count(given)


def test_count_refuses_a_limit_that_is_no_number(monkeypatch):
    monkeypatch.setenv("XRESAMPLE_NUM_THREADS", "many")
    with pytest.raises(InvalidInputError, match="XRESAMPLE_NUM_THREADS must be an integer"):
        threads.count()
