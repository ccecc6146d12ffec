"""Handles of WCSs: text or object, equality, pickling, and the caches of each thread."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest
from astropy.modeling.models import Identity
from numpy.testing import assert_array_equal

from tests.support import wcs as makers
from xresample.errors import UnsupportedWCSError, WCSTextError
from xresample.wcs import handle, text
from xresample.wcs import transform as wcs
from xresample.wcs.caches import SharedCache, ThreadCache
from xresample.wcs.coarse import Lattice
from xresample.wcs.handle import WCSHandle, clear_caches, remembered
from xresample.wcs.pixels import Pixels


def in_thread(function):
    """Return what a function returns in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def is_remembered(image):
    """Tell whether this thread keeps an object, and what is derived from the object."""
    calls = []
    for _ in range(2):
        remembered(image, calls.append)
    return len(calls) == 1


def test_a_handle_of_text():
    known = text.to_text(makers.make_gwcs())
    given = WCSHandle(known)
    assert (given.text, given.is_live) == (known, False)
    assert_array_equal(
        wcs.pixel_to_world(given.object, 3.0, 4.0), wcs.pixel_to_world(text.parse(known), 3.0, 4.0)
    )


def test_a_handle_of_an_object():
    image = makers.make_fits()
    given = WCSHandle(image)
    assert given.object is image
    assert given.is_live
    assert given.text == text.to_text(image)
    assert given.new_object() is not image


def test_a_handle_is_made_without_work(monkeypatch):
    monkeypatch.setattr(handle, "parse", None)
    monkeypatch.setattr(handle, "to_text", None)
    WCSHandle("not a WCS at all")
    WCSHandle(makers.Plain())


def test_the_text_of_an_object_is_written_once(monkeypatch):
    written = []
    monkeypatch.setattr(handle, "to_text", lambda image: written.append(image) or "text")
    given = WCSHandle(makers.make_fits())
    assert (given.text, given.text, len(written)) == ("text", "text", 1)


def test_a_saved_handle_does_not_follow_its_object():
    image = makers.make_fits()
    saved, live = WCSHandle.saved(image), WCSHandle(image)
    before = wcs.pixel_to_world(image, 3.0, 4.0)
    image.wcs.crpix += 3.0
    assert_array_equal(wcs.pixel_to_world(saved.object, 3.0, 4.0), before)
    assert live.object is image
    assert WCSHandle.saved(saved.text) == saved


def change_parameter(image):
    leaf = next(iter(image.pipeline[0].transform.traverse_postorder()))
    name = leaf.param_names[0]
    setattr(leaf, name, getattr(leaf, name).value + 1.0)


CHANGES = {
    "parameter": change_parameter,
    "bounding box": lambda image: setattr(image, "bounding_box", ((0, 5), (0, 7))),
    "shape": lambda image: setattr(image, "array_shape", (5, 6)),
    "name": lambda image: setattr(image.pipeline[0].transform, "name", "another"),
    "inverse": lambda image: setattr(image.pipeline[0].transform, "inverse", Identity(2)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_text_of_a_changed_object_is_written_anew(change, monkeypatch):
    """The text of the same state is not written again."""
    image, written = makers.make_gwcs(distortion=3.0), []
    monkeypatch.setattr(handle, "to_text", lambda it: written.append(1) or text.to_text(it))
    clear_caches()
    before = WCSHandle.saved(image)
    image(1.0, 2.0)
    assert WCSHandle.saved(image).text == before.text == text.to_text(image)
    assert len(written) == 1
    CHANGES[change](image)
    assert WCSHandle.saved(image).text == text.to_text(image) != before.text
    assert len(written) == 2


def test_an_object_that_cannot_be_pickled_is_written_each_time(monkeypatch):
    image = makers.make_gwcs()
    image.note = lambda: None
    assert WCSHandle.saved(image).text == text.to_text(makers.make_gwcs())


def test_faults_appear_when_the_handle_is_used():
    with pytest.raises(WCSTextError, match="is not the ASDF text"):
        _ = WCSHandle("not a WCS at all").object
    with pytest.raises(UnsupportedWCSError, match="Plain cannot be saved"):
        _ = WCSHandle(makers.Plain()).text
    with pytest.raises(UnsupportedWCSError, match="Plain cannot be saved"):
        WCSHandle.saved(makers.Plain())


def test_equality_and_hash_are_those_of_the_text():
    image = makers.make_sip()
    same = WCSHandle(image), WCSHandle(text.to_text(image)), WCSHandle.saved(makers.make_sip())
    assert len(set(same)) == 1
    other = WCSHandle(makers.make_sip(amplitude=3.0))
    assert same[0] != other
    assert same[0] != same[0].text
    assert same[0].digest == same[1].digest != other.digest


def pickled(given):
    """Return a handle after pickling and unpickling."""
    return pickle.loads(pickle.dumps(given))  # noqa: S301 - made right here


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_copies_and_pickles_hold_text(copied):
    image = makers.make_gwcs()
    _ = (live := WCSHandle(image)).object, (plain := WCSHandle.saved(image)).object
    for given in (live, plain):
        found = copied(given)
        assert found == given
        assert not found.is_live
    assert len(pickle.dumps(plain)) < len(plain.text.encode()) + 200


def test_each_thread_has_its_own_object():
    given = WCSHandle(text.to_text(makers.make_fits()))
    mine = given.object
    assert WCSHandle(given.text).object is mine
    assert given.new_object() is not mine
    other = in_thread(lambda: given.object)
    assert other is not mine
    assert is_remembered(mine)
    assert not is_remembered(given.new_object())
    assert not is_remembered(other)


def test_a_thread_keeps_a_limited_number_of_objects():
    handles = [WCSHandle.saved(makers.make_fits(crval=(float(i), 0.0))) for i in range(33)]
    first = handles[0].object
    for given in handles[1:]:
        _ = given.object
    assert not is_remembered(first)
    assert handles[0].object is not first


def test_what_is_derived_from_an_object_is_made_once():
    calls = []

    def derive(image):
        calls.append(image)
        return len(calls)

    given = WCSHandle.saved(makers.make_fits())
    assert [remembered(given.object, derive) for _ in range(3)] == [1, 1, 1]
    live = makers.make_fits()
    assert [remembered(live, derive) for _ in range(2)] == [2, 3]


def test_clear_caches():
    given = WCSHandle.saved(makers.make_fits())
    mine, lattice = given.object, Lattice.of(given, Pixels.of((20, 30)))
    assert Lattice.of(given, Pixels.of((20, 30))) is lattice
    clear_caches()
    assert given.object is not mine
    assert Lattice.of(given, Pixels.of((20, 30))) is not lattice


def test_clear_caches_reaches_other_threads():
    cache = ThreadCache(2)
    filled, cleared = threading.Event(), threading.Event()

    def work():
        before = cache.get("key", lambda: 1)
        filled.set()
        cleared.wait()
        return before, cache.values()

    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    filled.wait()
    clear_caches()
    cleared.set()
    thread.join()
    assert found == [(1, [])]


def test_a_live_object_has_no_remembered_lattice():
    image = makers.make_fits()
    before = Lattice.of(WCSHandle(image), Pixels.of((20, 30)))
    image.wcs.crval = [151.0, 2.0]
    after = Lattice.of(WCSHandle(image), Pixels.of((20, 30)))
    assert abs(after.lon - before.lon).min() > 0.5


@pytest.mark.parametrize("kind", [ThreadCache, SharedCache])
def test_the_entry_used_least_recently_goes_first(kind):
    cache, made = kind(2), []

    def get(key):
        return cache.get(key, lambda: made.append(key) or key)

    assert [get(key) for key in "abacbac"] == list("abacbac")
    # "b" leaves when "c" comes; then "a" leaves for "b", "c" for "a", and "b" for "c".
    assert made == list("abcbac")


@pytest.mark.parametrize("kind", [ThreadCache, SharedCache])
def test_a_failure_is_not_kept(kind):
    cache = kind(2)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 // 0)
    assert cache.get("key", lambda: 3) == 3
