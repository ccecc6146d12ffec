"""Names and values of the data quality flags of each mission."""

from __future__ import annotations

from collections.abc import Mapping

FlagValues = Mapping[str, int]
"""Value of each flag by its name."""


def _by_bit(names: Mapping[int, str]) -> FlagValues:
    return {name: 1 << bit for bit, name in sorted(names.items())}


_COMMON = {
    0: "DO_NOT_USE",
    1: "SATURATED",
    2: "JUMP_DET",
    3: "DROPOUT",
    5: "PERSISTENCE",
    6: "AD_FLOOR",
    9: "NON_SCIENCE",
    10: "DEAD",
    11: "HOT",
    12: "WARM",
    13: "LOW_QE",
    15: "TELEGRAPH",
    16: "NONLINEAR",
    17: "BAD_REF_PIXEL",
    18: "NO_FLAT_FIELD",
    19: "NO_GAIN_VALUE",
    20: "NO_LIN_CORR",
    21: "NO_SAT_CHECK",
    22: "UNRELIABLE_BIAS",
    23: "UNRELIABLE_DARK",
    24: "UNRELIABLE_SLOPE",
    25: "UNRELIABLE_FLAT",
    30: "OTHER_BAD_PIXEL",
    31: "REFERENCE_PIXEL",
}
"""Bits with the same meaning in JWST and Roman."""

JWST = _by_bit(
    _COMMON
    | {
        4: "OUTLIER",
        7: "CHARGELOSS",
        8: "RESERVED",
        14: "RC",
        26: "OPEN",
        27: "ADJ_OPEN",
        28: "FLUX_ESTIMATED",
        29: "MSA_FAILED_OPEN",
    }
)

ROMAN = _by_bit(
    _COMMON
    | {
        4: "GW_AFFECTED_DATA",
        7: "OUTLIER",
        8: "UNRELIABLE_ERROR",
        28: "UNRELIABLE_RESET",
        29: "RESERVED",
    }
)

_HST = {
    0: "LOST",
    1: "FILLED",
    2: "BADPIX",
    4: "HOT",
    6: "WARM",
    8: "SATURATED",
    12: "CRDRIZ",
    13: "CRREJ",
}
"""Bits with the same meaning in all cameras of HST."""

ACS = _by_bit(
    _HST
    | {
        3: "MASKED",
        5: "UNSTABLE",
        7: "BADCOL",
        9: "BADREF",
        10: "TRAP",
        11: "ATODSAT",
        14: "USER",
    }
)

_WFC3 = _HST | {3: "BADZERO", 7: "BADBIAS", 9: "BADFLAT", 15: "USER"}
WFC3_UVIS = _by_bit(_WFC3 | {5: "CTE", 10: "TRAP", 11: "ATODSAT", 14: "GHOST"})
WFC3_IR = _by_bit(_WFC3 | {5: "UNSTABLE", 10: "SPIKE", 11: "ZEROSIG", 14: "CRMAX"})


def hst_flags(instrument: str, detector: str) -> FlagValues | None:
    """Return the flags of a camera of HST; None for cameras other than ACS and WFC3.

    Examples
    --------
    >>> hst_flags("ACS", "WFC")["CRDRIZ"]
    4096
    """
    if instrument == "ACS":
        return ACS
    if instrument == "WFC3":
        return WFC3_IR if detector == "IR" else WFC3_UVIS
    return None
