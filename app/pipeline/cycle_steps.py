"""The steps of the weekly cycle, each a verb of its own that is safe to run again.

Leaves out their order, their recording and the lock (`cycle`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.config import Config
from app.output import plain
from app.pipeline.alarms import Alarm, as_rows, counted
from app.pipeline.bridging import bridge, held_back
from app.pipeline.panel import current_panel, enrolled_panel, not_heard
from db import checkpoints, cycles, datasets, spending
from db.asking import PairText
from db.errors import BadInput, BudgetSpent, Conflict, Unavailable, UnknownName
from db.progress import Progress, quiet
from db.runs import NANO
from db.session import Database
from db.status import status
from db.vocabulary import CheckpointKind
from judges.panel import Panel

Figures = dict[str, Any]


@dataclass(frozen=True)
class StepDone:
    """How a step ended: its line, its figures as JSON, what rang and what a person may look at.

    `skipped` steps had nothing to do, `unfinished` ones could not do all of it and stop the cycle;
    their line says why. `waits` is what people have to do before the cycle goes on.
    """

    line: str
    figures: Figures = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    look: tuple[str, ...] = ()
    skipped: bool = False
    unfinished: bool = False
    waits: str = ""

    def as_summary(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "line": self.line,
            "figures": plain(self.figures),
            "alarms": plain(as_rows(self.alarms)),
            "look": list(self.look),
        }


@dataclass(frozen=True)
class CycleContext:
    """What a step works with. `before` holds the figures of the steps before it, `so_far` what an
    earlier attempt at this very step noted.
    """

    config: Config
    cycle_id: int
    number: int
    began: datetime
    cap_usd: float | None
    before: Mapping[str, Figures]
    so_far: Figures | None = None
    note: Callable[[Figures], None] = lambda _: None
    progress: Progress = quiet

    @property
    def database(self) -> Database:
        """Where everything is stored."""
        return self.config.database


def take_in(context: CycleContext) -> StepDone:
    """Import what lies in the inbox."""
    from app.pipeline import inbox
    from judges.relatives import guessed_families

    folder = context.config.cycle.inbox
    taken = inbox.take_in(
        context.database,
        folder,
        context.so_far,
        context.note,
        context.config.inbox_options,
        context.progress,
    )
    rang = [
        Alarm(
            "import", f"{name} was refused: {why}", "mend the file and put it into the inbox again"
        )
        for name, why in taken.refused.items()
    ]
    look = [f"{name} in the inbox: its name says no kind" for name in taken.unknown]
    look += [f"rejected rows lie in {file}" for file in taken.reject_files]
    look += taken.read
    if taken.counts.get("votes") and (guesses := guessed_families(context.database)):
        look.append(guesses)
    return StepDone(taken.line, plain(taken), tuple(rang), tuple(look))


def judge(context: CycleContext) -> StepDone:
    """Ask the panel for what is missing, under what the cap leaves, and pool the votes."""
    from judges.steps import fit_consensus, run_judges

    told: list[str] = []
    panel = enrolled_panel(context.config, told.append)
    model = panel.panel.label_model
    if not panel.asked:
        why = "the panel has recorded judges only" if panel.judge else "no judge is configured"
        if context.config.panel.asked:
            why = "every judge that could be asked is retired, replaced or waits"
        line = "; ".join((f"nobody is asked: {why}", *told))
        if _count(context, "votes"):
            line += f"; {fit_consensus(context.database, model).summary}"
        return StepDone(line, skipped=not _count(context, "votes"))
    if not _count(context, "pairs"):
        return StepDone("there is no pair to judge", skipped=True)
    planned = (context.so_far or {}).get("planned_usd")
    if planned is None:
        planned, _ = foreseen(context.config)
        context.note({"planned_usd": planned})
    figures: Figures = {"planned_usd": planned, "capped": False}
    problems: tuple[str, ...] = ()
    unusual: tuple[Alarm, ...] = ()
    whole = False
    try:
        panel, _ = bridge(
            context.database,
            panel,
            told.append,
            max_usd=_left(context),
            progress=context.progress,
            beside=context.config.folder,
        )
        if not panel.asked:
            told.append(fit_consensus(context.database, model).summary)
            return StepDone("; ".join(told), figures, look=_waiting(told))
        done = run_judges(
            context.database,
            panel,
            max_usd=_left(context),
            progress=context.progress,
            beside=context.config.folder,
        )
        line = "; ".join((done.summary, *done.notices))
        problems, whole = done.problems, not done.missing
        unusual = tuple(Alarm("abstains", each, _NO_VERDICTS) for each in done.alarms)
        figures |= {"stored": done.stored, "capped": done.capped, "waiting": done.waiting}
    except BudgetSpent as error:
        line, figures["capped"] = str(error), True
    except Unavailable as error:  # of a judge; where it is the database's, the next line says so
        line, problems = str(error), (str(error),)
    line = "; ".join((line, *told, *not_heard(context.config)))
    figures["missing"] = 0 if whole else _missing(context.config)
    with context.database.read() as session:
        figures["spent_usd"] = spending.spent_since(session, context.cycle_id) / NANO
    if _too_few(context, figures["missing"]):
        alarm = _unfinished(context, figures, problems)
        rang = (alarm, *_silent(problems), *unusual)
        return StepDone(f"{line}; {alarm.sentence}", figures, rang, unfinished=True)
    if _count(context, "votes"):
        try:
            line += f"; {fit_consensus(context.database, model).summary}"
        except UnknownName as error:  # what follows would have nothing to go by
            nothing = Alarm("judging", str(error), "then run `tiebreak cycle` again")
            rang = (nothing, *_silent(problems), *unusual)
            return StepDone(f"{line}; {error}", figures, rang, unfinished=True)
    return StepDone(line, figures, (*_silent(problems), *unusual), look=_waiting(told))


def _waiting(told: Iterable[str]) -> tuple[str, ...]:
    """Of what was said, what waits for a person."""
    return tuple(each for each in told if "tiebreak judges accept" in each)


_NO_VERDICTS = "see what the judge said with `tiebreak show PAIR`, mend it, and ask those again"


def _too_few(context: CycleContext, missing: int) -> bool:
    """Whether more of the panel's votes are missing than the cycle may go on without."""
    return missing > context.config.cycle.missing_votes * _wanted(context)


def _wanted(context: CycleContext) -> int:
    """All votes of the panel that is asked."""
    asked = held_back(context.database, current_panel(context.config), context.config.folder).asked
    return _count(context, "pairs") * sum(len(j.asked_orders) * j.samples for j in asked)


def _unfinished(context: CycleContext, figures: Figures, problems: Iterable[str]) -> Alarm:
    """What is missing, why, and what a person can do."""
    missing, waiting = figures["missing"], figures.get("waiting", 0)
    look = "run `tiebreak cycle` again, which goes on with it"
    if figures["capped"]:
        why = f"the cap of ${context.cap_usd or 0:g} is reached"
        look = "raise max_usd, or free money in doubt by `tiebreak money reconcile`; then " + look
    elif problems:
        why = "; ".join(problems)
        look = "mend that, take the judge out of the panel, or allow missing_votes; then " + look
    elif waiting:
        why = f"{waiting:,} wait in batches at the provider"
        look = "a batch comes within a day (`tiebreak batches list`); then " + look
    else:
        why = "another run is asking them"
    sentence = f"judging is not finished: {missing:,} of {_wanted(context):,} votes are missing"
    return Alarm("judging", f"{sentence} ({why})", look)


def canaries(context: CycleContext) -> StepDone:
    """Ask the canary pairs again, where a set is drawn; what changed rings in `alarms`."""
    from db.canaries import canary_set
    from judges.steps import ask_canaries

    panel = current_panel(context.config)
    with context.database.read() as session:
        drawn = canary_set(session)
    if drawn is None or not panel.asked:
        why = "no canary pairs are drawn" if panel.asked else "the panel has nobody to ask"
        return StepDone(why, skipped=True)
    problems: tuple[str, ...] = ()
    try:
        done = ask_canaries(
            context.database,
            panel,
            max_usd=_left(context),
            progress=context.progress,
            beside=context.config.folder,
        )
        line, problems = done.summary.removeprefix("canaries: "), done.problems
        line = line.replace("\n", "; ")
    except BudgetSpent as error:
        line = f"the canary pairs were not asked: {error}"
    with context.database.read() as session:
        spent = spending.spent_since(session, context.cycle_id) / NANO
    figures = {"spent_usd": spent - context.before.get("judge", {}).get("spent_usd", 0.0)}
    return StepDone(line, figures, _silent(problems))


def _silent(problems: Iterable[str]) -> tuple[Alarm, ...]:
    """One alarm for each judge that could not be asked."""
    look = "mend the judge's key, address or limits; `tiebreak doctor` helps"
    return tuple(Alarm("judges", problem, look) for problem in problems)


def route(context: CycleContext) -> StepDone:
    """Certify what waited and is answered, then route what no batch keeps, as [cycle] says."""
    from app.pipeline.route import route_pairs

    if not _count(context, "votes"):
        return StepDone("there are no votes to route by", skipped=True)
    settings = context.config.cycle
    done = route_pairs(
        context.database,
        context.config.panel,
        settings.route_options(),
        context.config.review,
        progress=context.progress,
    )
    figures = {"state": done.state, "routes": done.routes, "tasks": done.tasks}
    audits = done.audits_open if settings.target_error is not None else 0
    seeds = done.tasks if done.state == "seeding" else 0
    look = list[str]()
    if done.seed_offer is not None and done.seed_offer.mean > 0:
        look.append(done.seed_offer.sentence(settings.target_error or 0.0))
    line = done.summary.removeprefix("route: ")  # the step bears the verb's name
    waits = _waits_for(context, audits, seeds)
    return StepDone(line, figures, look=(*look, *done.quality), waits=waits)


def _waits_for(context: CycleContext, audits: int, seeds: int) -> str:
    """What people have to answer before the cycle goes on, with the command; or nothing."""
    from app.pipeline import inbox

    if not audits and not seeds:
        return ""
    what = f"{audits:,} audits" if audits else f"{seeds:,} seed questions"
    line = (
        f"{what} are to be answered before anything is delivered, exported or learnt from; answer "
        "them in `tiebreak review` and run `tiebreak cycle` again, which goes on from there"
    )
    arrived = len(inbox.arrived(context.config.cycle.inbox))
    if arrived:
        files = f"{arrived} file{'s' * (arrived > 1)}"
        line += f"; {files} in the inbox wait for the next cycle, which `--anew` begins now"
    return line


def merge(context: CycleContext) -> StepDone:
    """Settle labels."""
    from review.merge import merge as step

    done = step(context.database, context.config.review, progress=context.progress)
    return StepDone(done.summary.removeprefix("merge: "), plain(done))


def grow_gold(context: CycleContext) -> StepDone:
    """Freeze a share of what people settled since the last export, before it is exported."""
    from app.pipeline.gold import grow

    settings = context.config.cycle
    if not _count(context, "preferences"):
        return StepDone("no label is settled yet", skipped=True)
    done = grow(
        context.database, settings.gold_share, settings.seed, context.config.gate.smallest_saving
    )
    return StepDone(done.summary.removeprefix("gold: "), plain(done), skipped=not done.new)


def export(context: CycleContext) -> StepDone:
    """Write the settled labels as this cycle's dataset; say how many are new."""
    from trainer.export.selection import ExportOptions
    from trainer.steps import export as step

    if not _count(context, "preferences"):
        return StepDone("no label is settled yet", skipped=True)
    settings = context.config.cycle
    options = ExportOptions(seed=settings.seed)
    name = f"cycle-{context.number}"
    number = 1
    while True:
        try:
            done = step(context.database, settings.datasets / name, options, name)
            break
        except BadInput as error:
            return StepDone(str(error), skipped=True)
        except Conflict:  # a killed attempt left a dataset, and labels changed since
            number += 1
            name = f"cycle-{context.number}-{number}"
    with context.database.read() as session:
        dataset = datasets.dataset(session, name)
        new = cycles.new_labels(session, dataset.id)
    figures = {"dataset": name, "rows": done.rows, "new_labels": new, "left_out": done.left_out}
    return StepDone(f"{done.summary}; {new} of them are new", figures)


def train(context: CycleContext, kind: str) -> StepDone:
    """Train a reward model or the next judge on this cycle's dataset."""
    from trainer.steps import train_judge, train_reward

    settings = context.config.cycle
    exported = context.before.get("export", {})
    if kind not in settings.train:
        return StepDone(f"[cycle] train does not name {kind!r}", skipped=True)
    if "dataset" not in exported:
        return StepDone("there is no dataset to learn from", skipped=True)
    if exported["new_labels"] < settings.min_new_labels:
        few = f"{exported['new_labels']} labels are new, {settings.min_new_labels} are worth it"
        return StepDone(f"no training this time: {few}", skipped=True)
    config, name = context.config, exported["dataset"]
    if blind := _unseen(context, kind):
        return StepDone(f"no training this time: {blind}", skipped=True)
    if kind == "judge":
        rules = config.panel.rules
        done = train_judge(
            context.database, config.training, rules, name, progress=context.progress
        )
    else:
        done = train_reward(context.database, config.training, name, progress=context.progress)
    figures = {"checkpoint": done.checkpoint, "rows": done.rows, "validation": done.validation}
    return StepDone(done.summary, figures)


def _unseen(context: CycleContext, kind: str) -> str:
    """Why nothing that is trained could pass the gate yet; empty where something could."""
    from app.pipeline.gold import sight
    from trainer.gate.panels import LEAST_PAIRS

    decided, smallest = sight(context.database)
    if decided < LEAST_PAIRS:
        return (
            f"the gate has {decided} decided gold pairs and says nothing below {LEAST_PAIRS}; gold "
            "grows by [cycle] gold_share, `tiebreak gold draw` and `import gold`"
        )
    if kind == "judge" and (whole := _today(context)) is not None and smallest > whole:
        return (
            f"{decided} decided gold pairs show a saving of {100 * smallest:.0f} answers in 100 "
            f"pairs or more, and the panel needs {100 * whole:.0f} in all"
        )
    return ""


def _today(context: CycleContext) -> float | None:
    """What today's panel costs a pair, in answers, as the last decision measured it."""
    with context.database.read() as session:
        for decision in reversed(checkpoints.decisions(session, CheckpointKind.JUDGE)):
            told = decision.figures.get("panels") or {}
            if told.get("table"):
                return float(told["table"][0]["usd"] / told["answer_usd"])
    return None


def evaluate(context: CycleContext) -> StepDone:
    """Measure what was trained on the frozen gold, beside the incumbents and the baselines."""
    from trainer.gate.measurement import evaluate as step

    trained = _trained(context)
    if not trained:
        return StepDone("nothing was trained", skipped=True)
    lines, tables = [], {}
    for name in trained:
        try:
            done = step(context.database, name, context.config.panel.rules)
        except Conflict as error:
            return StepDone(str(error), look=(f"nothing can be promoted: {error}",), skipped=True)
        lines.append(f"{name}: {done.summary}")
        tables[name] = {"pairs": done.pairs, "table": done.table, "kind": done.kind}
    return StepDone("; ".join(lines), {"tables": tables})


def gate(context: CycleContext) -> StepDone:
    """Put what was trained before the gate; a judge also has to spare humans work."""
    from app.pipeline.gold import retire

    trained = _trained(context)
    if not trained or "tables" not in context.before.get("evaluate", {}):
        return StepDone("nothing stands before the gate", skipped=True)
    if not context.config.cycle.promote:
        asked = ", ".join(f"`tiebreak promote {name}`" for name in trained)
        return StepDone("[cycle] promote is off", look=(f"decide: {asked}",), skipped=True)
    verdicts = [decide(context, name) for name in trained]
    look = [
        f"{v['checkpoint']} was refused: {'; '.join(v['reasons'])}"
        for v in verdicts
        if v["verdict"] == "refused"
    ]
    line = "; ".join(f"{v['verdict']} {v['checkpoint']} ({v['reasons'][0]})" for v in verdicts)
    kept = context.config.gate
    actor = f"cycle {context.number}"
    told = retire(context.database, kept.gold_serves, kept.gold_least, actor)
    figures = {"verdicts": verdicts, "gold": plain(told.ledger)}
    return StepDone(f"{line}; {told.summary}", figures, look=tuple(look))


def decide(context: CycleContext, name: str) -> Figures:
    """The gate's word on one checkpoint. What it said earlier in this very cycle stands."""
    from app.pipeline.gate import panels_of
    from trainer.gate.registry import promote

    rules = context.config.panel.rules
    with context.database.read() as session:
        challenger = checkpoints.checkpoint(session, name)
        said = cycles.decision_since(session, challenger.id, context.began)
    told: Figures = {"checkpoint": name, "kind": challenger.kind.value, "effect": None}
    if said is not None:
        told |= {"verdict": said.verdict, "reasons": said.reasons, "figures": said.figures}
        told["effect"] = (said.figures.get("panels") or {}).get("line")
        return told
    priced = panels_of(context.config, name)
    told["effect"] = None if priced is None else priced.line
    done = promote(context.database, name, rules, panels=priced, actor=f"cycle {context.number}")
    reasons = done.reasons or ["it is in production already"]
    return told | {"verdict": done.verdict, "reasons": reasons, "figures": plain(done.figures)}


def alarms(context: CycleContext) -> StepDone:
    """Compare what came since the last cycle with everything before it."""
    from app.pipeline.diversity import watch_diversity
    from app.pipeline.watch import watch

    with context.database.read() as session:
        past = cycles.finished(session, 1)
    boundary = past[0].finished_at if past and past[0].finished_at else context.began
    days = (context.began - boundary).total_seconds() / 86_400
    rang = watch(
        context.database,
        context.config.cycle,
        boundary,
        dict(context.before["judge"]),
        days,
        context.config.review.reviewer_accuracy,
    )
    alike = watch_diversity(context.database, boundary, context.config.cycle.seed)
    rang += [alike.alarm] if alike.alarm else []
    line = ": ".join([counted(len(rang)), *["; ".join(a.sentence for a in rang)] * bool(rang)])
    figures = {"since": boundary.isoformat(), "diversity": alike.line}
    return StepDone(f"{line}; {alike.line}", figures, tuple(rang))


def foreseen(config: Config, arriving: Iterable[PairText] = ()) -> tuple[float, int]:
    """Dollars the missing questions are expected to cost, and how many pairs are arriving.

    arriving: pairs that wait to be imported, asked about as well.
    """
    from judges.steps import estimate

    panel = current_panel(config)
    names = paid(panel)
    if not names:
        return 0.0, sum(1 for _ in arriving)
    found = estimate(config.database, panel, names=names, arriving=arriving)
    return found.expected_usd, found.new_pairs


def canaries_usd(config: Config) -> float:
    """Dollars that the next round of the canary pairs is expected to cost."""
    from judges.steps import estimate_canaries

    panel = current_panel(config)
    names = paid(panel)
    found = estimate_canaries(config.database, panel, names=names) if names else None
    return found.expected_usd if found else 0.0


def paid(panel: Panel) -> list[str]:
    """Names of the judges that would be asked and whose answers cost."""
    from judges.cost import costs

    return [judge.name for judge in panel.asked if costs(judge)]


def _missing(config: Config) -> int:
    from judges.steps import estimate

    panel = held_back(config.database, current_panel(config), config.folder)
    return estimate(config.database, panel, beside=config.folder).questions if panel.asked else 0


def _left(context: CycleContext) -> float | None:
    """What the cap leaves after the judging runs of this cycle that ended."""
    if context.cap_usd is None:
        return None
    with context.database.read() as session:
        spent = cycles.spent_by_ended(session, context.cycle_id) / NANO
    return max(0.0, context.cap_usd - spent)


def _trained(context: CycleContext) -> list[str]:
    return [
        str(context.before[step]["checkpoint"])
        for step in ("train reward", "train judge")
        if "checkpoint" in context.before.get(step, {})
    ]


def _count(context: CycleContext, what: str) -> int:
    with context.database.read() as session:
        return int(status(session)[what])


def retention(context: CycleContext) -> StepDone:
    """Remove what is older than [retention] allows."""
    from app.pipeline.erasing import apply_retention

    done = apply_retention(context.database, context.config.retention, f"cycle {context.number}")
    line = done.summary.removeprefix("retention: ").replace("\n", "; ")
    figures = {"raw_answers": done.raw_answers, "prompts": done.prompts, "people": done.people}
    return StepDone(line, figures, skipped=bool(done.why_not))


STEPS: Mapping[str, Callable[[CycleContext], StepDone]] = {
    "import": take_in,
    "judge": judge,
    "canaries": canaries,
    "route": route,
    "merge": merge,
    "gold": grow_gold,
    "export": export,
    "train reward": lambda context: train(context, "reward"),
    "train judge": lambda context: train(context, "judge"),
    "evaluate": evaluate,
    "gate": gate,
    "alarms": alarms,
    "retention": retention,
}
"""In this order. The report comes after them, and also where one of them failed."""
