"""The weekly cycle: everything from the inbox to the gate, once, recorded step by step.

A cycle that was killed or failed is found again and goes on at its first step not done. Two never
run at once. Leaves out what the steps do (`cycle_steps`) and how the page looks (`cycle_page`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.config import Config
from app.pipeline import cycle_page, inbox
from app.pipeline.alarms import counted
from app.pipeline.cycle_steps import STEPS, CycleContext, StepDone, canaries_usd, foreseen, paid
from app.pipeline.panel import current_panel
from app.pipeline.webhook import send
from app.pipeline.week import as_summary
from db import cycles
from db.errors import BadInput, TiebreakError, Unavailable, Unfinished
from db.events import record
from db.extras import told
from db.progress import Progress, quiet
from db.runs import cap_of, finish_run
from db.vocabulary import RunStatus

Announce = Callable[[str], None]
REPORT = "report"


@dataclass(frozen=True)
class StepTold:
    """One step as it ended."""

    name: str
    status: str
    line: str


@dataclass(frozen=True)
class CycleDone:
    """What a cycle did. cycle: its number; run: that of its run. waits: what people have to do
    before it goes on, empty where it is finished. alarms: kind, sentence, look and figures of each
    that rang.
    """

    cycle: int
    run: int
    resumed: bool
    steps: tuple[StepTold, ...]
    alarms: tuple[dict[str, Any], ...]
    look: tuple[str, ...]
    spent_usd: float
    report: str
    webhook: str | None = None
    waits: str = ""

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.waits:
            return f"cycle {self.cycle} waits: {self.waits}; read {self.report}"
        done = sum(step.status == cycles.DONE for step in self.steps)
        rang = counted(len(self.alarms))
        again = "resumed and " if self.resumed else ""
        return (
            f"cycle {self.cycle} {again}finished: {done} of {len(self.steps)} steps had work, "
            f"{rang}, ${self.spent_usd:.4f} spent; read {self.report}"
        )


@dataclass(frozen=True)
class Planned:
    """What a cycle would do now. files: what waits in the inbox, by name and kind; new_pairs: what
    they would add; expected_usd: of judging those, too; canaries_usd: of asking a drawn set of
    canary pairs beside that.
    """

    goes_on: int | None
    steps: tuple[StepTold, ...]
    files: tuple[dict[str, Any], ...]
    new_pairs: int
    expected_usd: float
    canaries_usd: float
    max_usd: float | None

    @property
    def summary(self) -> str:
        """The plan for people."""
        begin = f"cycle {self.goes_on} would go on" if self.goes_on else "a new cycle would begin"
        lines = [begin, *(f"  {s.name:14} {s.line}" for s in self.steps)]
        cap = "no cap" if self.max_usd is None else f"never more than ${self.max_usd:g}"
        with_new = f", {self.new_pairs:,} new pairs included" if self.new_pairs else ""
        again = f" and ${self.canaries_usd:.4f} for canary pairs" if self.canaries_usd else ""
        lines.append(f"expected cost of judging: ${self.expected_usd:.4f}{again} ({cap}{with_new})")
        return "\n".join(lines)


def run_cycle(
    config: Config,
    *,
    max_usd: float | None = None,
    folder: Path | None = None,
    webhook: str | None = None,
    anew: bool = False,
    announce: Announce = lambda _: None,
    progress: Progress = quiet,
) -> CycleDone:
    """One whole cycle, or the rest of one that did not finish.

    max_usd, folder: instead of [cycle] max_usd and inbox. anew: leave an unfinished cycle as it is.
    Raises Conflict where a cycle is running, BadInput where judges cost and nothing caps them,
    Unfinished where votes are missing that it may not go on without, and whatever made a step fail,
    after it is written down.
    """
    config = _with_inbox(config, folder)
    cap = max_usd if max_usd is not None else config.cycle.max_usd
    _check(config, cap)
    with cycles.only_cycle(config.database):
        cycle_id, resumed = _open(config, cap, anew)
        if resumed:
            announce(f"cycle {_number(config, cycle_id)} goes on where it stopped")
        try:
            waits = _run_steps(config, cycle_id, cap, announce, progress)
        except BaseException as error:
            _fail(config, cycle_id, error, webhook, announce)
            raise
        return _finish(config, cycle_id, resumed, webhook, announce, waits)


def _number(config: Config, cycle_id: int) -> int:
    with config.database.read() as session:
        return cycles.number_of(cycles.get(session, cycle_id))


def plan_cycle(
    config: Config, *, max_usd: float | None = None, folder: Path | None = None
) -> Planned:
    """What `run_cycle` would do now, and what judging is expected to cost. Changes nothing."""
    config = _with_inbox(config, folder)
    cap = max_usd if max_usd is not None else config.cycle.max_usd
    _check(config, cap)
    with config.database.read() as session:
        open_ = cycles.unfinished(session)
        stored = cycles.steps_of(session, open_.id) if open_ else []
    ended = {s.name: s.status for s in stored if s.status in (cycles.DONE, cycles.SKIPPED)}
    files = inbox.arrived(config.cycle.inbox)
    words = _words(config, [f.name for f in files if f.kind])
    usd, new_pairs = foreseen(config, inbox.waiting(config.database, files, config.inbox_options))
    steps = tuple(
        StepTold(name, ended[name], f"{ended[name]} before")
        if name in ended
        else StepTold(name, cycles.WAITING, words[name])
        for name in (*STEPS, REPORT)
    )
    return Planned(
        goes_on=cycles.number_of(open_) if open_ else None,
        steps=steps,
        files=tuple({"name": f.name, "kind": f.kind, "bytes": f.bytes} for f in files),
        new_pairs=new_pairs,
        expected_usd=usd,
        canaries_usd=canaries_usd(config),
        max_usd=cap,
    )


def _words(config: Config, names: list[str]) -> dict[str, str]:
    cycle, panel = config.cycle, current_panel(config)
    asked = ", ".join(judge.name for judge in panel.asked) or "nobody"
    options = cycle.route_options()
    least = f"if {cycle.min_new_labels} labels are new"
    return {
        "import": f"take in {', '.join(names)}" if names else f"nothing waits in {cycle.inbox}",
        "judge": f"ask {asked} about every vote that is missing",
        "canaries": "ask a drawn set of canary pairs again",
        "route": f"by {options.mode}",
        "merge": "settle labels",
        "gold": f"freeze {cycle.gold_share:.0%} of the prompts people settled anew"
        if cycle.gold_share
        else "left to a person",
        "export": f"into {cycle.datasets}",
        "train reward": f"from {config.training.base}, {least}",
        "train judge": f"from {config.training.judge_base}, {least}",
        "evaluate": "on the frozen gold",
        "gate": "promote what beats the incumbent" if cycle.promote else "left to a person",
        "alarms": "compare with everything before",
        "retention": "keep everything"
        if config.retention.keeps_all
        else "remove what is older than [retention] allows",
        REPORT: f"into {cycle.reports}",
    }


def _with_inbox(config: Config, folder: Path | None) -> Config:
    if folder is None:
        return config
    cycle = config.sections.cycle.model_copy(update={"inbox": folder.absolute()})
    return replace(config, sections=config.sections.model_copy(update={"cycle": cycle}))


def _check(config: Config, cap: float | None) -> None:
    """Everything that can be known to be wrong before a step begins."""
    config.cycle.route_options()
    for kind in inbox.KINDS:
        config.inbox_options(kind)
    cap_of(cap)
    priced = paid(config.panel)
    if priced and cap is None:
        raise BadInput(
            f"judge {priced[0]!r} costs money and nothing caps it; "
            "give --max-usd, or set max_usd under [cycle]"
        )


def _open(config: Config, cap: float | None, anew: bool) -> tuple[int, bool]:
    """The cycle to work on and whether it had begun before."""
    nano = cap_of(cap)
    with config.database.begin() as session:
        run = cycles.unfinished(session)
        if run is not None and anew:
            cycles.leave(session, run, "left unfinished; a new cycle was begun")
            run = None
        if run is not None:
            cycles.resume(session, run, nano)
            return run.id, True
        run = cycles.begin(session, (*STEPS, REPORT), {"inbox": str(config.cycle.inbox)}, nano)
        record(session, "tiebreak", "cycle.begun", f"cycle:{cycles.number_of(run)}")
        return run.id, False


def _run_steps(
    config: Config, cycle_id: int, cap: float | None, announce: Announce, progress: Progress
) -> str:
    """Every step that is not done; what people have to do before the next one, if anything."""
    with config.database.read() as session:
        run, stored = cycles.get(session, cycle_id), cycles.steps_of(session, cycle_id)
    before: dict[str, dict[str, Any]] = {}
    for step in stored:
        summary: dict[str, Any] = dict(step.summary or {})
        if step.name not in STEPS:
            continue
        if step.status not in (cycles.DONE, cycles.SKIPPED):
            context = CycleContext(
                config=config,
                cycle_id=cycle_id,
                number=cycles.number_of(run),
                began=run.started_at,
                cap_usd=cap,
                before=before,
                so_far=summary.get("so_far"),
                note=_noter(config, step.id),
                progress=progress,
            )
            done = _run_step(config, step.id, context, STEPS[step.name])
            for line in f"{step.name}: {done.line}".splitlines():
                announce(line)
            summary = done.as_summary()
            if done.waits:
                return done.waits
        before[step.name] = summary.get("figures", {})
    return ""


def _run_step(
    config: Config, step_id: int, context: CycleContext, run: Callable[[CycleContext], StepDone]
) -> StepDone:
    with config.database.begin() as session:
        cycles.start_step(session, step_id)
    try:
        with told():
            done = run(context)
    except BaseException as error:
        why = _reason(error)
        with config.database.begin() as session:
            cycles.fail_step(session, step_id, why)
        if isinstance(error, OSError) and not isinstance(error, TiebreakError):
            raise Unavailable(f"{why}; mend that and run `tiebreak cycle` again") from error
        raise
    status = cycles.SKIPPED if done.skipped else cycles.DONE
    with config.database.begin() as session:
        cycles.end_step(
            session,
            step_id,
            cycles.STOPPED if done.unfinished or done.waits else status,
            done.as_summary(),
        )
    if done.unfinished:
        raise Unfinished(f"{done.line}; {done.alarms[0].look}")
    return done


def _noter(config: Config, step_id: int) -> Callable[[dict[str, Any]], None]:
    def note(figures: dict[str, Any]) -> None:
        with config.database.begin() as session:
            cycles.note_step(session, step_id, {"so_far": figures})

    return note


def _finish(
    config: Config,
    cycle_id: int,
    resumed: bool,
    webhook: str | None,
    announce: Announce,
    waits: str = "",
) -> CycleDone:
    """The end in one transaction, or that it waits; the page before it, the webhook last."""
    if waits:
        with config.database.begin() as session:
            finish_run(session, cycle_id, RunStatus.FAILED, error=f"{cycles.WAITS}{waits}")
    told_week = cycle_page.of_week(config, cycle_id)
    page = cycle_page.write(config, cycle_id, told_week[0])
    with config.database.begin() as session:
        number = cycles.number_of(cycles.get(session, cycle_id))
        steps = cycles.steps_of(session, cycle_id)
        facts = cycles.facts(session, cycle_id)
        kinds = [alarm["kind"] for alarm in facts.alarms]
        if waits:
            record(session, "tiebreak", "cycle.waits", f"cycle:{number}", {"for": waits})
        else:
            last = next(step for step in steps if step.name == REPORT)
            cycles.start_step(session, last.id)
            line = {"line": str(page), "figures": {}, "alarms": [], "look": []}
            cycles.end_step(session, last.id, cycles.DONE, line)
            summary = {"alarms": facts.alarms, "spent_usd": facts.spent_usd, "report": str(page)}
            summary |= as_summary(*told_week)
            finish_run(session, cycle_id, RunStatus.DONE, summary)
            record(session, "tiebreak", "cycle.finished", f"cycle:{number}", {"alarms": kinds})
    told = None
    if facts.alarms and webhook:
        told = send(webhook, message(number, "alarms", facts.alarms, str(page)))
        announce(f"webhook: {told}")
    return CycleDone(
        cycle=number,
        run=cycle_id,
        resumed=resumed,
        steps=tuple(
            StepTold(s.name, s.status, str((s.summary or {}).get("line", ""))) for s in steps
        ),
        alarms=tuple(facts.alarms),
        look=tuple(facts.look),
        spent_usd=facts.spent_usd,
        report=str(page),
        webhook=told,
        waits=waits,
    )


def _fail(
    config: Config, cycle_id: int, error: BaseException, webhook: str | None, announce: Announce
) -> None:
    """Write down that the cycle stopped and why; the same cycle goes on when it is run again."""
    why = _reason(error)
    with config.database.begin() as session:
        number = cycles.number_of(cycles.get(session, cycle_id))
        finish_run(session, cycle_id, RunStatus.FAILED, error=why)
        record(session, "tiebreak", "cycle.failed", f"cycle:{number}", {"reason": why})
        rang = cycles.facts(session, cycle_id).alarms
    page = cycle_page.write(config, cycle_id)
    announce(f"cycle {number} stopped; run `tiebreak cycle` to go on; {page} says where it stands")
    if webhook and isinstance(error, Exception):
        state = "stopped" if isinstance(error, Unfinished) else "failed"
        told = send(webhook, message(number, state, rang, str(page), why))
        announce(f"webhook: {told}")


def message(
    number: int, state: str, alarms: list[dict[str, Any]], report: str, reason: str = ""
) -> dict[str, Any]:
    """What the webhook gets: `text` is for people and chat rooms, the rest for machines."""
    lines = [reason] if reason else [alarm["sentence"] for alarm in alarms]
    return {
        "text": f"Tiebreak cycle {number} {state}: " + "; ".join(lines),
        "cycle": number,
        "state": state,
        "reason": reason,
        "alarms": alarms,
        "report": report,
    }


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped from outside"
    said = str(error).replace("\x00", "")[:2000] or type(error).__name__
    return said.encode("utf-8", "replace").decode()
