"""The timed jobs: pairs of functions that do the same work, in xresample and in a reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drizzle.resample import Drizzle
from stcal.resample import Resample
from stcal.resample.utils import build_driz_weight, calc_pixmap

import xresample as xrs
from xresample.accumulate.weights import weights_of
from xresample.accumulate.window import pixel_map
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import Options

from .campaign import VARIANCES, Campaign

FULL = {"compute_err": "driz_err", "propagate_dq": True}
BARE: dict[str, Any] = {"enable_var": False, "enable_ctx": False}


@dataclass(frozen=True)
class Job:
    """A row of the table: two functions to compare, and the goal for the ratio of their times."""

    name: str
    target: float
    ours: Callable[[], object]
    reference: Callable[[], object]
    unit: int = 1
    """Number of exposures per run."""


def whole(
    name: str,
    target: float,
    campaign: Campaign,
    step: int | None,
    ours: dict[str, Any],
    full: bool = True,
) -> Job:
    """Return a job that co-adds a campaign, from arrays to finished planes.

    ``step`` is the ``pixmap_stepsize`` of stcal; ``ours`` holds options for both.
    """
    grid = campaign.grid()
    numbers = range(campaign.count)
    exposures = [campaign.exposure(k, full) for k in numbers]
    models = [campaign.model(k) for k in numbers]
    exact = ours.pop("exact", False)
    common = {**(FULL if full else BARE), **ours}

    def run() -> object:
        more = {"pixmap_stepsize": 1} if exact else {}
        return xrs.coadd(exposures, grid, **common, **more)

    def reference() -> object:
        made = Resample(
            {"wcs": grid},
            n_input_models=campaign.count,
            pixmap_stepsize=step or 1,
            pixmap_order=3,
            **common,
        )
        for model in models:
            made.add_model(dict(model))
        made.finalize()
        return made.output_model

    return Job(name, target, run, reference, campaign.count)


def against_drizzle(name: str, target: float, campaign: Campaign, threads: int | None) -> Job:
    """Return a job with a given pixel map: one call of drizzle, one `add` of the same planes."""
    exposure, model = campaign.exposure(0), campaign.model(0)
    pixmap = calc_pixmap(model["wcs"], campaign.grid(), model["data"].shape, stepsize=32, order=3)
    weight = 1.0 / model["var_rnoise"]
    shape = (campaign.output, campaign.output)
    full = threads is None
    variances = [model[name] for name in VARIANCES]
    how: dict[str, Any] = (
        {"variance_method": "propagated", "propagate_dq": True, "good_bits": "~0"} if full else BARE
    )
    mosaic = xrs.empty_mosaic(shape, **how)

    def run() -> object:
        return mosaic.resample.add(exposure, pixmap=pixmap, threads=threads)

    def reference() -> object:
        made = Drizzle(kernel="square", fillval="0", out_shape=shape, disable_ctx=not full)
        planes = {"data2": variances, "dq": model["dq"]} if full else {}
        return made.add_image(model["data"], 100.0, pixmap, weight_map=weight, **planes)

    return Job(name, target, run, reference)


def stages(campaign: Campaign) -> list[Job]:
    """Return jobs for single stages of adding one exposure."""
    wcs = campaign.grid()
    exposure, model = Exposure(campaign.exposure(0)), campaign.model(0)
    grid, options = Grid.of(wcs), Options()
    rows, columns = exposure.y, exposure.x

    def ours_map(step: int | None) -> Callable[[], object]:
        how = Options(pixmap_stepsize=step)
        return lambda: pixel_map(exposure, grid, how).evaluate(rows, columns)

    def reference_map(step: int) -> Callable[[], object]:
        return lambda: calc_pixmap(model["wcs"], wcs, model["data"].shape, stepsize=step, order=3)

    return [
        Job("stage: pixel map, default against exact", 0, ours_map(None), reference_map(1)),
        Job("stage: pixel map, default against step 32", 0, ours_map(None), reference_map(32)),
        Job("stage: pixel map, both exact", 0, ours_map(1), reference_map(1)),
        Job(
            "stage: weights",
            0,
            lambda: weights_of(exposure, options),
            lambda: build_driz_weight(model, weight_type="ivm", good_bits=0),
        ),
    ]


def the_class(campaign: Campaign) -> Job:
    """Return the job of the stcal-compatible class, with `coadd` as the reference."""
    grid = campaign.grid()
    numbers = range(campaign.count)
    models = [campaign.model(k) for k in numbers]
    exposures = [campaign.exposure(k) for k in numbers]

    def run() -> object:
        made = xrs.Resample({"wcs": grid}, campaign.count, **FULL)
        for model in models:
            made.add_model(dict(model))
        made.finalize()
        return made.output_model["data"]

    return Job(
        "the class against coadd, both exact",
        0.9,
        run,
        lambda: xrs.coadd(exposures, grid, pixmap_stepsize=1, **FULL),
        campaign.count,
    )


def threading(campaign: Campaign) -> Job:
    """Return the job of two threads, with one thread as the reference."""
    grid = campaign.grid()
    exposures = [campaign.exposure(k) for k in range(campaign.count)]
    return Job(
        "2 threads against 1",
        1.7,
        lambda: xrs.coadd(exposures, grid, threads=2, **FULL),
        lambda: xrs.coadd(exposures, grid, threads=1, **FULL),
        campaign.count,
    )


def chained(campaign: Campaign, target: float) -> Job:
    """Return the job of one `add` per exposure, as in a notebook, with `coadd` as the reference."""
    grid = campaign.grid()
    exposures = [campaign.exposure(k) for k in range(campaign.count)]

    def run() -> object:
        mosaic = xrs.empty_mosaic(grid, n_exposures=campaign.count, **FULL)
        for exposure in exposures:
            mosaic = mosaic.resample.add(exposure)
        return mosaic

    return Job(
        f"chained add against coadd, {campaign.size}^2 into {campaign.output}^2",
        target,
        run,
        lambda: xrs.coadd(exposures, grid, **FULL),
        campaign.count,
    )


def jobs(size: int) -> list[Callable[[], Job]]:
    """Return the makers of all jobs; the caller makes, runs and drops one job after the other."""
    out = round(size * 2400 / 2048)
    wide = round(size * 8000 / 2048)
    one, four = Campaign(size, out, 1), Campaign(size, out, 4)
    far = Campaign(size, wide, 4)
    made: list[Callable[[], Job]] = [
        lambda: whole("everything, default map against exact", 20, four, None, {}),
        lambda: whole("everything, reference step 32", 12, four, 32, {}),
        lambda: whole("everything, both exact", 6, four, None, {"exact": True}),
        lambda: whole("everything into the wide mosaic, step 32", 25, far, 32, {}),
        lambda: whole("data and weight only, step 32", 4, four, 32, {}, full=False),
        lambda: against_drizzle(
            "propagated, context, dq, ready map; one drizzle call", 4, one, None
        ),
    ]
    for kernel, target in (
        ("turbo", 8),
        ("gaussian", 8),
        ("lanczos2", 8),
        ("lanczos3", 8),
        ("point", 5),
    ):
        made.append(
            lambda kernel=kernel, target=target: whole(
                f"{kernel}, everything, step 32", target, four, 32, {"kernel": kernel}
            )
        )
    made.append(lambda: against_drizzle("kernel alone, one plane, one thread", 2, one, 1))
    made.append(lambda: the_class(four))
    made.append(lambda: threading(four))
    small = round(size * 1000 / 2048)
    made.append(lambda: chained(Campaign(small, 4 * small, 8), 0.67))
    made.append(lambda: chained(Campaign(small, 8 * small, 8), 0.4))
    made += [lambda k=k: stages(one)[k] for k in range(4)]
    return made
