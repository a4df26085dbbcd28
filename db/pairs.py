"""Prompts, candidates and pairs: stored once each by content, found by id or outside name."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session, joinedload

from db.conversation import Messages, Tools, plain_answer, response_text
from db.errors import UnknownName
from db.identity import candidate_hash, pair_hash, prompt_hash
from db.models import Candidate, Pair, PairName, Prompt
from db.upsert import insert_new, table_of


@dataclass(frozen=True)
class NewCandidate:
    """A response as it arrives; `messages` where it is more than one plain message of the
    assistant, `text` then being how they read.
    """

    text: str
    model: str | None = None
    family: str | None = None
    messages: Messages | None = None

    @classmethod
    def said(
        cls, messages: Messages, model: str | None = None, family: str | None = None
    ) -> "NewCandidate":
        """A response given as messages."""
        plain = plain_answer(messages)
        if plain is not None:
            return cls(plain, model, family)
        return cls(str(response_text(messages)), model, family, messages)

    @property
    def content(self) -> str | Messages:
        """What makes it this response and no other."""
        return self.text if self.messages is None else self.messages


@dataclass(frozen=True)
class NewPair:
    """A pair as it arrives, with what an outsider calls it."""

    messages: Messages
    a: NewCandidate
    b: NewCandidate
    external_id: str | None = None
    domain: str | None = None
    source: str | None = None
    expected: dict[str, Any] | None = None
    tools: Tools | None = None
    kept: dict[str, Any] | None = None


@dataclass(frozen=True)
class StoredPair:
    """Where an arriving pair ended up. `new` is false for a duplicate; `mirrored` where the
    stored pair has A and B exchanged.
    """

    pair_id: int
    new: bool
    mirrored: bool


@dataclass(frozen=True)
class NamedPair:
    """What an outside name resolves to."""

    pair_id: int
    mirrored: bool


@dataclass
class _Hashes:
    prompt: str
    a: str
    b: str
    pair: str = field(init=False)

    def __post_init__(self) -> None:
        self.pair = pair_hash(self.a, self.b)


def add_pairs(session: Session, arriving: Sequence[NewPair]) -> list[StoredPair | None]:
    """Store the pairs that are new; say for each, in order, what became of it.

    None where nothing was stored because the outside name already means another pair.
    """
    hashes = [_hashes(pair) for pair in arriving]
    clashing = _clashes(session, arriving, hashes)
    taken = [
        (p, h) for i, (p, h) in enumerate(zip(arriving, hashes, strict=True)) if i not in clashing
    ]
    prompt_ids = add_prompts(session, [(p.messages, p.tools, p.expected) for p, _ in taken])
    wanted = [(prompt_ids[h.prompt], h.a, p.a) for p, h in taken]
    wanted += [(prompt_ids[h.prompt], h.b, p.b) for p, h in taken]
    candidate_ids = add_candidates(session, wanted)
    seen = set(_pair_rows(session, {h.pair for _, h in taken}))
    fresh = {
        h.pair: _pair_row(p, h, prompt_ids, candidate_ids)
        for p, h in reversed(taken)
        if h.pair not in seen
    }
    insert_new(session, Pair, list(reversed(fresh.values())), ["content_hash"])
    stored = _pair_rows(session, {h.pair for _, h in taken})
    results: list[StoredPair | None] = []
    for i, h in enumerate(hashes):
        if i in clashing:
            results.append(None)
            continue
        pair_id, first = stored[h.pair]
        results.append(StoredPair(pair_id, h.pair not in seen, first != candidate_ids[h.a]))
        seen.add(h.pair)
    _add_names(session, arriving, results)
    return results


def add_prompts(
    session: Session, prompts: Iterable[tuple[Messages, Tools | None, dict[str, Any] | None]]
) -> dict[str, int]:
    """Store new prompts given as (messages, tools, expected); ids by content hash.

    The first `expected` told is kept, also where the prompt was stored without one.
    """
    rows: dict[str, dict[str, Any]] = {}
    for messages, tools, expected in prompts:
        key = prompt_hash(messages, tools)
        row = rows.setdefault(
            key,
            {
                "content_hash": key,
                "messages": messages,
                "tools": tools or None,
                "expected": None,
            },
        )
        row["expected"] = row["expected"] or expected
    insert_new(session, Prompt, list(rows.values()), ["content_hash"])
    query = select(Prompt.content_hash, Prompt.id).where(Prompt.content_hash.in_(rows))
    found = dict(session.execute(query).all())
    told = [
        {"key": found[key], "told": row["expected"]} for key, row in rows.items() if row["expected"]
    ]
    if told:
        known = Prompt.id == bindparam("key")
        fill = update(table_of(Prompt)).where(known, Prompt.expected.is_(None))
        session.connection().execute(fill.values(expected=bindparam("told")), told)
    return found


def add_candidates(
    session: Session, candidates: Iterable[tuple[int, str, NewCandidate]]
) -> dict[str, int]:
    """Store new candidates given as (prompt id, content hash, candidate); ids by content hash."""
    rows = {
        key: {
            "prompt_id": prompt_id,
            "content_hash": key,
            "text": candidate.text,
            "messages": candidate.messages,
            "model": candidate.model,
            "family": candidate.family,
        }
        for prompt_id, key, candidate in candidates
    }
    insert_new(session, Candidate, list(rows.values()), ["prompt_id", "content_hash"])
    found = session.execute(
        select(Candidate.content_hash, Candidate.id).where(Candidate.content_hash.in_(rows))
    )
    return dict(found.all())


def resolve_names(session: Session, names: Iterable[str]) -> dict[str, NamedPair]:
    """Outside names that are known, with the pair each means."""
    found = session.execute(
        select(PairName.external_id, PairName.pair_id, PairName.mirrored).where(
            PairName.external_id.in_(set(names))
        )
    )
    return {name: NamedPair(pair_id, mirrored) for name, pair_id, mirrored in found}


def get_pair(session: Session, key: str) -> Pair:
    """One pair by number, outside name, or the start of its content hash (8 or more letters)."""
    load = select(Pair).options(
        joinedload(Pair.prompt), joinedload(Pair.candidate_a), joinedload(Pair.candidate_b)
    )
    named = session.scalar(select(PairName.pair_id).where(PairName.external_id == key))
    if named is None and key.isdecimal() and len(key) < 19:  # what a key column can hold
        named = int(key)
    query = load.where(Pair.id == named)
    if named is None and len(key) >= 8:
        query = load.where(Pair.content_hash.startswith(key, autoescape=True)).limit(2)
    found = session.scalars(query).all()
    if len(found) != 1:
        raise UnknownName(
            f"no pair {key!r}; give its number, its pair_id at import, or 8 letters of its hash"
        )
    return found[0]


def names_of(session: Session, pair_ids: Iterable[int]) -> dict[int, list[PairName]]:
    """Every outside name of each pair."""
    names: dict[int, list[PairName]] = {}
    query = select(PairName).where(PairName.pair_id.in_(set(pair_ids))).order_by(PairName.id)
    for name in session.scalars(query):
        names.setdefault(name.pair_id, []).append(name)
    return names


def count_pairs(session: Session) -> int:
    """How many pairs are stored."""
    return session.scalar(select(func.count()).select_from(Pair)) or 0


def stored_hashes(session: Session, hashes: Collection[str]) -> set[str]:
    """Which of these content hashes of pairs are stored."""
    return set(session.scalars(select(Pair.content_hash).where(Pair.content_hash.in_(hashes))))


def _hashes(pair: NewPair) -> _Hashes:
    prompt = prompt_hash(pair.messages, pair.tools)
    a, b = (candidate_hash(prompt, each.content) for each in (pair.a, pair.b))
    return _Hashes(prompt, a, b)


def _pair_rows(session: Session, hashes: set[str]) -> dict[str, tuple[int, int]]:
    found = session.execute(
        select(Pair.content_hash, Pair.id, Pair.candidate_a_id).where(Pair.content_hash.in_(hashes))
    )
    return {key: (pair_id, candidate_a) for key, pair_id, candidate_a in found}


def _pair_row(
    pair: NewPair, h: _Hashes, prompt_ids: dict[str, int], candidate_ids: dict[str, int]
) -> dict[str, Any]:
    return {
        "prompt_id": prompt_ids[h.prompt],
        "candidate_a_id": candidate_ids[h.a],
        "candidate_b_id": candidate_ids[h.b],
        "content_hash": h.pair,
        "domain": pair.domain,
        "source": pair.source,
        "kept": pair.kept,
    }


def _clashes(session: Session, arriving: Sequence[NewPair], hashes: list[_Hashes]) -> set[int]:
    """Positions whose outside name is taken by other content, in the database or before here."""
    names = {p.external_id for p in arriving if p.external_id is not None}
    first = case((PairName.mirrored, Pair.candidate_b_id), else_=Pair.candidate_a_id)
    query = (
        select(PairName.external_id, Pair.content_hash, Candidate.content_hash)
        .join(Pair, Pair.id == PairName.pair_id)
        .join(Candidate, Candidate.id == first)
        .where(PairName.external_id.in_(names))
    )
    means = {name: (pair, a) for name, pair, a in session.execute(query)}
    clashing = set()
    for i, (pair, h) in enumerate(zip(arriving, hashes, strict=True)):
        said = (h.pair, h.a)
        if pair.external_id is not None and means.setdefault(pair.external_id, said) != said:
            clashing.add(i)
    return clashing


def _add_names(
    session: Session, arriving: Sequence[NewPair], results: Sequence[StoredPair | None]
) -> None:
    rows = {
        pair.external_id: {
            "external_id": pair.external_id,
            "pair_id": stored.pair_id,
            "mirrored": stored.mirrored,
        }
        for pair, stored in zip(arriving, results, strict=True)
        if pair.external_id is not None and stored is not None
    }
    insert_new(session, PairName, list(rows.values()), ["external_id"])
