"""Warnings about the exposures of one call: one warning per kind, which names the exposures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xresample.datamodel import provenance
from xresample.datamodel.options import Options
from xresample.errors import (
    MissingVarianceWarning,
    NoContributionWarning,
    NoExposureWarning,
    NoOverlapWarning,
    RepeatedExposureWarning,
    ValueRangeWarning,
    warn,
)

from .job import Admitted
from .launch import Outcome
from .ranges import ADVICE

NAMED = 5
"""Maximum number of exposures that a warning names."""


@dataclass
class Notices:
    """The exposures of one call that the user should know about, by the kind of notice."""

    count: int = 0
    """Number of exposures."""
    outcomes: dict[Outcome, list[str]] = field(default_factory=dict)
    """Names of the exposures by what they did to the planes."""
    repeated: list[str] = field(default_factory=list)
    with_error: int = 0
    """Number of exposures with a variance that enters the error."""
    seen: set[str] = field(default_factory=set)
    """Fingerprints of the exposures of the mosaic."""

    @classmethod
    def after(cls, rows: Sequence[provenance.Row]) -> Notices:
        """Return the notices of a call that adds to a mosaic with these rows."""
        return cls(seen=provenance.fingerprints(rows))

    def note(self, admitted: Admitted, outcome: Outcome, options: Options) -> None:
        """Take note of an exposure that has been added."""
        self.count += 1
        self.outcomes.setdefault(outcome, []).append(admitted.label)
        fingerprint = str(admitted.row[provenance.FINGERPRINT])
        if fingerprint in self.seen:
            self.repeated.append(admitted.label)
        elif fingerprint:
            self.seen.add(fingerprint)
        names = options.error_from_variances or admitted.layout.variances
        self.with_error += any(name in admitted.exposure.variances for name in names)

    def warn(self, options: Options, expected: bool = True) -> None:
        """Warn, once per kind.

        Parameters
        ----------
        options : Options
            The options of the mosaic.
        expected : bool, optional
            Whether a call without exposures is probably a mistake.
        """
        if not self.count and expected:
            warn(
                "There are no exposures, so the mosaic is not changed. A generator can be used "
                "only once: pass a list to use exposures several times",
                NoExposureWarning,
            )
        for outcome, names in self.outcomes.items():
            warn_outcome(outcome, names, self.count)
        warn_repeated(self.repeated, self.count)
        if options.compute_err == "from_var" and self.count and not self.with_error:
            warn(
                "compute_err='from_var' needs variances, which the exposures do not have: their "
                "errors are unknown (NaN)",
                MissingVarianceWarning,
            )


_UNUSED = "all pixels are flagged, not finite, or without a positive and finite weight"
_LIMITED = f"weights whose sum is too large for the planes, so wht is too small: {ADVICE}"
_SENTENCES: dict[Outcome, tuple[type[Warning], str, str]] = {
    Outcome.OUTSIDE: (
        NoOverlapWarning,
        "lies outside the mosaic: it is counted but changes no pixel",
        "lie outside the mosaic: they are counted but change no pixel",
    ),
    Outcome.NOTHING: (
        NoContributionWarning,
        f"contributes to no pixel: {_UNUSED}",
        f"contribute to no pixel: {_UNUSED}",
    ),
    Outcome.LIMITED: (ValueRangeWarning, f"adds {_LIMITED}", f"add {_LIMITED}"),
}
"""For outcomes that the user should know about: the warning, for one exposure and for several."""


def warn_outcome(outcome: Outcome, names: Sequence[str], total: int) -> None:
    """Warn about exposures that had an outcome, if the user should know about it."""
    if outcome in _SENTENCES:
        category, one, many = _SENTENCES[outcome]
        warn(sentence_on(names, total, one, many), category)


def warn_repeated(names: Sequence[str], total: int) -> None:
    """Warn that exposures are in the mosaic more than once, if there are any."""
    if names:
        one = "is in the mosaic more than once: its pixels count each time"
        many = "are in the mosaic more than once: their pixels count each time"
        warn(sentence_on(names, total, one, many), RepeatedExposureWarning)


def sentence_on(names: Sequence[str], total: int, one: str, many: str) -> str:
    """Return a sentence on some of the exposures.

    Examples
    --------
    >>> sentence_on(["a.fits"], 2, "is here", "are here")
    'Exposure a.fits is here'
    >>> sentence_on(["a.fits", "b.fits"], 3, "is here", "are here")
    '2 of 3 exposures (a.fits, b.fits) are here'
    """
    if len(names) == 1:
        return f"Exposure {names[0]} {one}"
    listed = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
    return f"{len(names)} of {total} exposures ({listed}) {many}"
