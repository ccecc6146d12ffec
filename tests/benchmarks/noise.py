"""Check errors against noise realisations: ``python -m tests.benchmarks.noise``.

The pull is the scatter of the realisations over the error that the mosaic reports, so 1 is right.
The exact pull, which has no statistical error, stands behind each pull of apertures of 2, 4 and 8
pixels. The last column is the exact pull of the largest aperture if the errors of pixels are added
in quadrature. The program takes some minutes and prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import warnings

from tests.support.noise_runs import Case, run

RADII = (2.0, 4.0, 8.0)

CASES = (
    *(Case(exposures=n) for n in (1, 2, 4, 6)),
    *(Case(pixfrac=0.6, exposures=n) for n in (1, 2, 4, 6)),
    Case(scale=0.6),
    Case(pixfrac=0.6, scale=0.6),
    *(Case(kernel) for kernel in ("turbo", "point", "gaussian", "lanczos2", "lanczos3")),
    *(Case(kernel, scale=0.6) for kernel in ("turbo", "point", "gaussian", "lanczos3")),
    *(Case("lanczos3", exposures=n) for n in (1, 2, 4)),
)


def main() -> None:
    """Run the realisations and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--realisations", type=int, default=300)
    parser.add_argument("--side", type=int, default=120, help="pixels per side of an exposure")
    parser.add_argument("--refine", action="store_true", help="use the mean over pixels")
    parser.add_argument("--only", default="", help="run only kernels whose name contains this")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| kernel | pixfrac | scale | exposures | pixel | r = 2 | r = 4 | r = 8 | quadrature |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for case in CASES:
        if given.only not in case.kernel:
            continue
        case = Case(case.kernel, case.pixfrac, case.scale, case.exposures, given.side)
        found = run(case, given.realisations, RADII, refine=given.refine)
        pulls = " | ".join(
            f"{found.apertures[r]:.3f} ± {found.spread[r]:.3f} ({found.exact[r]:.3f})"
            for r in RADII
        )
        print(
            f"| {case.kernel} | {case.pixfrac} | {case.scale} | {case.exposures} | "
            f"{found.pixel:.4f} | {pulls} | {found.independent[RADII[-1]]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
