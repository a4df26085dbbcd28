"""Stores parsed rows in one session: finds the pairs they speak of and un-swaps mirrored ones."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.candidates import add_candidates
from db.contradictions import look_for
from db.erased_prompts import ERASED, erased_among, erased_pairs
from db.errors import BadInput
from db.gold import exported_among
from db.identity import candidate_hash, content_hash, prompt_hash
from db.imports.rows import GoldRow, LabelRow, PairRow, RankingRow, VoteRow
from db.judges import family_clashes, recorded_version
from db.models import Annotator, Gold, Ranking, Review
from db.pairs import NamedPair, NewPair, StoredPair, add_pairs, add_prompts, resolve_names
from db.step_labels import NEUTRAL, Solution, add_solutions
from db.types import now
from db.upsert import chunks, insert_new
from db.vocabulary import Choice
from db.votes import RecordedVote, add_recorded

T = TypeVar("T")
Item = PairRow | VoteRow | LabelRow | GoldRow | RankingRow | Solution
Items = tuple[Item, ...]
"""What one row of a file became; all of it is stored, or none."""
Refused = tuple[int, Any, str]  # position, value, reason
_Placed = list[tuple[int, T]]  # with the position of the row it came from


def store(
    session: Session, found: Sequence[Items], barred: Collection[int] = ()
) -> tuple[Counter[str], list[Refused]]:
    """Store rows of one kind; return counts and the rows refused by what is stored already.

    barred: prompts that may not be gold.

    What was erased does not come back: neither its texts nor what anybody says of it.
    """
    placed = [(i, item) for i, items in enumerate(found) for item in items]
    gone = _erased(session, placed)
    refused: list[Refused] = [(i, value, ERASED) for i, value in gone.items()]
    counts: Counter[str] = Counter()
    for kind, take in (*_TAKE, (GoldRow, partial(_store_gold, barred=barred))):
        out = {i for i, _, _ in refused}
        mine = [(i, item) for i, item in placed if isinstance(item, kind) and i not in out]
        if mine:
            added, bad = take(session, mine)
            counts.update(added)
            refused += bad
    return counts, sorted(refused, key=_position)


def _erased(session: Session, placed: _Placed[Item]) -> dict[int, Any]:
    """Positions of rows about erased prompts, with the value that names them."""
    prompts: dict[int, str] = {}
    names: dict[int, str] = {}
    for i, item in placed:
        if isinstance(item, PairRow):
            prompts[i] = item.pair.prompt_hash
        elif isinstance(item, RankingRow):
            prompts[i] = prompt_hash(item.messages, item.tools)
        elif isinstance(item, Solution):
            prompts[i] = item.prompt
        else:
            names[i] = item.pair_name
    hashes = erased_among(session, set(prompts.values()))
    pairs = resolve_names(session, set(names.values()))
    lost = erased_pairs(session, {pair.pair_id for pair in pairs.values()})
    found: dict[int, Any] = {i: key[:16] for i, key in prompts.items() if key in hashes}
    for i, name in names.items():
        if name in pairs and pairs[name].pair_id in lost:
            found[i] = name
    return found


def _position(refused: Refused) -> int:
    return refused[0]


def annotator_ids(session: Session, names: set[str]) -> dict[str, int]:
    """Annotators by name, made where they are new."""
    insert_new(session, Annotator, [{"name": name, "domains": []} for name in names], ["name"])
    found = session.execute(select(Annotator.name, Annotator.id).where(Annotator.name.in_(names)))
    return dict(found.all())


def _store_pairs(session: Session, placed: _Placed[PairRow]) -> tuple[Counter[str], list[Refused]]:
    clashing = family_clashes(
        session, [(i, vote.judge, vote.family) for i, item in placed for vote in item.votes]
    )
    refused: list[Refused] = [(i, *told) for i, told in clashing.items()]
    free = [(i, item) for i, item in placed if i not in clashing]
    stored = add_pairs(session, [item.pair for _, item in free], [i for i, _ in free])
    counts: Counter[str] = Counter()
    known: list[tuple[PairRow, NamedPair]] = []
    for (i, item), where in zip(free, stored, strict=True):
        if where is None:
            refused += [] if i in {at for at, _, _ in refused} else [_clash(i, free)]
            continue
        kind = "new" if where.new else "mirrored duplicates" if where.mirrored else "duplicates"
        counts[kind] += 1
        if item.unpaired:
            counts["ratings of a single response made no choice"] += item.unpaired
        counts.update(_otherwise(where))
        known.append((item, NamedPair(where.pair_id, where.mirrored)))
    people = annotator_ids(session, {one.annotator for item, _ in known for one in item.labels})
    reviews = [
        _review(one, pair, people[one.annotator], of_pair=True)
        for item, pair in known
        for one in item.labels
    ]
    counts["labels"] = insert_new(session, Review, reviews, ["origin"])
    counts.update(_contradictions(session, reviews))
    if votes := [(vote, pair) for item, pair in known for vote in _numbered(item.votes)]:
        versions = {
            who: recorded_version(session, *who).id
            for who in dict.fromkeys((vote.judge, vote.family) for vote, _ in votes)
        }
        added = add_recorded(
            session,
            [_vote(vote, pair, versions[vote.judge, vote.family], True) for vote, pair in votes],
        )
        counts["votes"] = added.added
    return counts, refused


def _clash(position: int, placed: _Placed[PairRow]) -> Refused:
    names = [item.pair.external_id for i, item in placed if i == position]
    reason = (
        f"pair_id {names[0]!r} already names a pair of other content, or the same with A and B "
        "exchanged; give it another id"
    )
    return position, names[0], reason


def _numbered(votes: Sequence[VoteRow]) -> list[VoteRow]:
    """The votes of one row; of those that say exactly the same each is one of its own."""
    seen: Counter[str] = Counter()
    found = []
    for vote in votes:
        seen[vote.origin] += 1
        found.append(replace(vote, nth=seen[vote.origin]))
    return found


def _store_votes(session: Session, placed: _Placed[VoteRow]) -> tuple[Counter[str], list[Refused]]:
    pairs = resolve_names(session, {item.pair_name for _, item in placed})
    versions: dict[tuple[str, str | None], int | BadInput] = {}
    refused: list[Refused] = []
    votes: list[RecordedVote] = []
    for i, item in placed:
        pair = pairs.get(item.pair_name)
        if pair is None:
            refused.append(_unknown(i, item.pair_name))
            continue
        who = (item.judge, item.family)
        if who not in versions:
            try:
                versions[who] = recorded_version(session, *who).id
            except BadInput as error:
                versions[who] = error
        version = versions[who]
        if isinstance(version, BadInput):
            refused.append((i, item.family, str(version)))
            continue
        votes.append(_vote(item, pair, version))
    added = add_recorded(session, votes)
    return Counter(
        {"new": added.added, "known already": added.known, "folded to a next sample": added.folded}
    ), refused


def _store_labels(
    session: Session, placed: _Placed[LabelRow]
) -> tuple[Counter[str], list[Refused]]:
    pairs = resolve_names(session, {item.pair_name for _, item in placed})
    people = annotator_ids(session, {item.annotator for _, item in placed})
    known = [(i, item, pairs.get(item.pair_name)) for i, item in placed]
    rows = [
        _review(item, pair, people[item.annotator]) for _, item, pair in known if pair is not None
    ]
    new = insert_new(session, Review, rows, ["origin"])
    refused = [_unknown(i, item.pair_name) for i, item, pair in known if pair is None]
    counts = Counter({"new": new, "known already": len(rows) - new})
    return counts + _contradictions(session, rows), refused


def _contradictions(session: Session, reviews: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """What is said of people who are told to have said different things of a pair."""
    found = look_for(session, {review["pair_id"] for review in reviews})
    return +Counter(
        {
            "said otherwise before by the same person, the newest stands": found.replaced,
            "contradicted by the same person, in dispute": found.disputed,
        }
    )


def _store_gold(
    session: Session, placed: _Placed[GoldRow], barred: Collection[int]
) -> tuple[Counter[str], list[Refused]]:
    pairs = resolve_names(session, {item.pair_name for _, item in placed})
    ids = {pair.pair_id for pair in pairs.values()}
    known = select(Gold.pair_id, Gold.choice).where(Gold.pair_id.in_(ids))
    frozen: dict[int, Choice] = dict(session.execute(known).all())
    trained = exported_among(session, ids - set(frozen), barred)
    counts: Counter[str] = Counter()
    refused: list[Refused] = []
    for i, item in placed:
        pair = pairs.get(item.pair_name)
        if pair is None:
            refused.append(_unknown(i, item.pair_name))
            continue
        if pair.pair_id in trained:
            whose = "the prompt" if trained[pair.pair_id] else "a prompt of the group"
            reason = (
                f"{whose} of pair {item.pair_name!r} stands in an exported dataset, and gold is "
                "never trained on; choose pairs of other prompts"
            )
            refused.append((i, item.pair_name, reason))
            continue
        choice = item.choice.mirrored() if pair.mirrored else item.choice
        before = frozen.setdefault(pair.pair_id, choice)
        if before != choice:
            frozen_as = before.mirrored() if pair.mirrored else before
            reason = (
                f"pair {item.pair_name!r} is frozen as gold {frozen_as.value!r}, here it is "
                f"{item.choice.value!r}; gold never changes, so leave the row out"
            )
            refused.append((i, item.choice.value, reason))
        else:
            counts["rows accepted"] += 1
    rows = [
        {"pair_id": pair_id, "choice": choice, "how": {"imported": True}}
        for pair_id, choice in frozen.items()
    ]
    new = insert_new(session, Gold, rows, ["pair_id"])
    return Counter({"new": new, "known already": counts["rows accepted"] - new}), refused


def _store_rankings(
    session: Session, placed: _Placed[RankingRow]
) -> tuple[Counter[str], list[Refused]]:
    items = [item for _, item in placed]
    people = annotator_ids(session, {item.annotator for item in items})
    prompts = add_prompts(session, [(item.messages, item.tools, None) for item in items])
    counts: Counter[str] = Counter()
    rows = []
    for item in items:
        key = prompt_hash(item.messages, item.tools)
        hashes = [candidate_hash(key, c.content) for c in item.candidates]
        stored = add_candidates(
            session,
            [(prompts[key], h, c) for h, c in zip(hashes, item.candidates, strict=True)],
        )
        for both in chunks(combinations(item.candidates, 2), 500):
            about: dict[str, Any] = {
                "domain": item.domain,
                "source": item.source,
                "tools": item.tools,
            }
            pairs = [NewPair(item.messages, a, b, **about) for a, b in both]
            for where in add_pairs(session, pairs):
                counts.update(_otherwise(where))
        rows.append(
            {
                "prompt_id": prompts[key],
                "annotator_id": people[item.annotator],
                "groups": [[stored[hashes[i]].id for i in group] for group in item.groups],
                "origin": item.origin,
            }
        )
    new = insert_new(session, Ranking, rows, ["origin"])
    return Counter({"new": new, "known already": len(rows) - new}) + counts, []


def _store_solutions(
    session: Session, placed: _Placed[Solution]
) -> tuple[Counter[str], list[Refused]]:
    items = [item for _, item in placed]
    added = add_solutions(session, items)
    labels = [label for item in items for label in item.labels]
    return Counter(
        {
            "new": added.new,
            "known already": added.known - added.contradicted,
            "known with other ratings, which stay": added.contradicted,
            "steps neutral": labels.count(NEUTRAL),
            "steps not rated": labels.count(None),
        }
    ), []


def _otherwise(where: StoredPair | None) -> list[str]:
    """What is said of a pair that told something else than is kept."""
    return [f"told another {name} than is kept" for name in (where.otherwise if where else ())]


def _review(
    item: LabelRow, pair: NamedPair, annotator_id: int, of_pair: bool = False
) -> dict[str, Any]:
    """A label in stored order; one `of_pair` came in the pair's own row."""
    choice = item.choice.mirrored() if pair.mirrored else item.choice
    created = item.more.get("created_at")
    at = [] if created is None else [str(created)]
    origin = content_hash("chosen", pair.pair_id, item.annotator, choice, *at)
    return {
        "pair_id": pair.pair_id,
        "annotator_id": annotator_id,
        "choice": choice,
        "origin": origin if of_pair else item.origin,
        "created_at": now(),
        "undated": created is None,
        **_in_order(item.more, pair),
    }


def _vote(item: VoteRow, pair: NamedPair, version: int, of_pair: bool = False) -> RecordedVote:
    """A vote in stored order; one `of_pair` came in the pair's own row."""
    order = item.order.mirrored() if pair.mirrored else item.order
    choice = item.choice.mirrored() if pair.mirrored else item.choice
    more = _in_order(item.more, pair)
    found = RecordedVote(pair.pair_id, version, order, item.sample, choice, item.origin, more)
    if not of_pair:
        return found
    said = [str(more[name]) for name in ("confidence", "rationale", "score_a", "score_b")]
    about = [pair.pair_id, item.judge, order, item.sample, choice, *said, item.nth]
    return replace(found, origin=content_hash("vote of pair", *about))


def _in_order(more: Mapping[str, Any], pair: NamedPair) -> dict[str, Any]:
    """The scores of a row that has A and B exchanged are exchanged."""
    if not pair.mirrored:
        return dict(more)
    return {**more, "score_a": more["score_b"], "score_b": more["score_a"]}


def _unknown(position: int, name: str) -> Refused:
    return position, name, f"pair_id {name!r} is not known; import the pairs first"


_TAKE: tuple[tuple[Any, Any], ...] = (
    (PairRow, _store_pairs),
    (VoteRow, _store_votes),
    (LabelRow, _store_labels),
    (RankingRow, _store_rankings),
    (Solution, _store_solutions),
)
