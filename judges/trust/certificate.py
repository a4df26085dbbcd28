"""Certificates: checkable promises on the wrong labels of one batch, from a blind random audit.

Two promises, both exact for a finite batch (hypergeometric tests, no approximation):
  g2  P(wrong labels delivered > epsilon * N) <= delta: of the whole batch, the default;
  g1  P(share of wrong labels among the accepted > alpha) <= delta.
Delivered for an audited pair is the human answer, and nothing while there is none: g2 counts on it.
The promise of g2 is that of "probably approximately correct labels" (Candes, Ilyas, Zrnic 2025)
with an exact bound. A certificate holds for the batch that was audited and for no other.
Testing again after more audits costs confidence: looks planned in advance share delta (`looks`).
Leaves out how scores are made, who audits, and where a certificate is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.frame import Frame, draw_audit
from judges.trust.levels import Level, accepted_pairs, assess_levels, missing_audits
from judges.trust.looks import Look, check_looks
from judges.trust.promise import Promise

__all__ = [
    "Certificate",
    "Frame",
    "Level",
    "Look",
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
    delta: what this frame may spend; a batch of D strata gives each delta / D. looks: all planned
    ones; this certificate is the one numbered `look`, from 1, and spends its delta. audits: those
    of this look; the unanswered among them count as wrong. beside: pairs of the batch outside the
    frame that humans answer, counted in what g2 promises a share of. corrected: whether g2 counts
    only wrong labels that no audit corrects (`levels.assess_levels`).
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
    looks: tuple[Look, ...]
    look: int = 1
    stratum: str = ""
    beside: int = 0
    corrected: bool = False

    @property
    def holds(self) -> bool:
        """Whether anything is promised."""
        return self.accepted > 0

    @property
    def coverage(self) -> float:
        """Accepted share of the frame."""
        return self.accepted / self.size if self.size else 0.0

    @property
    def rule_bound(self) -> float:
        """Share of later pairs that this rule may deliver wrong, audited ones as if they were not.

        A corrected g2 allows e wrong labels among pairs that no audit hit, so e of size - audits
        where audits are uniform; else it is the target.
        """
        if not self.corrected or self.size <= self.audits:
            return self.target
        return min(self.target * (self.size + self.beside) / (self.size - self.audits), 0.999)

    def accepted_P(self, frame: Frame) -> NDArray[np.bool_]:
        """Mask over the rows of the frame: the pairs that may be delivered unreviewed."""
        mask = np.zeros(len(frame), bool)
        mask[frame.ranking()[: self.accepted]] = True
        return mask

    def sentence(self) -> str:
        """The promise, or why there is none, in one sentence."""
        where = f" in {self.stratum}" if self.stratum else ""
        audits = f"{self.audits} audits"
        if self.unanswered:
            audits += f" ({self.unanswered} of them unanswered, counted as wrong)"
        if not self.holds:
            return (
                f"Nothing certified{where}: {audits}, {self.wrong} of them wrong, cannot bound "
                f"the error at {self.target:.2%} with probability {1 - self.delta:.2%}; "
                f"about {self.missing} more audits are missing."
            )
        of = "of the batch are wrong" if self.promise == "g2" else "of the accepted are wrong"
        beside = f" (and {self.beside} beside them answered by humans)" if self.beside else ""
        return (
            f"With probability {1 - self.delta:.2%} at most {self.target:.2%} {of}{where}: "
            f"{self.accepted} of {self.size} pairs{beside} accepted on {audits}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return asdict(self) | {"levels": [asdict(level) for level in self.levels]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read `to_dict` back; an unknown or missing field is an error that names it.

        Up to release 0.2.0 `looks` was their number: all at the same audits, equal shares of delta.
        """
        known = {item.name for item in fields(cls)}
        for name in sorted(known.symmetric_difference(values)):
            if name not in ("stratum", "look", "looks", "beside", "corrected"):
                raise ValueError(
                    f"certificate field {name!r} is unknown or missing: export it again."
                )
        levels = tuple(Level(**level) for level in values["levels"])
        planned = values.get("looks", 1)
        looks = (
            (Look(values["audits"], values["delta"] / planned),) * planned
            if isinstance(planned, int)
            else tuple(Look(**look) for look in planned)
        )
        return cls(**{**values, "levels": levels, "looks": looks})


def certify(
    frame: Frame,
    wrong: Mapping[str, bool],
    *,
    target: float,
    delta: float = 0.1,
    promise: Promise = "g2",
    looks: Sequence[Look] | None = None,
    look: int = 1,
    tie_ok: bool = False,
    seed: int = 0,
    model_version: str = "",
    stratum: str = "",
    beside: int = 0,
    corrected: bool = True,
) -> Certificate:
    """The largest set of pairs whose wrong labels the audit bounds, at one of the planned looks.

    looks: as planned before the audit; without any, one at the answered audits that spends delta.
    look: the number of the one to spend, from 1. wrong: answered pairs of this frame, True where
    the reference contradicts the delivered label (a tie contradicts unless `tie_ok`; the caller
    decides it). Counted are the first `audits` of that look in the order `draw_audit` draws them,
    and no other: one of them without an answer counts as wrong, so that leaving out hard pairs
    cannot help, and answers of later ones wait for a later look. beside, corrected: as in
    `Certificate`; the pairs beside are to be known before the first answer.
    """
    planned = tuple(looks) if looks is not None else (Look(len(wrong), delta),)
    spend = _check(target, delta, planned, look)
    drawn = draw_audit(frame, spend.audits, seed)[0]
    row = {pair_id: place for place, pair_id in enumerate(frame.pair_ids)}
    strangers = sorted(set(wrong).difference(row))
    if strangers:
        raise ValueError(
            f"audited pair {strangers[0]!r} is not among the {len(frame)} pairs of the frame that "
            f"seed {seed!r} draws from: audit the drawn pairs only."
        )
    order = frame.ranking()
    rank = np.empty(len(frame), np.int64)
    rank[order] = np.arange(len(frame))
    places = rank[np.array([row[pair_id] for pair_id in drawn], np.int64)]
    verdicts = np.array([bool(wrong.get(pair_id, True)) for pair_id in drawn], bool)
    levels = assess_levels(
        len(frame),
        places,
        verdicts,
        target=target,
        delta=spend.delta,
        promise=promise,
        beside=beside,
        corrected=corrected,
    )
    accepted = accepted_pairs(levels)
    missing = missing_audits(levels, len(frame), target, spend.delta, promise)
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
        unanswered=sum(pair_id not in wrong for pair_id in drawn),
        wrong=int(verdicts.sum()),
        accepted=accepted,
        threshold=float(frame.scores_P[order[accepted - 1]]) if accepted else None,
        missing=0 if accepted else missing,
        levels=levels,
        looks=planned,
        look=look,
        stratum=stratum,
        beside=beside,
        corrected=corrected and promise == "g2",
    )


def _check(target: float, delta: float, looks: Sequence[Look], look: int) -> Look:
    """The look to spend, after refusing what no certificate can be made of."""
    for name, value in (("target", target), ("delta", delta)):
        if not 0.0 < value < 1.0:
            raise ValueError(
                f"{name} is {value!r}; more than 0 and less than 1 is allowed: 0.05, say."
            )
    check_looks(looks, delta)
    if not 1 <= look <= len(looks):
        raise ValueError(
            f"look {look!r} of {len(looks)!r} planned: every further test of the same batch spends "
            "confidence, so plan all looks before the first, or allow a larger delta."
        )
    return looks[look - 1]


def certify_strata(
    frames: Mapping[str, Frame],
    wrong: Mapping[str, bool],
    *,
    looks: Mapping[str, Sequence[Look]],
    delta: float = 0.1,
    **asked: Any,
) -> dict[str, Certificate]:
    """One certificate per stratum at delta / D each, so that all hold together at delta.

    frames, looks: stratum name to its frame and its planned looks, which share delta / D (the same
    seed everywhere). `asked`: target and the other settings of `certify`.
    """
    return {
        name: certify(
            frame,
            {pair: wrong[pair] for pair in frame.pair_ids if pair in wrong},
            looks=looks[name],
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
    "target", "delta", "promise", "tie_ok", "seed", "look", "looks", "model_version", "stratum",
    "beside", "corrected",
}  # fmt: skip


def _same(stored: Any, computed: Any) -> bool:
    """Equality, with room for the last digits of a p-value of another library version."""
    if isinstance(stored, tuple) and isinstance(computed, tuple):
        return len(stored) == len(computed) and all(
            _same(tuple(asdict(s).values()), tuple(asdict(c).values()))
            if isinstance(s, Level | Look)
            else _same(s, c)
            for s, c in zip(stored, computed, strict=True)
        )
    if isinstance(stored, float) and isinstance(computed, float):
        return abs(stored - computed) <= 1e-9 + 1e-6 * abs(computed)
    return bool(stored == computed)


def _short(value: Any) -> str:
    return f"{len(value)} levels" if isinstance(value, tuple) else repr(value)
