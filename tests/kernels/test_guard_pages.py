"""No kernel reads behind the end of an array: the memory there may not be accessible."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import ctypes, mmap
import numpy as np

from tests.support.kernel_maps import noisy_exposure, smooth_map
from tests.support.kernel_runs import Exposure, Onto, empty_planes
from xresample.accumulate import deposit
from xresample.kernels.samples import INVERSE, PLAIN, ROOT
from xresample.kernels.spline import TERMS, evaluate_spline
from xresample.kernels.structures import KERNELS

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
maps = []

def guarded(array):
    '''Return a copy whose last byte lies in front of a page without access.'''
    array = np.ascontiguousarray(array)
    whole = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, whole + mmap.PAGESIZE)
    maps.append(memory)
    raw = np.frombuffer(memory, np.uint8)
    if libc.mprotect(raw.ctypes.data + whole, mmap.PAGESIZE, 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    copy = raw[whole - array.nbytes : whole].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy

def run(exposure, onto, dtype, uses):
    pixmap, dq = guarded(exposure.pixmap), guarded(exposure.dq)
    sampled = [
        plane._replace(array=guarded(plane.array), use=use)
        for plane, use in zip(exposure.sampled(dtype), uses, strict=True)
    ]
    empty = empty_planes(exposure, onto, dtype)
    arrays = [guarded(array) for array in empty[:3]]
    planes = empty._replace(values=arrays[0], context=arrays[1], dq=arrays[2])
    placement = deposit.place(
        pixmap, exposure.active, onto.footprint, onto.shape, onto.origin, tile=(7, 11), threads=1
    )
    rules = deposit.make_rules(3)
    flags = deposit.Flags(dq, bad=2)
    deposit.run(sampled, flags, pixmap, placement, exposure.lanes, rules, planes, threads=1)
    assert planes.values[0].any()

def spline():
    rng = np.random.default_rng(0)
    starts = guarded(np.minimum(np.arange(9), 3))
    evaluate_spline(
        guarded(rng.random((2, 3 + TERMS, 3 + TERMS))), starts, guarded(rng.random((9, TERMS))),
        guarded(np.array([0, 4, 9])), guarded(np.array([0, 3])), guarded(rng.random((TERMS, 9))),
        0, 9, guarded(np.empty((9, 9, 2))),
    )

def main():
    rng = np.random.default_rng(1)
    for shape, scale in (((19, 23), 1.0), ((5, 131), 0.4), ((2, 2), 7.0)):
        pixmap = smooth_map(shape, scale, 25.0, centre=(9.0, 6.0))
        pixmap[0, 0] = np.nan
        exposure = noisy_exposure(pixmap)
        images = [rng.random(shape) + 0.5 for _ in range(4)]
        for kernel in KERNELS:
            onto = Onto((15, 17), kernel, 0.9, 1 / scale)
            for dtype in ("f4", "f8"):
                resampled = exposure._replace(means=images[:1], sigmas=images[1:])
                run(resampled, onto, dtype, [INVERSE, PLAIN, PLAIN, ROOT, ROOT, ROOT])
                propagated = exposure._replace(means=images[:1], variances=images[1:])
                run(propagated, onto, dtype, [PLAIN] * 6)
    spline()
    print("all kernels ran")

def fail():
    '''Read behind the end: this process must not survive.'''
    array = guarded(np.arange(10.0))
    ctypes.c_double.from_address(array.ctypes.data + array.nbytes).value
    print("the page is not guarded")

{call}()
"""


def run(call: str) -> subprocess.CompletedProcess[str]:
    """Call a function of the script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("{call}", call)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONFAULTHANDLER": ""},
    )


@pytest.mark.skipif(sys.platform == "win32", reason="mprotect is a function of POSIX systems")
def test_no_kernel_reads_behind_an_array() -> None:
    done = run("main")
    assert (done.returncode, done.stdout.strip()) == (0, "all kernels ran"), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="mprotect is a function of POSIX systems")
def test_the_guard_stops_a_process_that_reads_behind_an_array() -> None:
    done = run("fail")
    assert done.returncode < 0
    assert done.stdout == ""
