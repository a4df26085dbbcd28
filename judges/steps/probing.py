"""A judge probed: does what makes no response better win it over, more than a placebo does?

Asked are pairs of the project as they are, then each with every change that can be made to it and
with its placebo, in one order a pair, alternately. Leaves out the changes (`judges.perturbations`)
and which of them is made where (`judges.probe_plan`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from db import probes
from db.asking import Slot, mean_output_tokens, pair_texts
from db.errors import BadInput, BudgetSpent, TiebreakError, Unavailable, UnknownName
from db.judges import find_version
from db.probes import LEAST
from db.progress import Progress, quiet
from db.session import Database
from db.vocabulary import Choice, Order, Provider
from judges import participants
from judges.cost import CostEstimate, Estimator
from judges.judge_config import JudgeConfig
from judges.judge_session import Show, as_stored
from judges.panel import Panel
from judges.perturbations import EDITION
from judges.probe_plan import UNCHANGED, Plan, report_of
from judges.probe_report import ProbeReport
from judges.results import JudgeRun
from judges.steps.asking import run_judges
from judges.trust.flips import Verdict


@dataclass(frozen=True)
class Probed:
    """What a call did. open: the cap stopped it, and the next call goes on; kept: whether the
    outcome is stored, as it is once every answer is there.
    """

    judge: str
    report: ProbeReport
    stored: int
    missing: int
    cost_usd: float
    open: bool
    kept: bool
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """For people: what came of it, then what is to be said beside the figures."""
        line = f"probe: {self.stored:,} answers, ${self.cost_usd:.4f} spent"
        if self.missing:
            why = "the cap is reached; run again to go on" if self.open else "run again to go on"
            return f"{line}, {self.missing:,} missing ({why}); nothing is concluded before"
        found = [r.change for r in self.report.rows if r.verdict == self.report.verdict]
        told = f"{self.report.verdict.value.upper()}"
        if self.report.verdict is not Verdict.PASSED:
            told += f" ({', '.join(found)})"
        line += f"; judge {self.judge!r} on {self.report.asked:,} pairs: {told}"
        return "\n".join([line, *self.report.lines])


@dataclass
class _Asking:
    """The runs of one call, one after the other, under one cap."""

    ask: Any
    runs: list[JudgeRun] = field(default_factory=list)
    capped: bool = False
    error: TiebreakError | None = None

    def __call__(
        self, order: Order, pair_ids: Sequence[int], samples: Sequence[int], show: Show
    ) -> None:
        """Ask, unless something stopped it. Raises what stopped it before any answer came."""
        if self.stopped:
            return
        after = self.runs[-1].run_id if self.runs else None
        try:
            run = self.ask(orders=[order], within=pair_ids, samples=samples, after=after, show=show)
        except (BudgetSpent, Unavailable) as error:
            self.capped, self.error = isinstance(error, BudgetSpent), error
            if not self.stored:
                raise
            return
        self.runs.append(run)
        self.capped = run.capped

    @property
    def stored(self) -> int:
        """Answers that came."""
        return sum(run.stored for run in self.runs)

    @property
    def stopped(self) -> bool:
        """Whether nothing further is asked."""
        return self.capped or bool(self.problems)

    @property
    def told(self) -> tuple[str, ...]:
        """What else is to be said of the runs."""
        said = (n for r in self.runs for n in (*r.notices, *r.in_doubt, *r.private, *r.alarms))
        return tuple(dict.fromkeys(said))

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it was stopped, where it was not by the cap."""
        told = [problem for run in self.runs for problem in run.problems]
        told += [str(self.error)] if self.error is not None and not self.capped else []
        return tuple(dict.fromkeys(told))


def probe(
    database: Database,
    panel: Panel,
    name: str,
    *,
    pairs: int = LEAST,
    max_usd: float | None = None,
    progress: Progress = quiet,
    environ: Mapping[str, str] | None = None,
    beside: Path | None = None,
) -> Probed:
    """Ask a judge of the panel about `pairs` pairs as they are and changed, and keep what it shows.

    max_usd: cap of this call, and of a killed one it goes on with. Killed and run again it asks
    nothing twice; more pairs ask the further ones alone. Raises UnknownName for another judge and
    where there are no pairs, BadInput for one that cannot be asked, and what `run_judges` raises.
    """
    judge = participants.by_weights(askable(panel, name), beside)
    with database.begin() as session:
        version_id = participants.version_of(session, judge, panel.rules).id
        drawn = probes.draw_pairs(session, version_id, EDITION, pairs)
    if not drawn.prompt_of:
        raise UnknownName("there are no pairs to probe with; bring some with `tiebreak import`")
    asking = _Asking(
        partial(
            run_judges, database, panel, names=[name], max_usd=max_usd, progress=progress,
            environ=environ, beside=beside,
        )
    )  # fmt: skip
    pair_ids = sorted(drawn.prompt_of)
    for order, ids in _by_order(judge, pair_ids).items():
        asking(order, ids, [UNCHANGED], as_stored)
    with database.read() as session:
        said = probes.answers(session, version_id, EDITION, pair_ids)
        texts = pair_texts(session, pair_ids)
    plan = Plan.of(texts, said)
    for (order, samples), ids in plan.groups.items():
        asking(order, ids, samples, plan.show)
    with database.read() as session:
        said = probes.answers(session, version_id, EDITION, pair_ids)
    report = report_of(drawn, plan, said)
    # An answer about a pair as it is opens questions about it: without it those are missing, too.
    missing = sum((p, UNCHANGED) not in said for p in pair_ids)
    missing += sum(key not in said for key in plan.slots)
    if not missing:
        with database.begin() as session:
            probes.store_outcome(
                session, version_id, EDITION, verdict=report.verdict, suffices=report.suffices,
                pairs=report.asked, report=report.as_figures(),
            )  # fmt: skip
    runs = asking.runs
    return Probed(
        judge=name,
        report=report,
        stored=asking.stored,
        missing=missing,
        cost_usd=sum(run.cost_usd for run in runs),
        open=asking.capped,
        kept=not missing,
        problems=asking.problems,
        notices=asking.told,
    )


def estimate_probe(
    database: Database, panel: Panel, name: str, *, pairs: int = LEAST, beside: Path | None = None
) -> CostEstimate:
    """What is missing of a probe would cost. Asks nobody.

    A pair that was not asked yet counts as if every change could be made to it that can be made to
    its first response.
    """
    judge = participants.by_weights(askable(panel, name), beside)
    with database.read() as session:
        version_id = find_version(session, judge.name, judge.version(panel.rules))
        mean = None if version_id is None else mean_output_tokens(session, version_id)
        drawn = probes.draw_pairs(session, version_id or 0, EDITION, pairs)
        said = probes.answers(session, version_id or 0, EDITION, sorted(drawn.prompt_of))
        texts = pair_texts(session, drawn.prompt_of)
    counted = Estimator(judge, panel.rules, mean, batched=False)
    unasked = {(pair_id, UNCHANGED): (Order.NONE, Choice.B) for pair_id in texts}
    plan = Plan.of(texts, unasked | said)
    by_order = _by_order(judge, sorted(texts)).items()
    order_of = {pair_id: order for order, ids in by_order for pair_id in ids}
    for pair_id, sample in [*unasked, *plan.slots]:
        if (pair_id, sample) not in said:
            slot = Slot(pair_id, order_of[pair_id], sample)
            shown = as_stored if sample == UNCHANGED else plan.show
            counted.add(shown(slot, texts[pair_id]), [slot])
    return CostEstimate.of(counted.rows(), batched=False, example=None)


def askable(panel: Panel, name: str) -> JudgeConfig:
    """The judge of that name. Raises UnknownName, or BadInput where nobody can ask it."""
    judge = panel.named(name)
    if judge.provider is Provider.RECORDED:
        raise BadInput(
            f"judge {name!r} holds votes that were made elsewhere, and cannot be asked; probe one "
            f"of {[each.name for each in panel.asked]}"
        )
    return judge


def _by_order(judge: JudgeConfig, pair_ids: Sequence[int]) -> dict[Order, list[int]]:
    """In which order each pair is asked: alternately."""
    orders = judge.asked_orders
    found: dict[Order, list[int]] = defaultdict(list)
    for pair_id in pair_ids:
        found[orders[pair_id % len(orders)]].append(pair_id)
    return found
