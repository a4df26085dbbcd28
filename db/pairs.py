"""Prompts, candidates and pairs: stored once each by content, found by id or outside name."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session, joinedload

from db.among import among
from db.candidates import KeptCandidate, NewCandidate, add_candidates
from db.conversation import Messages, Tools
from db.errors import UnknownName
from db.identity import candidate_hash, pair_hash, prompt_hash
from db.models import Candidate, Pair, PairName, Prompt
from db.told import kept, otherwise
from db.upsert import insert_new, table_of

_ABOUT = ("domain", "source", "kept")  # columns of a pair that say what it is, not what is in it


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

    @cached_property
    def prompt_hash(self) -> str:
        """Identity of its prompt."""
        return prompt_hash(self.messages, self.tools)

    @property
    def about(self) -> tuple[Any, ...]:
        """What it tells about itself, in the order of `_ABOUT`."""
        return self.domain, self.source, self.kept


@dataclass(frozen=True)
class StoredPair:
    """Where an arriving pair ended up. `new` is false for a duplicate; `mirrored` where the
    stored pair has A and B exchanged; `otherwise` names what it told of which something else is
    kept ("model", "domain").
    """

    pair_id: int
    new: bool
    mirrored: bool
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedPair:
    """What an outside name resolves to."""

    pair_id: int
    mirrored: bool


@dataclass(frozen=True)
class _KeptPair:
    """A stored pair: its id, its candidate A, and what is known about it, in order of `_ABOUT`."""

    id: int
    candidate_a_id: int
    about: tuple[Any, ...]


@dataclass
class _Hashes:
    prompt: str
    a: str
    b: str
    pair: str = field(init=False)

    def __post_init__(self) -> None:
        self.pair = pair_hash(self.a, self.b)


def add_pairs(
    session: Session, arriving: Sequence[NewPair], rows: Sequence[int] | None = None
) -> list[StoredPair | None]:
    """Store the pairs that are new; say for each, in order, what became of it.

    What is told of a pair, or of a response, that is there already is joined (`db.told`). None
    where nothing was stored because the outside name already means another pair, or that of another
    pair of the same row does (`rows` says which row each came from).
    """
    hashes = [_hashes(pair) for pair in arriving]
    clashing = _clashes(session, arriving, hashes)
    if clashing and rows is not None:
        lost = {rows[i] for i in clashing}
        clashing = {i for i, row in enumerate(rows) if row in lost}
    taken = [
        (p, h) for i, (p, h) in enumerate(zip(arriving, hashes, strict=True)) if i not in clashing
    ]
    prompts = [(h.prompt, p.messages, p.tools, p.expected) for p, h in taken]
    prompt_ids = _add_prompts(session, prompts)
    expected = _expected_of(session, {prompt_ids[h.prompt] for p, h in taken if p.expected})
    wanted = [(prompt_ids[h.prompt], h.a, p.a) for p, h in taken]
    wanted += [(prompt_ids[h.prompt], h.b, p.b) for p, h in taken]
    candidates = add_candidates(session, wanted)
    seen = set(_pairs_of(session, {h.pair for _, h in taken}))
    _insert_pairs(session, taken, prompt_ids, candidates)
    stored = _join_about(session, taken)
    results: list[StoredPair | None] = []
    for i, (pair, h) in enumerate(zip(arriving, hashes, strict=True)):
        if i in clashing:
            results.append(None)
            continue
        at = stored[h.pair]
        sides = ((pair.a, candidates[h.a]), (pair.b, candidates[h.b]))
        others = _otherwise(pair, at, sides, expected.get(prompt_ids[h.prompt]))
        mirrored = at.candidate_a_id != candidates[h.a].id
        results.append(StoredPair(at.id, h.pair not in seen, mirrored, others))
        seen.add(h.pair)
    _add_names(session, arriving, results)
    return results


def add_prompts(
    session: Session, prompts: Iterable[tuple[Messages, Tools | None, dict[str, Any] | None]]
) -> dict[str, int]:
    """Store new prompts given as (messages, tools, expected); ids by content hash.

    The first `expected` told is kept, also where the prompt was stored without one: votes may rest
    on it.
    """
    return _add_prompts(session, [(prompt_hash(p[0], p[1]), *p) for p in prompts])


def _add_prompts(
    session: Session,
    prompts: Iterable[tuple[str, Messages, Tools | None, dict[str, Any] | None]],
) -> dict[str, int]:
    rows: dict[str, dict[str, Any]] = {}
    for key, messages, tools, expected in prompts:
        about = {"messages": messages, "tools": tools or None, "expected": None}
        row = rows.setdefault(key, {"content_hash": key, **about})
        row["expected"] = row["expected"] or expected
    insert_new(session, Prompt, list(rows.values()), ["content_hash"])
    query = select(Prompt.content_hash, Prompt.id)
    found = dict(session.execute(query.where(among(session, Prompt.content_hash, rows))).all())
    told = [
        {"key": found[key], "told": row["expected"]} for key, row in rows.items() if row["expected"]
    ]
    if told:
        known = Prompt.id == bindparam("key")
        fill = update(table_of(Prompt)).where(known, Prompt.expected.is_(None))
        session.connection().execute(fill.values(expected=bindparam("told")), told)
    return found


def resolve_names(session: Session, names: Iterable[str]) -> dict[str, NamedPair]:
    """Outside names that are known, with the pair each means."""
    found = session.execute(
        select(PairName.external_id, PairName.pair_id, PairName.mirrored).where(
            among(session, PairName.external_id, set(names))
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
    query = select(Pair.content_hash).where(among(session, Pair.content_hash, hashes))
    return set(session.scalars(query))


def _hashes(pair: NewPair) -> _Hashes:
    prompt = pair.prompt_hash
    a, b = (candidate_hash(prompt, each.content) for each in (pair.a, pair.b))
    return _Hashes(prompt, a, b)


def _pairs_of(session: Session, hashes: Collection[str]) -> dict[str, _KeptPair]:
    columns = [getattr(Pair, name) for name in _ABOUT]
    query = select(Pair.content_hash, Pair.id, Pair.candidate_a_id, *columns)
    found = session.execute(query.where(among(session, Pair.content_hash, hashes)))
    return {key: _KeptPair(pair_id, a, tuple(about)) for key, pair_id, a, *about in found}


def _insert_pairs(
    session: Session,
    taken: Sequence[tuple[NewPair, _Hashes]],
    prompt_ids: Mapping[str, int],
    candidates: Mapping[str, KeptCandidate],
) -> None:
    """Store those that are new; the first of several gives the stored order."""
    rows: dict[str, dict[str, Any]] = {}
    for pair, h in taken:
        row = {
            "prompt_id": prompt_ids[h.prompt],
            "candidate_a_id": candidates[h.a].id,
            "candidate_b_id": candidates[h.b].id,
            "content_hash": h.pair,
        }
        rows.setdefault(h.pair, row | dict(zip(_ABOUT, pair.about, strict=True)))
    insert_new(session, Pair, list(rows.values()), ["content_hash"])


def _join_about(session: Session, taken: Sequence[tuple[NewPair, _Hashes]]) -> dict[str, _KeptPair]:
    """The stored pairs, after what these tell about them was joined to what was known."""
    told: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for pair, h in taken:
        told[h.pair].append(pair.about)
    found = _pairs_of(session, told)
    changed: list[dict[str, Any]] = []
    for key, at in found.items():
        if told[key] == [at.about]:
            continue
        about = tuple(kept(each) for each in zip(at.about, *told[key], strict=True))
        if about != at.about:
            found[key] = replace(at, about=about)
            changed.append({"id": at.id, **dict(zip(_ABOUT, about, strict=True))})
    if changed:
        session.execute(update(Pair), changed)
    return found


def _otherwise(
    pair: NewPair,
    at: _KeptPair,
    sides: Iterable[tuple[NewCandidate, KeptCandidate]],
    expected: dict[str, Any] | None,
) -> tuple[str, ...]:
    """Names of what a pair tells of which something else is kept."""
    both = [*zip(_ABOUT, pair.about, at.about, strict=True)] if pair.about != at.about else []
    both.append(("expected", pair.expected, expected))
    for told, held in sides:
        both += [("model", told.model, held.model), ("family", told.family, held.family)]
    return tuple(dict.fromkeys(name for name, told, held in both if otherwise(told, held)))


def _expected_of(session: Session, prompt_ids: Collection[int]) -> dict[int, Any]:
    if not prompt_ids:
        return {}
    query = select(Prompt.id, Prompt.expected).where(among(session, Prompt.id, prompt_ids))
    return dict(session.execute(query).all())


def _clashes(session: Session, arriving: Sequence[NewPair], hashes: list[_Hashes]) -> set[int]:
    """Positions whose outside name is taken by other content, in the database or before here."""
    names = {p.external_id for p in arriving if p.external_id is not None}
    first = case((PairName.mirrored, Pair.candidate_b_id), else_=Pair.candidate_a_id)
    query = (
        select(PairName.external_id, Pair.content_hash, Candidate.content_hash)
        .join(Pair, Pair.id == PairName.pair_id)
        .join(Candidate, Candidate.id == first)
        .where(among(session, PairName.external_id, names))
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
