"""Gold: trusted labels frozen for the gate. Drawn by whole prompts from what humans settled."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from db.erased_prompts import unerased
from db.errors import BadInput, Conflict
from db.identity import content_hash
from db.models import Candidate, DatasetItem, Gold, Pair, Preference, Prompt
from db.opinions import human_answers
from db.upsert import insert_new, take_turn
from db.vocabulary import Choice

_TURN = 7_246_007  # names the turn in which gold is drawn, on PostgreSQL


@dataclass(frozen=True)
class GoldDraw:
    """What a draw froze."""

    prompts: int
    pairs: int
    new: int
    settled_pairs: int

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"gold: {self.new} new of {self.pairs} pairs on {self.prompts} prompts, "
            f"drawn from {self.settled_pairs} pairs settled by humans"
        )


@dataclass(frozen=True, slots=True)
class GoldSet:
    """The frozen labels: which pairs, and the prompts nothing may be trained on."""

    pair_ids: frozenset[int] = frozenset()
    prompts: Mapping[str, str] = field(default_factory=dict)  # content hash -> text


@dataclass(frozen=True, slots=True)
class GoldPair:
    """One frozen pair with its trusted choice, in stored order."""

    id: int
    pair_hash: str
    prompt_id: int
    prompt_hash: str
    messages: list[dict[str, str]]
    prompt: str
    a: str
    b: str
    domain: str | None
    source: str | None
    choice: Choice
    generation: int


def draw_gold(session: Session, share: float, seed: int) -> GoldDraw:
    """Freeze a share of the humanly settled prompts, with all their settled pairs.

    The order of the draw depends on the seed and the prompts' content alone, so the same call
    freezes the same pairs. Prompts that stand in an exported dataset are passed over. Raises
    BadInput for a share outside (0, 1], and Conflict where no prompt can be drawn.
    """
    take_turn(session, _TURN)
    if not 0 < share <= 1:
        raise BadInput(f"share {share!r} must be more than 0 and at most 1")
    settled = human_answers(session)
    if not settled:
        raise Conflict("no pair is settled by humans yet; import labels or review first")
    prompts = _prompts_of(session, set(settled))
    exported = exported_prompts(session)
    order = sorted(
        (key for key, (prompt_id, _) in prompts.items() if prompt_id not in exported),
        key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest(),
    )
    if not order:
        raise Conflict(
            f"all {len(prompts)} prompts settled by humans stand in an exported dataset; review "
            "pairs of other prompts, and draw gold before exporting them"
        )
    drawn = order[: math.ceil(share * len(prompts) - 1e-9)]
    pairs = sorted(pair_id for key in drawn for pair_id in prompts[key][1])
    rows = [
        {"pair_id": p, "choice": settled[p], "how": {"drawn": share, "seed": seed}} for p in pairs
    ]
    new = insert_new(session, Gold, rows, ["pair_id"])
    return GoldDraw(len(drawn), len(pairs), new, len(settled))


def gold_prompts(session: Session) -> set[int]:
    """Ids of all prompts with a gold pair; nothing of them is ever trained on."""
    return set(session.scalars(select(Pair.prompt_id).join(Gold, Gold.pair_id == Pair.id)))


def gold_labels(session: Session) -> dict[int, Choice]:
    """The frozen answer of every gold pair, in stored order."""
    return dict(session.execute(select(Gold.pair_id, Gold.choice)).all())


def gold_pairs(session: Session) -> list[GoldPair]:
    """All frozen pairs with their texts, in order of content hash."""
    first, second = aliased(Candidate), aliased(Candidate)
    rows = session.execute(
        select(Gold, Pair, Prompt, first.text, second.text)
        .join(Pair, Pair.id == Gold.pair_id)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(first, first.id == Pair.candidate_a_id)
        .join(second, second.id == Pair.candidate_b_id)
        .order_by(Pair.content_hash)
    )
    return [
        GoldPair(
            pair.id,
            pair.content_hash,
            prompt.id,
            prompt.content_hash,
            prompt.messages,
            prompt.text,
            a,
            b,
            pair.domain,
            pair.source,
            gold.choice,
            gold.generation,
        )
        for gold, pair, prompt, a, b in rows
    ]


def gold_set(session: Session) -> GoldSet:
    """Gold pairs and the prompts they belong to."""
    rows = session.execute(
        select(Gold.pair_id, Prompt).join(Pair, Pair.id == Gold.pair_id).join(Pair.prompt)
    ).all()
    return GoldSet(
        frozenset(pair_id for pair_id, _ in rows),
        {prompt.content_hash: prompt.text for _, prompt in rows},
    )


def gold_hash(session: Session) -> str:
    """Names the frozen set as it is now: the same pairs and answers, the same hash."""
    query = (
        select(Pair.content_hash, Gold.choice)
        .join(Gold, Gold.pair_id == Pair.id)
        .order_by(Pair.content_hash)
    )
    return content_hash("gold", [[key, choice.value] for key, choice in session.execute(query)])


def exported_prompts(session: Session) -> set[int]:
    """Ids of all prompts with a pair in an exported dataset; none of them can become gold."""
    return set(session.scalars(_exported()))


def exported_among(session: Session, pair_ids: set[int]) -> set[int]:
    """Those of the pairs whose prompt has a pair in an exported dataset."""
    query = select(Pair.id).where(Pair.id.in_(pair_ids), Pair.prompt_id.in_(_exported()))
    return set(session.scalars(query))


def _exported() -> Select[int]:
    query = select(Pair.prompt_id).join(Preference, Preference.pair_id == Pair.id)
    return query.join(DatasetItem, DatasetItem.preference_id == Preference.id).distinct()


def _prompts_of(session: Session, pair_ids: set[int]) -> dict[str, tuple[int, list[int]]]:
    prompts: dict[str, tuple[int, list[int]]] = {}
    query = select(Prompt.content_hash, Prompt.id, Pair.id).join(Pair, Pair.prompt_id == Prompt.id)
    query = query.where(unerased())
    for key, prompt_id, pair_id in session.execute(query):
        if pair_id in pair_ids:
            prompts.setdefault(key, (prompt_id, []))[1].append(pair_id)
    return prompts
