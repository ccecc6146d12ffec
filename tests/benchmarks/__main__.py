"""Time xresample against stcal and drizzle: ``python -m tests.benchmarks [--json FILE]``.

Runs of the two alternate in one process. Memory and first calls are measured in new processes. The
program prints tables in Markdown and never fails because of a time.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import measure
from .jobs import jobs
from .outliers import outlier_jobs


def main() -> None:
    """Run the benchmark and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048, help="pixels per side of an exposure")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of runs")
    parser.add_argument("--only", default="", help="run only jobs whose name contains this text")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {datetime.now(UTC):%Y-%m-%d}; medians of {given.pairs} pairs\n")
    results = {
        "machine": machine,
        "size": given.size,
        "pairs": given.pairs,
        "pairwise": pairwise(given),
        "processes": processes(given),
    }
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))


def pairwise(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Print and return the jobs that are timed in pairs."""
    print("| job | xresample s (CPU) | reference s (CPU) | ratio | goal |")
    print("| --- | ---: | ---: | ---: | ---: |")
    rows = []
    for make in [*jobs(given.size), *outlier_jobs(given.size)]:
        job = make()
        if given.only not in job.name:
            continue
        row = measure.pairs(job.ours, job.reference, given.pairs)
        ours, theirs = row["ours"], row["reference"]
        print(
            f"| {job.name} | {ours['wall'] / job.unit:.3f} ({ours['cpu'] / job.unit:.3f}) | "
            f"{theirs['wall'] / job.unit:.3f} ({theirs['cpu'] / job.unit:.3f}) | "
            f"{row['ratio']:.1f} | {job.target or ''} |",
            flush=True,
        )
        rows.append({"name": job.name, "target": job.target, "exposures": job.unit, **row})
        del job
        gc.collect()
    return rows


def processes(given: argparse.Namespace) -> dict[str, Any]:
    """Print and return the measurements in new processes."""
    if given.only:
        return {}
    size, wide = given.size, round(given.size * 8000 / 2048)
    print("\n| in a new process | measured | goal |\n| --- | ---: | ---: |")
    used = measure.memory(size, wide, 8)
    beyond = {who: figures["peak"] - figures["held"] for who, figures in used.items()}
    print(
        f"| peak memory beyond the output, 8 exposures into {wide}^2 | "
        f"{beyond['ours']:.0f} MiB, stcal {beyond['reference']:.0f} MiB: "
        f"1/{beyond['reference'] / beyond['ours']:.1f} | 1/3 |",
        flush=True,
    )
    peaks = {
        who: measure.in_process("outliers", who, size, round(size * 2400 / 2048), 8)["peak"]
        for who in ("ours", "reference")
    }
    print(
        f"| peak memory beyond the exposures, outliers of 8 exposures | {peaks['ours']:.0f} MiB, "
        f"stcal {peaks['reference']:.0f} MiB: 1/{peaks['reference'] / peaks['ours']:.1f} | 1/2 |",
        flush=True,
    )
    sizes = measure.by_mosaic(size, (wide // 2, wide, 2 * wide), 5)
    print(
        f"| time per exposure into {', '.join(f'{n}^2' for n in sizes)} | "
        f"{', '.join(f'{s:.3f} s' for s in sizes.values())} | within 15 % |",
        flush=True,
    )
    first = measure.first_calls(size)
    print(f"| first add minus second add, warm cache | {first['warm cache']:.2f} s | 1 s |")
    print(f"| first add minus second add, empty cache | {first['empty cache']:.1f} s | 15 s |")
    over = measure.imports()
    print(f"| import xresample minus import xarray | {over:.3f} s | 0.15 s |")
    return {"memory": used, "outliers": peaks, "by mosaic": sizes, "first": first, "import": over}


if __name__ == "__main__":
    main()
