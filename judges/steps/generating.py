"""Texts from models: candidates, critiques and revisions; and the pairs formed of candidates."""

import asyncio
import dataclasses
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

import numpy as np

from db.errors import BadInput, BudgetSpent
from db.generation import (
    Field,
    PromptRow,
    fields,
    note,
    noted,
    prompts_page,
    store_candidate,
)
from db.pairs import NewPair, add_pairs
from db.progress import Progress, quiet, tell
from db.runs import cap_of, ended_by
from db.session import Database, Session
from db.text_claims import TextKey
from db.vocabulary import RunStatus
from judges import designs, lifecycle
from judges.asking import Client
from judges.connect import connect
from judges.generation import GeneratorConfig, Writer, sources
from judges.patience import Patience
from judges.prices import NANO
from judges.private import Withholding
from judges.steps.finishing import Count, bill, settle, tried, with_room
from judges.text_requests import (
    Brought,
    Requested,
    Store,
    TextRequest,
    TextRequests,
    raise_if_nothing,
)
from judges.vocabulary import Design

_WRITTEN = "candidate written"
_PAGE = 200  # prompts read at a time; by hand, some megabytes of text


@dataclass(frozen=True)
class Written:
    """What a run of writing did.

    asked: finished texts that came back; new: those that were not there yet; pairs: formed of them;
    elsewhere: texts that another run asks for; passed_over: prompts or responses that are more than
    plain messages, which are not asked for; private: requests with personal data or secrets, sent
    and held back, in words and counts; notices: what a user is to hear of servers; refused: texts
    given up, by why (the server refuses the request, or no finished text came twice); again: texts
    asked for twice; lost: requests without an answer.
    """

    asked: int
    new: int
    failed: int
    elsewhere: int
    pairs: int
    cost_usd: float
    capped: bool
    problem: str | None
    private: tuple[str, ...] = ()
    passed_over: int = 0
    notices: tuple[str, ...] = ()
    refused: Mapping[str, int] = dataclasses.field(default_factory=dict)
    lost: int = 0
    again: int = 0

    @property
    def summary(self) -> str:
        """One line for people."""
        parts = [
            f"{self.asked} texts written",
            f"{self.new} of them new",
            f"{self.pairs} new pairs",
        ]
        if self.cost_usd:
            parts.append(f"${self.cost_usd:.4f} spent")
        if self.failed:
            parts.append(f"{self.failed} failed (run again to ask for them)")
        if self.again:
            parts.append(f"{self.again} came unfinished and were asked for again")
        parts += [f"{count} given up ({why})" for why, count in self.refused.items()]
        if self.lost:
            parts.append(f"{self.lost} requests without an answer may have been billed")
        if self.elsewhere:
            parts.append(f"{self.elsewhere} asked for by another run")
        if self.passed_over:
            parts.append(f"{self.passed_over} passed over (they are more than plain messages)")
        parts += self.private
        if self.capped:
            parts.append("the cap is reached")
        return ", ".join(parts) + (f"; {self.problem}" if self.problem else "")


Clients = Mapping[tuple[str, float | None], Client]
Make = Callable[[Clients], Iterator[TextRequest]]
Phase = tuple[Make, Store]
"""What to ask for, and how an answer is stored."""


def generate(
    database: Database,
    generators: Sequence[GeneratorConfig],
    *,
    prompts: int | None = None,
    max_usd: float | None = None,
    hold: Collection[str] = (),
    progress: Progress = quiet,
    environ: Mapping[str, str] | None = None,
) -> Written:
    """Ask every source for a response to every prompt (the first `prompts` of them) it has not
    written for yet, and store the new ones as candidates. Duplicates are folded.

    hold: kinds of private data whose prompts are not sent.
    """
    withholding = Withholding.of(hold, "request")
    wanted = sources(generators)
    if not wanted:
        raise BadInput("there are no generators; add a [[generator]] to tiebreak.toml")
    count = Count()

    def requests(clients: Clients, again: bool = False) -> Iterator[TextRequest]:
        for prompt in _prompts(database, prompts, Count() if again else count):
            subject = f"prompt:{prompt.id}"
            with database.read() as session:
                done = noted(session, _WRITTEN, [subject])
                first = tried(session, _WRITTEN, [subject])
            for source in wanted:
                key = (subject, source.label)
                if key not in done and (key in first or not again):
                    generator = source.generator
                    who = generator.asked_at(source.temperature)
                    yield TextRequest(
                        TextKey(_WRITTEN, subject, source.label),
                        who.asked_as,
                        clients[generator.name, source.temperature],
                        with_room(source.question(prompt.messages, prompt.id), first.get(key)),
                        who.price(),
                        (prompt, source),
                        who.lasts,
                        who.surcharges,
                        who.keeps,
                    )

    def store(session: Session, one: Brought) -> None:
        prompt, source = one.request.about
        _store_written(session, prompt, source, one, count)

    done = ask_for_texts(
        database,
        "generate",
        generators,
        [(requests, store), (partial(requests, again=True), store)],
        count,
        max_usd,
        withholding,
        progress,
        environ,
    )
    require_room(done, max_usd)
    return done


def form_pairs(database: Database, design: Design, *, each: int = 3, seed: int = 7) -> int:
    """Pair the candidates of every prompt by a design; the number of new pairs.

    all: every two; random: each candidate in about `each` pairs; swiss: one round of neighbours by
    their current standing (judge, then form the next round).
    """
    made = 0
    with database.read() as session:
        found = list(fields(session))
    for field in found:
        chosen = _chosen(field, design, each, _draw(seed, field))
        said = dict(field.candidates)
        rows = [
            NewPair(
                field.prompt.messages,
                said[a],
                said[b],
                domain=field.domain,
                source=f"design:{design}",
                tools=field.prompt.tools,
            )
            for a, b in chosen
        ]
        if rows:
            with database.begin() as session:
                made += sum(s is not None and s.new for s in add_pairs(session, rows))
    return made


def ask_for_texts(
    database: Database,
    verb: str,
    generators: Sequence[GeneratorConfig],
    phases: Iterable[Phase],
    count: Count,
    max_usd: float | None,
    withholding: Withholding,
    progress: Progress,
    environ: Mapping[str, str] | None,
) -> Written:
    """One run of requests, phase after phase, from its first line in the database to its last.

    Its cap is over all phases, and over those of a killed run that it goes on with.
    """
    cap = cap_of(max_usd)
    clients: dict[tuple[str, float | None], Client] = {}
    for generator in generators:
        for temperature in generator.temperatures or (None,):
            who = connect(generator.asked_at(temperature), environ or os.environ)
            clients[generator.name, temperature] = cast(Client, who)
    options = {"generators": [g.name for g in generators]}
    with database.begin() as session:
        run, job = lifecycle.open_run(session, verb, options, cap)
    concurrency = max(g.concurrency for g in generators)
    outcome, say = Requested(), partial(tell, progress)
    patience = {g.name: Patience(g.longest_wait, g.retries, say) for g in generators}

    async def go() -> None:
        try:
            for make, store in phases:
                requests = TextRequests(
                    database, run.id, store, job, cap, concurrency, progress, verb, withholding,
                    patience,
                )  # fmt: skip
                await requests.run(make(clients), 0, outcome)
                if outcome.stopped:
                    return
        finally:
            for client in clients.values():
                await client.close()

    try:
        asyncio.run(go())
    except BaseException as error:
        ended, why = ended_by(error)
        lifecycle.close_run(database, run.id, job, ended, {}, why)
        raise
    done = Written(
        asked=outcome.brought - count.unfinished,
        new=count.new,
        failed=outcome.failed,
        elsewhere=outcome.elsewhere,
        pairs=count.pairs,
        cost_usd=outcome.cost_nanousd / NANO,
        capped=outcome.capped,
        problem=outcome.problem,
        refused=dict(outcome.refused + count.given_up),
        again=count.again,
        lost=outcome.lost,
        private=withholding.summary,
        passed_over=count.passed_over,
        notices=tuple(n for client in clients.values() for n in getattr(client, "notices", ())),
    )
    whole = not (done.failed or done.capped or done.problem)
    status = RunStatus.DONE if whole else RunStatus.STOPPED
    lifecycle.close_run(database, run.id, job, status, asdict(done), done.problem)
    raise_if_nothing(outcome)
    return done


def require_room(done: Written, max_usd: float | None) -> None:
    """Raise BudgetSpent where the cap left room for nothing."""
    if done.capped and not done.asked and max_usd is not None:
        raise BudgetSpent(
            f"the cap of ${max_usd:g} leaves no room for a single question; raise --max-usd"
        )


def _prompts(database: Database, limit: int | None, count: Count) -> Iterator[PromptRow]:
    after = given = 0
    while True:
        with database.read() as session:
            page = prompts_page(session, after, _PAGE)
        for prompt in page:
            if limit is not None and given >= limit:
                return
            if not prompt.of_words:
                count.passed_over += 1
                continue
            given += 1
            yield prompt
        if not page:
            return
        after = page[-1].id


def _store_written(
    session: Session, prompt: PromptRow, source: Writer, one: Brought, count: Count
) -> None:
    text = settle(session, one, count)
    if text is None:
        return
    candidate_id = None
    if text:
        generator = source.generator
        candidate_id, new = store_candidate(
            session, prompt, text, generator.model, generator.family
        )
        count.new += new
    payload = {"by": source.label, "candidate": candidate_id, **bill(one)}
    note(session, _WRITTEN, f"prompt:{prompt.id}", payload)


def _draw(seed: int, field: Field) -> np.random.Generator:
    """Of the prompt's content: whoever imported it in another order draws the same."""
    return np.random.default_rng([seed, int(field.prompt.content_hash[:15], 16)])


def _chosen(
    field: Field, design: Design, each: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    ids = [candidate_id for candidate_id, _ in field.candidates]
    if design == "all":
        return designs.all_pairs(ids, field.met)
    if design == "random":
        return designs.random_pairs(ids, each, rng, field.met)
    if design == "swiss":
        return designs.swiss_round(designs.standings(ids, field.results), field.met, rng)
    raise BadInput(f"design {design!r} does not exist; choose all, random or swiss")
