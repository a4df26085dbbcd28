"""Canary pairs: asked again of every judge, and compared with what the same judge said at first.

A judge is compared with itself alone, so no human answer is needed, and a change of its model
behind an unchanged name is noticed. Leaves out which pairs they are and how rounds are kept
(`db.canaries`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from db.canaries import (
    CanaryAnswers,
    CanarySet,
    Question,
    canary_answers,
    canary_set,
    end_round,
    next_round,
    open_round,
    samples_of,
)
from db.errors import UnknownName
from db.judges import find_version
from db.progress import Progress, quiet
from db.session import Database
from db.vocabulary import Choice
from judges import participants
from judges.cost import CostEstimate
from judges.panel import Panel
from judges.results import JudgeRun
from judges.steps.asking import run_judges
from judges.steps.estimating import estimate
from judges.trust.drift import sentinel_test
from judges.trust.vote_matrix import MISSING

RISK = 0.05
"""That any one judge is ever named by chance, however many rounds are asked."""

_CODE = {choice: code for code, choice in enumerate(Choice)}


@dataclass(frozen=True)
class CanaryTest:
    """One judge now against itself at first. changed, noisy: answers that differ from the first,
    of `replayed` now and of `reruns` asked again at once; rounds: compared so far, this one too.

    level: what p_value must not exceed to ring; it falls with every look, so that all looks
    together ring by chance with probability `RISK` at most.
    """

    judge: str
    rounds: int
    changed: int
    replayed: int
    noisy: int
    reruns: int
    p_value: float
    level: float
    alarm: bool

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        said = "HAS CHANGED" if self.alarm else "is as before"
        return (
            f"judge {self.judge!r} {said}: {self.changed} of {self.replayed} canary answers "
            f"differ from the first, {self.noisy} of {self.reruns} did when asked twice at once "
            f"(p = {self.p_value:.2g}, rings at {self.level:.2g})"
        )


@dataclass(frozen=True)
class CanaryRound:
    """What asking a round did; `open`: the cap stopped it, and the next call goes on."""

    round: int
    stored: int
    missing: int
    cost_usd: float
    open: bool
    problems: tuple[str, ...]
    tests: tuple[CanaryTest, ...]
    notices: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """For people: what was asked, then a line a judge."""
        line = f"canaries: round {self.round}, {self.stored} answers, ${self.cost_usd:.4f} spent"
        if self.missing:
            why = "the cap is reached; run again to go on" if self.open else "see the problems"
            line += f", {self.missing} missing ({why})"
        if not self.tests:
            line += "; the next round has something to compare with"
        return "\n".join([line, *(test.sentence for test in self.tests)])


def ask_canaries(
    database: Database,
    panel: Panel,
    *,
    max_usd: float | None = None,
    progress: Progress = quiet,
    environ: Mapping[str, str] | None = None,
    beside: Path | None = None,
) -> CanaryRound:
    """Ask one round of every judge; who is asked for the first time is asked twice.

    max_usd: cap of this call, and of a killed one it goes on with. Killed and run again it asks
    nothing twice. Raises UnknownName where no set was drawn, and what `run_judges` raises.
    """
    with database.begin() as session:
        canaries = _drawn(canary_set(session))
        number = open_round(session, canaries)
        known = _known(canary_answers(session, canaries), number)
        versions = {
            judge.name: participants.version_of(
                session, participants.by_weights(judge, beside), panel.rules
            ).id
            for judge in panel.asked
        }
    runs: list[JudgeRun] = []
    for names, samples in _turns(versions, known, number):
        runs.append(
            run_judges(
                database, panel, names=names, within=canaries.pair_ids, samples=samples,
                max_usd=max_usd, after=runs[-1].run_id if runs else None,
                progress=progress, environ=environ, beside=beside,
            )
        )  # fmt: skip
    capped = any(run.capped for run in runs)
    if not capped:
        with database.begin() as session:
            end_round(session, number)
    return CanaryRound(
        round=number,
        stored=sum(run.stored for run in runs),
        missing=sum(run.missing for run in runs),
        cost_usd=sum(run.cost_usd for run in runs),
        open=capped,
        problems=tuple(problem for run in runs for problem in run.problems),
        tests=tuple(compare_canaries(database)),
        notices=tuple(dict.fromkeys(notice for run in runs for notice in run.notices)),
    )


def estimate_canaries(
    database: Database,
    panel: Panel,
    *,
    tier: int | None = None,
    names: Sequence[str] | None = None,
    beside: Path | None = None,
) -> CostEstimate | None:
    """What the next round would cost, or the rest of one that was begun. Asks nobody.

    tier, names: only these judges. None where no canary pairs are drawn.
    """
    judges = [
        participants.by_weights(judge, beside) for judge in participants.chosen(panel, tier, names)
    ]
    with database.read() as session:
        canaries = canary_set(session)
        if canaries is None:
            return None
        number = next_round(session, canaries)
        known = _known(canary_answers(session, canaries), number)
        versions = {
            judge.name: find_version(session, judge.name, judge.version(panel.rules))
            for judge in judges
        }
    found = [
        estimate(
            database, panel, names=of, within=canaries.pair_ids, samples=samples, beside=beside
        )
        for of, samples in _turns(versions, known, number)
    ]
    return CostEstimate.of([row for one in found for row in one.rows], batched=False, example=None)


def compare_canaries(database: Database) -> list[CanaryTest]:
    """Of every judge in the newest round: that round against its first. Asks nobody."""
    with database.read() as session:
        canaries = canary_set(session)
        answers = canary_answers(session, canaries) if canaries else []
    newest = max((_rounds(of)[-1] for of in answers), default=0)
    tests = (_compared(of) for of in answers if _rounds(of)[-1] == newest)
    return [test for test in tests if test is not None]


def _drawn(canaries: CanarySet | None) -> CanarySet:
    if canaries is None:
        raise UnknownName("no canary pairs are drawn; run `tiebreak canaries draw 100` first")
    return canaries


def _known(answers: Sequence[CanaryAnswers], number: int) -> set[int]:
    """Judge versions that answered an earlier round."""
    return {of.version_id for of in answers if min(of.by_sample) < samples_of(number)[0]}


def _turns(
    versions: Mapping[str, int | None], known: set[int], number: int
) -> list[tuple[list[str], tuple[int, ...]]]:
    """Which judges are asked which samples of a round: who is new is asked twice."""
    once, again = samples_of(number)
    old = [name for name, version in versions.items() if version in known]
    new = [name for name, version in versions.items() if version not in known]
    return [(who, times) for who, times in ((old, (once,)), (new, (once, again))) if who]


def _rounds(of: CanaryAnswers) -> list[int]:
    """The samples that open a round, oldest first."""
    return sorted({sample - sample % 2 for sample in of.by_sample})


def _compared(of: CanaryAnswers) -> CanaryTest | None:
    rounds = _rounds(of)
    if len(rounds) < 2:
        return None
    first, newest = of.by_sample.get(rounds[0], {}), of.by_sample.get(rounds[-1], {})
    questions = sorted(first)
    looks = len(rounds) - 1
    level = RISK / (looks * (looks + 1))  # 1/(1·2) + 1/(2·3) + ... = 1
    found = sentinel_test(
        _codes(first, questions),
        _codes(newest, questions),
        _codes(of.by_sample.get(rounds[0] + 1, {}), questions),
        level=level,
    )
    return CanaryTest(
        judge=of.judge,
        rounds=len(rounds),
        changed=found.changed,
        replayed=found.replayed,
        noisy=found.rerun_changed,
        reruns=found.reruns,
        p_value=found.p_value,
        level=level,
        alarm=found.alarm,
    )


def _codes(said: Mapping[Question, Choice], questions: Sequence[Question]) -> NDArray[np.int8]:
    """Choices as numbers, an abstain being an answer of its own; MISSING where not answered."""
    return np.array(
        [_CODE[said[question]] if question in said else MISSING for question in questions], np.int8
    )
