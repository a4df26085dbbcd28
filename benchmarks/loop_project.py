"""One project of `loop_pays.py`: weeks of prompts arrive, are labelled, answered and learnt from.

Every arm is measured on the pairs of a week before any of the week's answers is learnt. Then
experts answer, the same pairs whichever arm: all pairs of AUDITED of the prompts, and of the others
the least sure ones, as many as those audits say that the target .9 needs. The judge is taught anew
on all answers, and what the product's gate says of it (`trainer.gate.rules.decide`, on the audits,
which it answers blind) decides who sits on the panel of the arm `gated` from the next week on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from loop_judge import NAME, Taught, answers, some, teach
from loop_worlds import World
from numpy.typing import NDArray
from replay import shuffled
from scipy.special import expit

from app.gate_settings import GateSettings
from app.pipeline.candidates import PanelVotes, measured, panels_with
from judges.trust.always_valid import Week
from judges.trust.calibration import fit_temperature, human_share
from judges.trust.label_model import LabelModel
from judges.trust.panel_choice import Candidate, Sample, cheapest, price
from judges.trust.reading import read
from judges.trust.text_features import text_features
from judges.trust.vote_matrix import MISSING, A, B, VoteMatrix
from trainer.gate.evidence import weeks_of
from trainer.gate.panels import LEAST_PAIRS, LEAST_PROMPTS, TODAY, Panels, panels
from trainer.gate.rules import Decision, GateAnswers, Joint, decide

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
TARGETS = (0.85, 0.9)
WITH = f"with {NAME}"
ARMS = ("nothing", "label_model", "column", "tier0", "gated", "prompted", "longer wins")
AUDITED = 1 / 3
ASKED_AT = 0.9
_OTHERS = 300  # pairs without an answer that the gate's fits see, too, as in the product


@dataclass(frozen=True)
class Said:
    """What an arm says in a week of the pairs `rows` [P], and dollars of calls that each took."""

    arm: str
    target: float
    week: int
    rows: NDArray[np.int64]
    win_P: Floats
    calls_P: Floats


@dataclass(frozen=True)
class Verdict:
    """The gate's word at the end of a week. kind: promoted, or which of the three refusals."""

    target: float
    week: int
    kind: str
    why: str


@dataclass
class _Seat:
    """Who works at one target: the panel's name, its judge (None before a promotion), and what
    evidence there is since.
    """

    panel: str = TODAY
    judge: Taught | None = None
    past: list[Week] = field(default_factory=list)
    seen: int = 0


@dataclass
class Project:
    """A world as one draw of weeks lives through it. seed draws prompts into weeks."""

    world: World
    seed: int
    said: list[Said] = field(init=False, default_factory=list)
    verdicts: list[Verdict] = field(init=False, default_factory=list)

    def run(self) -> "Project":
        """All weeks."""
        world = self.world
        prompts = shuffled(np.unique(world.votes.prompt_P).tolist(), self.seed)
        self.week_P = np.zeros(len(world.truth_P), np.int64)
        self.audit_P = np.zeros(len(world.truth_P), bool)
        for week, some_prompts in enumerate(np.array_split(np.array(prompts), world.weeks)):
            self.week_P[np.isin(world.votes.prompt_P, some_prompts)] = week
            audited = some_prompts[: max(1, round(AUDITED * len(some_prompts)))]
            self.audit_P |= np.isin(world.votes.prompt_P, audited)
        self.known_P = np.full(len(world.truth_P), MISSING, np.int8)
        self.judge: Taught | None = None
        self.seats = {target: _Seat() for target in TARGETS}
        self.tier = dict.fromkeys(TARGETS, TODAY)
        self.length_P = text_features(world.texts)[0][:, 0].astype(np.float64)
        for week in range(world.weeks):
            self._label(week)
            self._answer(week)
            self._judge_the_judge(week)
        return self

    def _label(self, week: int) -> None:
        """What every arm says of this week's pairs, none of them answered yet."""
        world = self.world
        now = np.flatnonzero(self.week_P <= week)
        new = np.flatnonzero(self.week_P == week)
        fresh = PanelVotes(TODAY, world.votes.take(new))
        self._say("nothing", week, new, self._leans(fresh, new, None), fresh)
        today = PanelVotes(TODAY, world.votes.take(now))
        known = self._pool(today, now)
        self.sure_P = np.abs(known - 0.5)  # the week's questions are asked by this
        self._say("label_model", week, new, known, today, now)
        made = {TODAY: today}
        if self.judge is not None:
            made |= self._panels(now, self.judge)
        leans = {TODAY: known}
        for target in TARGETS:
            tier = self.tier[target] if self.tier[target] in made else TODAY
            for arm, name in (("column", WITH if WITH in made else TODAY), ("tier0", tier)):
                if name not in leans:
                    leans[name] = self._pool(made[name], now)
                self._say(arm, week, new, leans[name], made[name], now, (target,))
            seat = self.seats[target]
            if seat.judge is None:
                self._say("gated", week, new, known, today, now, (target,))
                continue
            seated = self._panels(now, seat.judge)[seat.panel]
            self._say("gated", week, new, self._pool(seated, now), seated, now, (target,))
        slope = fit_temperature(self.length_P, self.known_P)
        length = expit(slope * self.length_P)
        self._say("longer wins", week, new, length[new], None)

    def _say(
        self,
        arm: str,
        week: int,
        new: NDArray[np.int64],
        win: Floats,
        panel: PanelVotes | None,
        now: NDArray[np.int64] | None = None,
        targets: tuple[float, ...] = TARGETS,
    ) -> None:
        calls = np.zeros(len(win)) if panel is None else called(panel.vote_matrix, self.world.usd)
        inside = np.ones(len(win), bool) if now is None else np.isin(now, new)
        for target in targets:
            self.said.append(Said(arm, target, week, new, win[inside], calls[inside]))

    def _pool(self, panel: PanelVotes, now: NDArray[np.int64]) -> Floats:
        """Leans of the label model on the pairs `now`, taught on the answers known."""
        return self._leans(panel, now, self.known_P[now])

    def _leans(self, panel: PanelVotes, rows: NDArray[np.int64], labels_P: Codes | None) -> Floats:
        votes = read(panel.vote_matrix, some(self.world.texts, rows))
        win: Floats = pooler().fit(votes, labels_P).predict(votes).win_P
        return win

    def _panels(self, rows: NDArray[np.int64], judge: Taught) -> dict[str, PanelVotes]:
        """Panels that a judge could make on some pairs, by name."""
        votes = self.world.votes.take(rows)
        said = answers(judge.margins(some(self.world.texts, rows), rows))
        return {each.name: each for each in panels_with(votes, votes, said, self.world.usd)}

    def _answer(self, week: int) -> None:
        """Experts answer the week's audits, and of the rest as many as these say are needed."""
        now = np.flatnonzero(self.week_P <= week)
        sure = np.full(len(self.week_P), np.inf)
        sure[now] = self.sure_P
        said = next(s for s in self.said if s.arm == "label_model" and s.week == week)
        audits = np.flatnonzero((self.week_P == week) & self.audit_P)
        rest = np.flatnonzero((self.week_P == week) & ~self.audit_P)
        inside = np.isin(said.rows, audits)
        share = human_share(said.win_P[inside], self.world.truth_P[audits], ASKED_AT)
        count = int(np.ceil((0.0 if np.isnan(share) else share) * len(rest)))
        asked = rest[np.argsort(sure[rest], kind="stable")[:count]]
        for rows in (audits, asked):
            self.known_P[rows] = self.world.truth_P[rows]

    def _judge_the_judge(self, week: int) -> None:
        """The gate on the audits so far, and the tier that the arm `tier0` takes next."""
        world = self.world
        rng = np.random.default_rng(self.seed)
        now = np.flatnonzero(self.week_P <= week)
        told = self.known_P[now] != MISSING
        quiet = rng.permutation(now[~told])[:_OTHERS]
        used = np.sort(np.concatenate([now[told], quiet]))
        labels = self.known_P[used]
        gold = self.audit_P[used] & np.isin(labels, (A, B))
        self.judge = teach(world.texts, self.known_P, world.votes.prompt_P, self.seed)
        asked = len(np.unique(world.votes.prompt_P[used][gold]))
        few = gold.sum() < LEAST_PAIRS or asked < LEAST_PROMPTS
        if few or self.judge is None:
            for target in TARGETS:
                why = f"only {int(gold.sum())} decided gold pairs of {asked} prompts"
                self.verdicts.append(Verdict(target, week, "too little gold", why))
        if gold.sum() < LEAST_PAIRS or self.judge is None:
            return
        margin = self.judge.margins(some(world.texts, used), used)
        candidates = [
            self._measured(panel, used, labels, gold)
            for panel in self._panels(used, self.judge).values()
        ]
        sample = Sample(
            np.where(gold, labels, MISSING).astype(np.int8),
            world.votes.prompt_P[used],
            np.ones(len(used)),
            gold,
        )
        for target, seat in self.seats.items():
            first = candidates[0]
            if seat.judge is not None:
                seated = self._panels(used, seat.judge)[seat.panel]
                first = replace(self._measured(seated, used, labels, gold), name=TODAY)
            priced = panels(
                [first, *candidates[1:]],
                sample,
                used,
                np.where(gold, self.week_P[used] + 1, 0),
                seat.seen,
                GateSettings().terms(target, None),
                seed=self.seed,
            )
            tiers = [c for c in candidates if c.threshold is not None or c is candidates[0]]
            best = cheapest(price(tiers, sample, priced.terms, seed=self.seed), priced.terms)
            self.tier[target] = best.candidate.name
            if few:
                continue
            decision = self._decide(priced, used, gold, margin, seat)
            evidence = decision.figures["evidence"]
            seat.past += weeks_of([decision.figures])
            seat.seen = max(seat.seen, int(evidence["through"]))
            refused = decision.figures.get("refusal")
            kind = "promoted" if decision.promoted else refused["kind"] if refused else "guarded"
            self.verdicts.append(Verdict(target, week, kind, "; ".join(decision.reasons)))
            if decision.promoted:
                self.seats[target] = _Seat(decision.figures["seat"]["panel"], self.judge)

    def _measured(
        self, panel: PanelVotes, used: NDArray[np.int64], labels: Codes, gold: NDArray[np.bool_]
    ) -> Candidate:
        """A panel's leans by fits blind to the prompts, at what it was really asked."""
        texts = some(self.world.texts, used)
        found = measured(
            panel, lambda votes: read(votes, texts), labels, gold, pooler, self.world.usd,
            self.seed,
        )  # fmt: skip
        return replace(found, calls_P=called(panel.vote_matrix, self.world.usd))

    def _decide(
        self,
        priced: Panels,
        used: NDArray[np.int64],
        gold: NDArray[np.bool_],
        margin: Floats,
        seat: _Seat,
    ) -> Decision:
        """The product's gate on the audits; slices are the domains and the weeks of the audits."""
        rows = used[gold]
        truth, prompt = self.world.truth_P[rows], self.world.votes.prompt_P[rows]
        domain_P = self.world.votes.domain_P[rows]
        slices = {f"week {w}": self.week_P[rows] == w for w in np.unique(self.week_P[rows])}
        slices |= {
            self.world.votes.domains[d]: domain_P == d for d in np.unique(domain_P) if d >= 0
        }
        nothing = np.zeros(len(rows))
        today = priced.leans(0, rows.tolist())
        return decide(
            GateAnswers(expit(margin[gold]), nothing, nothing),
            GateAnswers(today, nothing, nothing),
            truth,
            prompt,
            slices,
            joint=Joint(priced, priced.leans(priced.best, rows.tolist()), today),
            past=seat.past,
            seed=self.seed,
        )


def pooler() -> LabelModel:
    """The product's label model, for everybody without its slow gradient boosting."""
    return LabelModel(boosting=False)


def called(votes: VoteMatrix, usd: Mapping[str, float]) -> Floats:
    """Dollars of calls a pair took: the price of every rater that answered about it."""
    price = np.array([usd.get(rater, 0.0) for rater in votes.raters])
    spent: Floats = (votes.codes_PRO != MISSING).any(axis=2) @ price
    return spent


def projects(world: World, seeds: int) -> Iterator[Project]:
    """One project a seed."""
    for seed in range(seeds):
        yield Project(world, seed).run()
