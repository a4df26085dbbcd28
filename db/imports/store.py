"""Stores parsed rows in one session: finds the pairs they speak of and un-swaps mirrored ones."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.candidates import add_candidates
from db.erased_prompts import ERASED, erased_among, erased_pairs
from db.errors import BadInput
from db.gold import exported_among
from db.identity import candidate_hash, content_hash, prompt_hash
from db.imports.rows import GoldRow, LabelRow, PairRow, RankingRow, VoteRow
from db.judges import recorded_version
from db.models import Annotator, Gold, Ranking, Review
from db.pairs import NamedPair, NewPair, StoredPair, add_pairs, add_prompts, resolve_names
from db.step_labels import NEUTRAL, Solution, add_solutions
from db.types import now
from db.upsert import chunks, insert_new
from db.vocabulary import Choice
from db.votes import RecordedVote, add_recorded

T = TypeVar("T")
Item = PairRow | VoteRow | LabelRow | GoldRow | RankingRow | Solution
Refused = tuple[int, Any, str]  # position, value, reason


def store(
    session: Session, items: Sequence[Item], signed: str, barred: Collection[int] = ()
) -> tuple[Counter[str], list[Refused]]:
    """Store rows of one kind; return counts and the rows refused by what is stored already.

    signed: whose labels they are where a row does not say. barred: prompts that may not be gold.

    What was erased does not come back: neither its texts nor what anybody says of it.
    """
    gone = _erased(session, items)
    refused = [(i, value, ERASED) for i, value in sorted(gone.items())]
    kept = [i for i in range(len(items)) if i not in gone]
    counts, bad = _store(session, [items[i] for i in kept], signed, barred)
    return counts, sorted(refused + [(kept[i], value, why) for i, value, why in bad], key=_position)


def _store(
    session: Session, items: Sequence[Item], signed: str, barred: Collection[int]
) -> tuple[Counter[str], list[Refused]]:
    if not items:
        return Counter(), []
    match items[0]:
        case PairRow():
            return _store_pairs(session, _only(items, PairRow), signed)
        case VoteRow():
            return _store_votes(session, _only(items, VoteRow))
        case LabelRow():
            return _store_labels(session, _only(items, LabelRow))
        case GoldRow():
            return _store_gold(session, _only(items, GoldRow), barred)
        case RankingRow():
            return _store_rankings(session, _only(items, RankingRow))
        case Solution():
            return _store_solutions(session, _only(items, Solution))


def _erased(session: Session, items: Sequence[Item]) -> dict[int, Any]:
    """Positions of rows about erased prompts, with the value that names them."""
    prompts: dict[int, str] = {}
    names: dict[int, str] = {}
    for i, item in enumerate(items):
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


def _only(items: Sequence[Item], kind: type[T]) -> list[T]:
    return [item for item in items if isinstance(item, kind)]


def _store_pairs(
    session: Session, items: list[PairRow], signed: str
) -> tuple[Counter[str], list[Refused]]:
    counts: Counter[str] = Counter()
    refused: list[Refused] = []
    labels: list[dict[str, Any]] = []
    stored = add_pairs(session, [item.pair for item in items])
    annotator_id = (
        annotator_ids(session, {signed})[signed] if any(item.choice for item in items) else 0
    )
    for i, (item, where) in enumerate(zip(items, stored, strict=True)):
        if where is None:
            name = item.pair.external_id
            reason = (
                f"pair_id {name!r} already names a pair of other content, or the same with A and B "
                "exchanged; give it another id"
            )
            refused.append((i, name, reason))
            continue
        kind = "new" if where.new else "mirrored duplicates" if where.mirrored else "duplicates"
        counts[kind] += 1
        counts.update(_otherwise(where))
        if item.choice is not None:
            label = LabelRow("", signed, item.choice, {})
            review = _review(label, NamedPair(where.pair_id, where.mirrored), annotator_id)
            review["origin"] = content_hash("chosen", where.pair_id, signed, review["choice"])
            labels.append(review)
    counts["labels"] = insert_new(session, Review, labels, ["origin"])
    return counts, refused


def _store_votes(session: Session, items: list[VoteRow]) -> tuple[Counter[str], list[Refused]]:
    pairs = resolve_names(session, {item.pair_name for item in items})
    versions: dict[tuple[str, str | None], int | BadInput] = {}
    refused: list[Refused] = []
    votes: list[RecordedVote] = []
    for i, item in enumerate(items):
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
        order = item.order.mirrored() if pair.mirrored else item.order
        choice = item.choice.mirrored() if pair.mirrored else item.choice
        votes.append(
            RecordedVote(pair.pair_id, version, order, item.sample, choice, item.origin, item.more)
        )
    added = add_recorded(session, votes)
    return Counter(
        {"new": added.added, "known already": added.known, "folded to a next sample": added.folded}
    ), refused


def _store_labels(session: Session, items: list[LabelRow]) -> tuple[Counter[str], list[Refused]]:
    pairs = resolve_names(session, {item.pair_name for item in items})
    people = annotator_ids(session, {item.annotator for item in items})
    known = [(i, item, pairs.get(item.pair_name)) for i, item in enumerate(items)]
    rows = [
        _review(item, pair, people[item.annotator]) for _, item, pair in known if pair is not None
    ]
    new = insert_new(session, Review, rows, ["origin"])
    refused = [_unknown(i, item.pair_name) for i, item, pair in known if pair is None]
    return Counter({"new": new, "known already": len(rows) - new}), refused


def _store_gold(
    session: Session, items: list[GoldRow], barred: Collection[int]
) -> tuple[Counter[str], list[Refused]]:
    pairs = resolve_names(session, {item.pair_name for item in items})
    ids = {pair.pair_id for pair in pairs.values()}
    known = select(Gold.pair_id, Gold.choice).where(Gold.pair_id.in_(ids))
    frozen: dict[int, Choice] = dict(session.execute(known).all())
    trained = exported_among(session, ids - set(frozen), barred)
    counts: Counter[str] = Counter()
    refused: list[Refused] = []
    for i, item in enumerate(items):
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
    session: Session, items: list[RankingRow]
) -> tuple[Counter[str], list[Refused]]:
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


def _store_solutions(session: Session, items: list[Solution]) -> tuple[Counter[str], list[Refused]]:
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


def _review(item: LabelRow, pair: NamedPair, annotator_id: int) -> dict[str, Any]:
    more: Mapping[str, Any] = {
        "strength": None,
        "both_bad": False,
        "rationale": None,
        "active_seconds": None,
        "created_at": now(),
        **item.more,
    }
    return {
        "pair_id": pair.pair_id,
        "annotator_id": annotator_id,
        "choice": item.choice.mirrored() if pair.mirrored else item.choice,
        "origin": item.origin,
        **more,
    }


def _unknown(position: int, name: str) -> Refused:
    return position, name, f"pair_id {name!r} is not known; import the pairs first"
