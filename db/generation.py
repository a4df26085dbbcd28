"""Texts written by models: which were asked for already, chains of revisions, candidates to pair.

Every text asked for leaves an event, so that a duplicate is not asked for again and a killed run
goes on where it was. Leaves out asking and which pairs to form.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.candidates import NewCandidate, add_candidates
from db.conversation import Messages, Tools, is_plain
from db.erased_prompts import unerased
from db.events import record
from db.identity import candidate_hash
from db.models import Candidate, Consensus, ConsensusFit, Event, Pair, Prompt

ACTOR = "tiebreak"


_PROMPT = (Prompt.id, Prompt.content_hash, Prompt.messages, Prompt.tools)


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt to write for."""

    id: int
    content_hash: str
    messages: Messages
    tools: Tools | None

    @property
    def of_words(self) -> bool:
        """Whether it is words alone, which any model can be asked to answer: no tools, no calls."""
        return not self.tools and all(is_plain(message) for message in self.messages)


@dataclass(frozen=True, slots=True)
class Response:
    """A stored response with its prompt. depth: revisions behind it, 0 for an original."""

    id: int
    prompt: PromptRow
    text: str
    messages: Messages | None
    domain: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """The candidates of one prompt, by content, the pairs that exist, and what a consensus says.

    results: p(first better), ties halved, by (candidate, candidate).
    """

    prompt: PromptRow
    domain: str | None
    candidates: list[tuple[int, NewCandidate]]
    met: frozenset[frozenset[int]]
    results: dict[tuple[int, int], float]


def prompts_page(session: Session, after: int, size: int) -> list[PromptRow]:
    """The next prompts beyond `after`, by id."""
    query = select(*_PROMPT)
    query = query.where(Prompt.id > after, unerased())
    return [PromptRow(*row) for row in session.execute(query.order_by(Prompt.id).limit(size))]


def noted(session: Session, kind: str, subjects: Collection[str]) -> dict[tuple[str, str], Any]:
    """What was written down of texts asked for: payload by (subject, source's label)."""
    query = select(Event.subject, Event.payload).where(
        Event.kind == kind, Event.subject.in_(subjects)
    )
    return {(subject, payload["by"]): payload for subject, payload in session.execute(query)}


def note(session: Session, kind: str, subject: str, payload: dict[str, Any]) -> None:
    """Write down that a text was asked for; `payload["by"]` names who wrote it."""
    record(session, ACTOR, kind, subject, payload)


def has_written(session: Session, kind: str, by: str) -> bool:
    """Whether a source has ever brought a text of this kind."""
    payload = Event.payload
    brought = payload["stop"].as_string().in_(("end", "length"))
    written = select(Event.id).where(Event.kind == kind, payload["by"].as_string() == by, brought)
    return session.scalar(written.limit(1)) is not None


def store_candidate(
    session: Session,
    prompt: PromptRow,
    text: str,
    model: str | None,
    family: str | None,
    parent_id: int | None = None,
    critique: str | None = None,
) -> tuple[int, bool]:
    """The candidate with this text, and whether it is new. A known text keeps its own history."""
    key = candidate_hash(prompt.content_hash, text)
    mine = Candidate.prompt_id == prompt.id  # the index begins with it
    known = session.scalar(select(Candidate.id).where(mine, Candidate.content_hash == key))
    if known is not None:
        return known, False
    made = add_candidates(session, [(prompt.id, key, NewCandidate(text, model, family))])[key].id
    if parent_id is not None:
        row = session.get_one(Candidate, made)
        row.parent_id, row.critique = parent_id, critique
    return made, True


def responses_page(session: Session, after: int, size: int, depth: int) -> list[Response]:
    """The next responses with `depth` revisions behind them, by id."""
    query = (
        select(Candidate.id, Candidate.text, Candidate.messages, *_PROMPT)
        .join(Prompt, Prompt.id == Candidate.prompt_id)
        .where(Candidate.id > after, unerased(), *_of_depth(depth))
        .order_by(Candidate.id)
        .limit(size)
    )
    rows = session.execute(query).all()
    about = _domains(session, [row[3] for row in rows])
    return [
        Response(
            candidate_id,
            PromptRow(prompt_id, content, asked, tools),
            text,
            messages,
            *about.get(prompt_id, (None, None)),
        )
        for candidate_id, text, messages, prompt_id, content, asked, tools in rows
    ]


def _of_depth(depth: int) -> list[ColumnElement[bool]]:
    """Conditions that a candidate has exactly this many ancestors."""
    conditions: list[ColumnElement[bool]] = []
    link: Any = Candidate.parent_id
    for _ in range(depth):
        parent = aliased(Candidate)
        conditions.append(link.is_not(None))
        link = select(parent.parent_id).where(parent.id == link).scalar_subquery()
    conditions.append(link.is_(None))
    return conditions


def fields(session: Session, size: int = 200) -> Iterator[Field]:
    """Every prompt with two candidates or more, with its pairs and their consensus."""
    fit_id = session.scalar(select(func.max(ConsensusFit.id)))
    after = 0
    while True:
        several = select(Candidate.prompt_id).group_by(Candidate.prompt_id).having(func.count() > 1)
        query = select(*_PROMPT).where(Prompt.id > after, Prompt.id.in_(several), unerased())
        page = [PromptRow(*row) for row in session.execute(query.order_by(Prompt.id).limit(size))]
        if not page:
            return
        yield from _fields_of(session, page, fit_id)
        after = page[-1].id


def _fields_of(session: Session, page: Sequence[PromptRow], fit_id: int | None) -> Iterator[Field]:
    ids = [prompt.id for prompt in page]
    texts: dict[int, list[tuple[int, NewCandidate]]] = defaultdict(list)
    for prompt_id, candidate_id, text, messages in session.execute(
        select(Candidate.prompt_id, Candidate.id, Candidate.text, Candidate.messages)
        .where(Candidate.prompt_id.in_(ids))
        .order_by(Candidate.content_hash)
    ):
        texts[prompt_id].append((candidate_id, NewCandidate(text, messages=messages)))
    met: dict[int, set[frozenset[int]]] = defaultdict(set)
    results: dict[int, dict[tuple[int, int], float]] = defaultdict(dict)
    query = (
        select(Pair.prompt_id, Pair.candidate_a_id, Pair.candidate_b_id, Consensus)
        .outerjoin(Consensus, (Consensus.pair_id == Pair.id) & (Consensus.fit_id == fit_id))
        .where(Pair.prompt_id.in_(ids))
        .order_by(Pair.content_hash)
    )
    for prompt_id, a, b, said in session.execute(query):
        met[prompt_id].add(frozenset((a, b)))
        if said is not None:
            results[prompt_id][a, b] = said.p.soft_target
    about = _domains(session, ids)
    for prompt in page:
        yield Field(
            prompt,
            about.get(prompt.id, (None, None))[0],
            texts[prompt.id],
            frozenset(met[prompt.id]),
            results[prompt.id],
        )


def revised(session: Session) -> Iterator[tuple[PromptRow, list[tuple[str, str | None]]]]:
    """Every chain of revisions: its prompt, and (text, critique that led to it), original first.

    One chain for each last revision.
    """
    child = aliased(Candidate)
    last = (
        select(Candidate, Prompt)
        .join(Prompt, Prompt.id == Candidate.prompt_id)
        .where(
            Candidate.parent_id.is_not(None),
            ~exists().where(child.parent_id == Candidate.id),
            unerased(),
        )
        .order_by(Candidate.id)
    )
    for candidate, prompt in session.execute(last):
        chain = []
        link: Candidate | None = candidate
        while link is not None:
            chain.append((link.text, link.critique))
            link = session.get(Candidate, link.parent_id) if link.parent_id else None
        row = PromptRow(prompt.id, prompt.content_hash, prompt.messages, prompt.tools)
        yield row, chain[::-1]


def _domains(
    session: Session, prompt_ids: Sequence[int]
) -> dict[int, tuple[str | None, str | None]]:
    """Domain and source of prompts, as any of their pairs has them."""
    query = select(Pair.prompt_id, func.max(Pair.domain), func.max(Pair.source)).where(
        Pair.prompt_id.in_(prompt_ids)
    )
    return {p: (d, s) for p, d, s in session.execute(query.group_by(Pair.prompt_id))}
