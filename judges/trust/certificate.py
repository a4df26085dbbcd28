"""Certificates: checkable promises on the wrong labels of one batch, from a blind random audit.

Two promises, both exact for a finite batch (hypergeometric tests, no approximation):
  g2  P(wrong labels delivered > epsilon * N) <= delta: of the whole batch, the default;
  g1  P(share of wrong labels among the accepted > alpha) <= delta.
The promise of g2 is that of "probably approximately correct labels" (Candes, Ilyas, Zrnic 2025)
with an exact bound; g1 is a fallback procedure (Wiens 2003) over nested acceptance sets.
A certificate holds for the batch that was audited and for no other. Leaves out how scores are made,
who audits, and how many audits to plan (`audit`).

Testing again after more audits costs confidence: `looks` attempts planned in advance share delta.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from math import ceil, floor, log
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from judges.trust.audit import audits_needed

Promise = Literal["g1", "g2"]

SHARES = tuple(round(0.05 + 0.025 * step, 3) for step in range(39))
"""Nested sets tried: the most confident 5%, 7.5%, ... 100% of the frame."""

_BUDGETS = (0.4, 0.3, 0.3)
"""How g1 splits delta over its three starts."""


@dataclass(frozen=True)
class Frame:
    """The pairs a promise speaks of, frozen before the audit is drawn.

    pair_ids: sorted. scores_P: higher is safer; must not have seen the audit's answers.
    """

    pair_ids: tuple[str, ...]
    scores_P: NDArray[np.float64]

    @classmethod
    def of(cls, pair_ids: Sequence[str], scores_P: NDArray[np.float64]) -> Self:
        """Sort the pairs by id; refuse doubled ids and scores that are no numbers."""
        scores = np.asarray(scores_P, dtype=np.float64)
        if scores.shape != (len(pair_ids),):
            raise ValueError(
                f"scores have shape {scores.shape!r} where {(len(pair_ids),)!r} is needed: "
                "give every pair one score."
            )
        if not np.isfinite(scores).all():
            raise ValueError(
                f"score {scores[~np.isfinite(scores)][0]!r} is no number: "
                "give every pair a finite one."
            )
        order = sorted(range(len(pair_ids)), key=pair_ids.__getitem__)
        ids = tuple(pair_ids[row] for row in order)
        for one, other in pairwise(ids):
            if one == other:
                raise ValueError(f"pair {one!r} is in the frame twice: give every pair once.")
        return cls(ids, scores[order])

    def __len__(self) -> int:
        return len(self.pair_ids)

    def sha256(self) -> str:
        """Hash of the sorted pair ids and the exact bits of their scores."""
        digest = hashlib.sha256()
        for pair_id, score in zip(self.pair_ids, self.scores_P.tolist(), strict=True):
            digest.update(f"{json.dumps(pair_id)}\t{score.hex()}\n".encode())
        return digest.hexdigest()

    def ranking(self) -> NDArray[np.int64]:
        """Rows from the safest to the least safe; equal scores by the hash of their id.

        The hash mixes equal scores, so that no id scheme decides what is accepted.
        """
        tickets = [hashlib.sha256(pair_id.encode()).digest()[:8] for pair_id in self.pair_ids]
        mixed = np.frombuffer(b"".join(tickets), dtype=">u8").astype(np.uint64)
        return np.lexsort((mixed, -self.scores_P))


@dataclass(frozen=True)
class Level:
    """One nested set: its share of the frame, pairs, audits and wrong audits in it, and the test.

    tolerated: wrong labels the promise allows. p_value: of "more than that are wrong".
    """

    share: float
    size: int
    audited: int
    wrong: int
    tolerated: int
    p_value: float
    passed: bool


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


def draw_audit(frame: Frame, audits: int, seed: int) -> tuple[tuple[str, ...], float]:
    """Pairs to audit, uniform without replacement, in random order, and the inclusion probability.

    The same frame, count and seed always give the same pairs.
    """
    if not 0 <= audits <= len(frame):
        raise ValueError(
            f"{audits!r} audits of {len(frame)!r} pairs: ask for 0 to {len(frame)} of them."
        )
    drawn = np.random.default_rng(seed).permutation(len(frame))[:audits]
    return tuple(frame.pair_ids[row] for row in drawn), audits / max(len(frame), 1)


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
    levels = test_levels(len(frame), places, verdicts, target=target, delta=spent, promise=promise)
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


def test_levels(
    size: int,
    places: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    *,
    target: float,
    delta: float,
    promise: Promise,
) -> tuple[Level, ...]:
    """Test every nested set of a frame of `size` pairs; places: ranks of the audited pairs."""
    if not size:
        return ()
    sizes = np.unique([ceil(share * size - 1e-9) for share in SHARES])
    order = np.argsort(places)
    ranked, below = places[order], np.concatenate([[0], np.cumsum(wrong[order])])
    audited = np.searchsorted(ranked, sizes, side="left")
    found = below[audited]
    tolerated = np.array(
        [floor(target * (size if promise == "g2" else members) + 1e-9) for members in sizes]
    )
    p_values = _p_values(sizes, tolerated + 1, audited, found)
    if promise == "g2":
        passed = _in_sequence(p_values, _p_values(sizes, tolerated + 1, audited, 0 * found), delta)
    else:
        passed = _fallback(p_values, audited, target, delta)
    return tuple(
        Level(float(m) / size, int(m), int(n), int(k), int(t), float(p), bool(ok))
        for m, n, k, t, p, ok in zip(
            sizes, audited, found, tolerated, p_values, passed, strict=True
        )
    )


test_levels.__test__ = False  # type: ignore[attr-defined]  # a name pytest must not collect


def _p_values(
    sizes: NDArray[np.int64],
    bad: NDArray[np.int64],
    audited: NDArray[np.int64],
    wrong: NDArray[np.int64],
) -> NDArray[np.float64]:
    """P(at most `wrong` found in `audited` draws) if `bad` of `sizes` pairs were wrong.

    0 where so many cannot be wrong because the set is smaller.
    """
    possible = bad <= sizes
    p = hypergeom.cdf(wrong, sizes, np.minimum(bad, sizes), audited)
    return np.where(possible, np.clip(p, 0.0, 1.0), 0.0)


def _in_sequence(
    p_values: NDArray[np.float64], clean: NDArray[np.float64], delta: float
) -> NDArray[np.bool_]:
    """Levels that pass before the first failure; one that no clean audit could pass is skipped.

    The wrong counts of nested sets are nested: once one set holds too many wrong labels all larger
    ones do, so the first tested of those is the only one that can break the promise, wherever the
    sequence starts. `clean`: p-values the same audits would have without a wrong one, which depend
    on the draw and on no label.
    """
    failed = (p_values > delta) & (clean <= delta)
    return np.asarray((p_values <= delta) & ~np.logical_or.accumulate(failed))


def _fallback(
    p_values: NDArray[np.float64], audited: NDArray[np.int64], alpha: float, delta: float
) -> NDArray[np.bool_]:
    """Fixed-sequence tests from three starts; a budget that survives joins the next one."""
    count = len(p_values)
    enough = audited >= log(_BUDGETS[0] * delta) / log(1.0 - alpha)
    first = int(np.argmax(enough)) if enough.any() else count - 1
    rest = count - first
    starts = (first, first + rest // 3, first + 2 * rest // 3)
    passed = np.zeros(count, bool)
    alive = 0.0
    for level in range(first, count):
        alive += delta * sum(
            budget for start, budget in zip(starts, _BUDGETS, strict=True) if start == level
        )
        passed[level] = alive > 0.0 and p_values[level] <= alive
        if not passed[level]:
            alive = 0.0
    return passed


def missing_audits(
    levels: Sequence[Level], size: int, target: float, delta: float, promise: Promise
) -> int:
    """Audits still wanted, for a nine in ten chance if the wrong share is half the target.

    For g2 the smallest tested set larger than what is tolerated has to pass first; for g1 the set
    whose audits look best. At least 1: otherwise something would have been certified.
    """
    if not size:
        return 1
    audits = max((level.audited for level in levels), default=0)
    if promise == "g2":
        tested = [level for level in levels if level.size > level.tolerated]
        share = tested[0].share if tested else 1.0
        wanted = audits_needed(min(target / share, 0.999), delta)
    else:
        best = min(levels, key=lambda level: (level.p_value, -level.share), default=None)
        share = best.share if best else 1.0
        wanted = audits_needed(target, _BUDGETS[0] * delta)
    return max(1, min(ceil(wanted / share), size) - audits)


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
