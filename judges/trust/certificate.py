"""Certificates: checkable promises on the wrong labels of one batch, from a blind random audit.

Two promises, both exact for a finite batch (hypergeometric tests, no approximation):
  g2  P(wrong labels delivered > epsilon * N) <= delta: of the whole batch, the default;
  g1  P(share of wrong labels among the accepted > alpha) <= delta.
The promise of g2 is that of "probably approximately correct labels" (Candes, Ilyas, Zrnic 2025)
with an exact bound. A certificate holds for the batch that was audited and for no other.
Testing again after more audits costs confidence: `looks` attempts planned in advance share delta.
Leaves out how scores are made, who audits, and where a certificate is stored.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.frame import Frame, draw_audit
from judges.trust.levels import Level, assess_levels, missing_audits
from judges.trust.promise import Promise

__all__ = [
    "Certificate",
    "Frame",
    "Level",
    "Promise",
    "assess_levels",
    "certify",
    "certify_strata",
    "draw_audit",
    "verify_certificate",
]


@dataclass(frozen=True)
class Certificate:
    """What was promised on a batch, with everything needed to compute it again.

    target: epsilon of g2 or alpha of g1. accepted: pairs in the certified set, 0 where nothing
    could be certified; `threshold` is the lowest score among them. missing: further audits wanted
    for a nine in ten chance of a certificate, 0 where there is one. stratum: "" for a whole batch.
    delta: what this frame may spend; a batch of D strata gives each delta / D. Every one of `looks`
    attempts tests at delta / looks. audits: drawn; those of them unanswered count as wrong.
    """

    promise: Promise
    target: float
    delta: float
    tie_ok: bool
    seed: int
    model_version: str
    frame_sha256: str
    size: int
    audits: int
    unanswered: int
    wrong: int
    accepted: int
    threshold: float | None
    missing: int
    levels: tuple[Level, ...]
    look: int = 1
    looks: int = 1
    stratum: str = ""

    @property
    def holds(self) -> bool:
        """Whether anything is promised."""
        return self.accepted > 0

    @property
    def coverage(self) -> float:
        """Accepted share of the frame."""
        return self.accepted / self.size if self.size else 0.0

    def accepted_P(self, frame: Frame) -> NDArray[np.bool_]:
        """Mask over the rows of the frame: the pairs that may be delivered unreviewed."""
        mask = np.zeros(len(frame), bool)
        mask[frame.ranking()[: self.accepted]] = True
        return mask

    def sentence(self) -> str:
        """The promise, or why there is none, in one sentence."""
        where = f" in {self.stratum}" if self.stratum else ""
        if not self.holds:
            return (
                f"Nothing certified{where}: {self.audits} audits, {self.wrong} of them wrong, "
                f"cannot bound the error at {self.target:.2%} "
                f"with probability {1 - self.delta:.2%}; about {self.missing} more "
                "audits are missing."
            )
        of = "of the batch are wrong" if self.promise == "g2" else "of the accepted are wrong"
        return (
            f"With probability {1 - self.delta:.2%} at most {self.target:.2%} {of}{where}: "
            f"{self.accepted} of {self.size} pairs accepted on {self.audits} audits."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return asdict(self) | {"levels": [asdict(level) for level in self.levels]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_dict` back; an unknown or missing field is an error that names it."""
        known = {item.name for item in fields(cls)}
        for name in sorted(known.symmetric_difference(values)):
            if name not in ("stratum", "look", "looks"):
                raise ValueError(
                    f"certificate field {name!r} is unknown or missing: export it again."
                )
        levels = tuple(Level(**level) for level in values["levels"])
        return cls(**{**values, "levels": levels})


def certify(
    frame: Frame,
    wrong: Mapping[str, bool],
    *,
    target: float,
    delta: float = 0.1,
    promise: Promise = "g2",
    audits: int | None = None,
    tie_ok: bool = False,
    seed: int = 0,
    look: int = 1,
    looks: int = 1,
    model_version: str = "",
    stratum: str = "",
) -> Certificate:
    """The largest set of pairs whose wrong labels the audit bounds.

    wrong: the answered pairs of `draw_audit(frame, audits, seed)`, True where the reference
    contradicts the delivered label (a tie contradicts unless `tie_ok`; the caller decides it).
    A drawn pair without an answer counts as wrong, so that leaving out hard pairs cannot help.
    """
    _check(target, delta, look, looks)
    drawn = draw_audit(frame, len(wrong) if audits is None else audits, seed)[0]
    strangers = sorted(set(wrong).difference(drawn))
    if strangers:
        raise ValueError(
            f"audited pair {strangers[0]!r} is not among the {len(drawn)} pairs that seed {seed!r} "
            "draws from this frame: audit the drawn pairs only."
        )
    row = {pair_id: place for place, pair_id in enumerate(frame.pair_ids)}
    order = frame.ranking()
    rank = np.empty(len(frame), np.int64)
    rank[order] = np.arange(len(frame))
    places = rank[np.array([row[pair_id] for pair_id in drawn], np.int64)]
    verdicts = np.array([bool(wrong.get(pair_id, True)) for pair_id in drawn], bool)
    spent = delta / looks
    levels = assess_levels(
        len(frame), places, verdicts, target=target, delta=spent, promise=promise
    )
    best = max((level for level in levels if level.passed), key=lambda it: it.size, default=None)
    accepted = best.size if best is not None and best.size > best.tolerated else 0
    return Certificate(
        promise=promise,
        target=target,
        delta=delta,
        tie_ok=tie_ok,
        seed=seed,
        model_version=model_version,
        frame_sha256=frame.sha256(),
        size=len(frame),
        audits=len(drawn),
        unanswered=len(drawn) - len(wrong),
        wrong=int(verdicts.sum()),
        accepted=accepted,
        threshold=float(frame.scores_P[order[accepted - 1]]) if accepted else None,
        missing=0 if accepted else missing_audits(levels, len(frame), target, spent, promise),
        levels=levels,
        look=look,
        looks=looks,
        stratum=stratum,
    )


def _check(target: float, delta: float, look: int, looks: int) -> None:
    for name, value in (("target", target), ("delta", delta)):
        if not 0.0 < value < 1.0:
            raise ValueError(
                f"{name} is {value!r}; more than 0 and less than 1 is allowed: 0.05, say."
            )
    if not 1 <= look <= looks:
        raise ValueError(
            f"look {look!r} of {looks!r} planned: every further test of the same batch spends "
            "confidence, so plan the number of looks (each gets delta / looks), or allow "
            "a larger delta."
        )


def certify_strata(
    frames: Mapping[str, Frame],
    wrong: Mapping[str, bool],
    *,
    audits: Mapping[str, int],
    delta: float = 0.1,
    **asked: Any,
) -> dict[str, Certificate]:
    """One certificate per stratum at delta / D each, so that all hold together at delta.

    frames, audits: stratum name to its frame and the audits drawn from it (`draw_audit`, the same
    seed everywhere). `asked`: target and the other settings of `certify`.
    """
    return {
        name: certify(
            frame,
            {pair: wrong[pair] for pair in frame.pair_ids if pair in wrong},
            audits=audits[name],
            delta=delta / len(frames),
            stratum=name,
            **asked,
        )
        for name, frame in frames.items()
    }


def verify_certificate(
    certificate: Certificate, frame: Frame, wrong: Mapping[str, bool]
) -> tuple[str, ...]:
    """What does not hold when the certificate is computed again; empty where everything does."""
    problems: list[str] = []
    if frame.sha256() != certificate.frame_sha256:
        problems.append(
            f"the frame hashes to {frame.sha256()[:12]!r}, not {certificate.frame_sha256[:12]!r}: "
            "pairs or scores were changed after the audit was drawn"
        )
    asked = {
        item.name: getattr(certificate, item.name)
        for item in fields(Certificate)
        if item.name in _ASKED
    }
    try:
        again = certify(frame, wrong, **asked)
    except ValueError as error:
        return (*problems, str(error))
    for item in fields(Certificate):
        stored, computed = getattr(certificate, item.name), getattr(again, item.name)
        if item.name != "frame_sha256" and not _same(stored, computed):
            problems.append(
                f"{item.name} is stored as {_short(stored)} but computes to {_short(computed)}"
            )
    return tuple(problems)


_ASKED = {
    "target", "delta", "promise", "audits", "tie_ok", "seed", "look", "looks", "model_version",
    "stratum",
}  # fmt: skip


def _same(stored: Any, computed: Any) -> bool:
    """Equality, with room for the last digits of a p-value of another library version."""
    if isinstance(stored, tuple) and isinstance(computed, tuple):
        return len(stored) == len(computed) and all(
            _same(tuple(asdict(s).values()), tuple(asdict(c).values()))
            if isinstance(s, Level)
            else _same(s, c)
            for s, c in zip(stored, computed, strict=True)
        )
    if isinstance(stored, float) and isinstance(computed, float):
        return abs(stored - computed) <= 1e-9 + 1e-6 * abs(computed)
    return bool(stored == computed)


def _short(value: Any) -> str:
    return f"{len(value)} levels" if isinstance(value, tuple) else repr(value)
