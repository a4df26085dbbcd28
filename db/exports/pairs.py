"""Chosen pairs with their texts, label and provenance, a page at a time, so that memory is flat."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from sqlalchemy import String, Text, and_, cast, false, func, or_, select, type_coerce
from sqlalchemy.orm import Session, aliased

from db import rankings
from db.among import among
from db.certificates import in_force, title
from db.consensus import newest_fit
from db.conversation import Messages, Tools, as_response, content_text, is_plain, prompt_text
from db.exports.columns import DIGITS, ids_in, streamed
from db.exports.names import Named, named
from db.gold import GroupOf
from db.models import Candidate, Consensus, Flag, Pair, Preference, Prompt, Review
from db.owners import Owned, owned, standing
from db.probabilities import Probabilities
from db.upsert import chunks
from db.vocabulary import Choice

_AT_ONCE, _TEXTS_AT_ONCE = 1000, 100


class ExportPair(NamedTuple):
    """One pair as an export sees it: its texts and choices in the order of its `name`.

    `name`, `turned` and `names` are those of `db.exports.names.Named`; `a` and `b` are how the
    responses read, `said_a` and `said_b` their messages where they are more than one plain answer;
    `kept` are columns kept at the import. The label fields are
    None where nothing is settled; `p` then comes from the newest consensus, if it has the pair.
    `rankings`: where orders over several candidates settled it, (the order's number, by its
    content; place of A, place of B), 0 the best; all pairs of one number are one answer.
    `group` is the name of its prompt's group, which stands in one split.
    """

    id: int
    pair_hash: str
    prompt_hash: str
    messages: Messages
    tools: Tools | None
    expected: dict[str, Any] | None
    a: str
    b: str
    said_a: Messages | None
    said_b: Messages | None
    model_a: str | None
    model_b: str | None
    family_a: str | None
    family_b: str | None
    domain: str | None
    data_source: str | None
    kept: dict[str, Any] | None
    choice: str | None
    strength: int | None
    both_bad: bool
    label_source: str | None
    task_kind: str | None
    p: Probabilities | None
    name: str
    turned: bool
    names: tuple[tuple[str, bool], ...]
    rationales: tuple[str, ...]
    route: str | None
    reasons: tuple[Any, ...]
    flags: tuple[str, ...]
    certificate: str | None
    rankings: tuple[tuple[int, int, int], ...]
    group: str

    def mirrored(self) -> Self:
        """The same with A and B exchanged, but for its names."""
        return self._replace(
            a=self.b,
            b=self.a,
            said_a=self.said_b,
            said_b=self.said_a,
            model_a=self.model_b,
            model_b=self.model_a,
            family_a=self.family_b,
            family_b=self.family_a,
            choice=Choice(self.choice).mirrored().value if self.choice else None,
            p=self.p.mirrored() if self.p else None,
            rankings=tuple((number, b, a) for number, a, b in self.rankings),
        )

    @property
    def prompt(self) -> str:
        """The conversation as one text."""
        return prompt_text(self.messages, self.tools)

    @property
    def both(self) -> tuple[Messages, Messages]:
        """A and B as messages."""
        return as_response(self.a, self.said_a), as_response(self.b, self.said_b)

    @property
    def is_plain(self) -> bool:
        """Whether its messages are roles and texts, its responses one answer, without tools."""
        return (
            not self.tools
            and self.said_a is self.said_b is None
            and all(map(is_plain, self.messages))
        )

    @property
    def size(self) -> int:
        """Characters of its texts, about."""
        asked = sum(len(content_text(m.get("content"))) for m in self.messages)
        return asked + len(self.a) + len(self.b)


def export_pairs(
    session: Session,
    pair_ids: Iterable[int],
    ranking_ids: Collection[int] = (),
    group_of: GroupOf = str,
) -> Iterator[ExportPair]:
    """These pairs, given in order of content, with label, route, flags and certificate.

    ranking_ids: all orders that settled any of them. group_of: the group of a prompt, by its hash.
    """
    fit = newest_fit(session)
    fit_id = fit.id if fit is not None else None
    holds = standing(session)
    titles = {
        (made.batch_id, made.payload.get("stratum", "")): title(made) for made in in_force(session)
    }
    numbers = rankings.numbers(session, ranking_ids)
    for page in chunks(pair_ids, _AT_ONCE):
        beside = _Beside(
            names=named(session, page),
            routes=owned(session, page, holds),
            flags=_flags(session, fit_id, page),
            rationales=_rationales(session, page),
            places=_places(session, page) if numbers else {},
            titles=titles,
            numbers=numbers,
        )
        for row in _rows(session, page, fit_id):
            yield _pair(row, beside, group_of)


@dataclass(frozen=True)
class _Beside:
    """What belongs to the pairs of one page and stands in other tables, by pair id.

    `rationales` are by review id; `titles` of certificates by batch and stratum; `places` (of each
    candidate) and `numbers` of orders by the order's id.
    """

    names: Mapping[int, Named]
    routes: Mapping[int, Owned]
    flags: Mapping[int, Sequence[str]]
    rationales: Mapping[int, str]
    places: Mapping[int, Mapping[int, int]]
    titles: Mapping[tuple[int, str], str]
    numbers: Mapping[int, int]

    def said(self, review_ids: str | None) -> tuple[str, ...]:
        """The rationales of these reviews."""
        ids = {each for each in ids_in(review_ids) if each in self.rationales}
        return tuple(sorted(self.rationales[each] for each in ids))

    def placed(self, ranking_ids: str | None, a: int, b: int) -> tuple[tuple[int, int, int], ...]:
        """Two candidates' places in these orders, with the orders' numbers."""
        orders = [(self.numbers[key], self.places[key]) for key in ids_in(ranking_ids)]
        return tuple(sorted((number, place[a], place[b]) for number, place in orders))


def _rows(session: Session, page: Sequence[int], fit_id: int | None) -> Iterator[Any]:
    first, second = aliased(Candidate), aliased(Candidate)
    label = Preference.__table__.c
    query = (
        select(
            Pair.id,
            Pair.content_hash,
            Prompt.content_hash,
            Prompt.messages,
            Prompt.tools,
            Prompt.expected,
            first.text,
            second.text,
            first.messages,
            second.messages,
            first.model,
            second.model,
            first.family,
            second.family,
            Pair.domain,
            Pair.source,
            Pair.kept,
            type_coerce(label.choice, String),
            label.strength,
            func.coalesce(label.both_bad, false()),
            type_coerce(label.source, String),
            label.task_kind,
            func.coalesce(label.p_a, Consensus.p_a),
            func.coalesce(label.p_tie, Consensus.p_tie),
            func.coalesce(label.p_b, Consensus.p_b),
            first.id,
            second.id,
            cast(label.review_ids, Text),
            cast(label.ranking_ids, Text),
        )
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(first, first.id == Pair.candidate_a_id)
        .join(second, second.id == Pair.candidate_b_id)
        .outerjoin(
            Preference, and_(Preference.pair_id == Pair.id, Preference.superseded_at.is_(None))
        )
        .outerjoin(Consensus, and_(Consensus.pair_id == Pair.id, Consensus.fit_id == fit_id))
        .where(among(session, Pair.id, page))
        .order_by(Prompt.content_hash, Pair.content_hash)
    )
    yield from streamed(session, query, _TEXTS_AT_ONCE)


def _pair(row: Any, beside: _Beside, group_of: GroupOf) -> ExportPair:
    *told, p_a, p_tie, p_b, a, b, review_ids, ranking_ids = row
    pair_id, _, prompt_hash, *_ = told
    route, called = beside.routes.get(pair_id), beside.names[pair_id]
    said = beside.said(review_ids) if beside.rationales else ()
    placed = beside.placed(ranking_ids, a, b) if beside.numbers else ()
    beside_it = (
        _rounded(p_a, p_tie, p_b) if p_a is not None else None,
        called.name,
        called.turned,
        called.names,
        said,
        route.route.value if route else None,
        route.reasons if route else (),
        tuple(beside.flags.get(pair_id, ())),
        beside.titles.get((route.batch_id, route.stratum)) if route else None,
        placed,
        group_of(prompt_hash),
    )
    pair = ExportPair._make((*told, *beside_it))
    return pair.mirrored() if called.turned else pair


def _rounded(*p: float) -> Probabilities:
    return Probabilities(*(round(each, DIGITS) for each in p))


def _flags(session: Session, fit_id: int | None, page: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    query = select(Flag.pair_id, Flag.kind).where(Flag.fit_id == fit_id).distinct()
    for pair_id, kind in session.execute(
        query.where(among(session, Flag.pair_id, page)).order_by(Flag.kind)
    ):
        found[pair_id or 0].append(kind)
    return found


def _rationales(session: Session, page: Sequence[int]) -> dict[int, str]:
    found = {}
    query = select(Review.id, Review.rationale, Review.reasons).where(
        or_(Review.rationale != "", cast(Review.reasons, Text) != "[]")
    )
    for review_id, rationale, reasons in session.execute(
        query.where(among(session, Review.pair_id, page))
    ):
        text = rationale or "; ".join(reasons or ())
        if text:
            found[review_id] = text
    return found


def _places(session: Session, page: Sequence[int]) -> dict[int, dict[int, int]]:
    query = select(Preference.ranking_ids).where(
        among(session, Preference.pair_id, page), Preference.superseded_at.is_(None)
    )
    keys = {key for ids in session.scalars(query) for key in ids}
    return {key: rankings.places(groups) for key, groups in rankings.orders(session, keys).items()}
