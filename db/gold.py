"""Gold: trusted labels frozen for the gate. Drawn from what humans settled, by whole groups.

Which prompts are one group is told by the caller (`judges.alike.groups`).
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased

from db.conversation import Messages, Tools, content_text, said
from db.erased_prompts import unerased
from db.errors import BadInput, Conflict
from db.identity import content_hash
from db.models import Candidate, DatasetItem, Gold, Pair, Preference, Prompt
from db.opinions import human_answers
from db.prompts import StoredPrompts
from db.upsert import insert_new, take_turn
from db.vocabulary import Choice

_TURN = 7_246_007  # names the turn in which gold is drawn, on PostgreSQL
_PASSED_OVER = "prompts passed over, as one of their group stands in an exported dataset"


GroupOf = Callable[[str], str]
"""The name of the group of a prompt, by its content hash; a prompt that is alone is its own."""

Grouping = Callable[[StoredPrompts], GroupOf]
"""Groups all stored prompts (`judges.alike.groups.group_of`)."""


@dataclass(frozen=True)
class GoldDraw:
    """What a draw froze. `passed_over`: settled prompts that may not become gold, as a prompt of
    their group stands in an exported dataset.
    """

    prompts: int
    groups: int
    pairs: int
    new: int
    settled_pairs: int
    passed_over: int = 0

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"gold: {self.new} new of {self.pairs} pairs on {self.prompts} prompts"
            + (f" in {self.groups} groups" if self.groups < self.prompts else "")
            + f", drawn from {self.settled_pairs} pairs settled by humans"
            + (f"; {_PASSED_OVER}: {self.passed_over}" if self.passed_over else "")
        )


@dataclass(frozen=True, slots=True)
class GoldSet:
    """The frozen labels: which pairs, the prompts nothing may be trained on (content hash ->
    messages), and both responses of every pair, which may stand in no prompt.
    """

    pair_ids: frozenset[int] = frozenset()
    prompts: Mapping[str, Messages] = field(default_factory=dict)
    answers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GoldPair:
    """One frozen pair with its trusted choice, in stored order. gold_id: higher is frozen later."""

    id: int
    pair_hash: str
    prompt_id: int
    prompt_hash: str
    messages: Messages
    tools: Tools | None
    prompt: str
    a: str
    b: str
    domain: str | None
    source: str | None
    choice: Choice
    generation: int
    gold_id: int = 0


def draw_gold(
    session: Session, share: float, seed: int, group_of: GroupOf, *, of_new: bool = False
) -> GoldDraw:
    """Freeze a share of the humanly settled prompts by whole groups, with all their settled pairs.

    of_new: a share of those that are in no dataset and not gold yet, and no more. The order of the
    draw depends on the seed and the prompts' content alone, so the same call freezes the same
    pairs. Groups of which a prompt stands in an exported dataset are passed over. Raises BadInput
    for a share outside (0, 1], and Conflict where no prompt can be drawn.
    """
    take_turn(session, _TURN)
    if not 0 < share <= 1:
        raise BadInput(f"share {share!r} must be more than 0 and at most 1")
    settled = human_answers(session)
    if not settled:
        raise Conflict("no pair is settled by humans yet; import labels or review first")
    prompts = _prompts_of(session, set(settled))
    learnt = {group_of(key) for key in session.scalars(_exported(Prompt.content_hash))}
    groups: dict[str, list[str]] = defaultdict(list)
    for key in prompts:
        if (name := group_of(key)) not in learnt:
            groups[name].append(key)
    if not groups:
        raise Conflict(
            f"all {len(prompts)} prompts settled by humans stand in an exported dataset, or share "
            "a group with one that does; review pairs of other prompts, and draw gold before "
            "exporting them"
        )
    among: Mapping[str, Collection[str]] = groups
    if of_new:
        old = {group_of(key) for key in _frozen_prompts(session)}
        among = {name: keys for name, keys in groups.items() if name not in old}
    there = sum(map(len, among.values())) if of_new else len(prompts)
    drawn = _drawn(among, math.ceil(share * there - 1e-9), seed)
    pairs = sorted(pair_id for name in drawn for key in groups[name] for pair_id in prompts[key])
    rows = [
        {"pair_id": p, "choice": settled[p], "how": {"drawn": share, "seed": seed}} for p in pairs
    ]
    new = insert_new(session, Gold, rows, ["pair_id"])
    return GoldDraw(
        prompts=sum(len(groups[name]) for name in drawn),
        groups=len(drawn),
        pairs=len(pairs),
        new=new,
        settled_pairs=len(settled),
        passed_over=len(prompts) - sum(map(len, groups.values())),
    )


def _frozen_prompts(session: Session) -> set[str]:
    """Content hashes of the prompts of gold."""
    query = select(Prompt.content_hash).join(Pair, Pair.prompt_id == Prompt.id)
    return set(session.scalars(query.join(Gold, Gold.pair_id == Pair.id)))


def _drawn(groups: Mapping[str, Collection[str]], wanted: int, seed: int) -> list[str]:
    """Groups in seeded order until they hold the prompts wanted."""
    drawn: list[str] = []
    for name in sorted(groups, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()):
        if wanted <= 0:
            break
        drawn.append(name)
        wanted -= len(groups[name])
    return drawn


def gold_prompts(session: Session) -> set[int]:
    """Ids of all prompts with a gold pair; nothing of them is ever trained on."""
    return set(session.scalars(select(Pair.prompt_id).join(Gold, Gold.pair_id == Pair.id)))


def gold_labels(session: Session) -> dict[int, Choice]:
    """The frozen answer of every gold pair, in stored order."""
    return dict(session.execute(select(Gold.pair_id, Gold.choice)).all())


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen answer; id: higher is frozen later."""

    id: int
    choice: Choice


def frozen(session: Session) -> dict[int, Frozen]:
    """Frozen answers by pair."""
    rows = session.execute(select(Gold.pair_id, Gold.id, Gold.choice))
    return {pair_id: Frozen(id_, choice) for pair_id, id_, choice in rows}


def gold_pairs(session: Session) -> list[GoldPair]:
    """All frozen pairs with their texts, in order of content hash."""
    first, second = aliased(Candidate), aliased(Candidate)
    rows = session.execute(
        select(Gold, Pair, Prompt, first.text, first.messages, second.text, second.messages)
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
            prompt.tools,
            prompt.text,
            said(a, of_a),
            said(b, of_b),
            pair.domain,
            pair.source,
            gold.choice,
            gold.generation,
            gold.id,
        )
        for gold, pair, prompt, a, of_a, b, of_b in rows
    ]


def gold_set(session: Session) -> GoldSet:
    """Gold pairs, the prompts they belong to and their responses."""
    rows = session.execute(
        select(Gold.pair_id, Prompt.content_hash, Prompt.messages)
        .join(Pair, Pair.id == Gold.pair_id)
        .join(Prompt, Prompt.id == Pair.prompt_id)
    ).all()
    responses = session.execute(
        select(Candidate.text, Candidate.messages)
        .join(Pair, or_(Pair.candidate_a_id == Candidate.id, Pair.candidate_b_id == Candidate.id))
        .join(Gold, Gold.pair_id == Pair.id)
    )
    return GoldSet(
        frozenset(pair_id for pair_id, *_ in rows),
        {key: messages for _, key, messages in rows},
        frozenset(_answer(text, messages) for text, messages in responses),
    )


def _answer(text: str, messages: Messages | None) -> str:
    """What a response says in the end; where it is messages, its last text."""
    said = [content_text(message.get("content")) for message in messages or ()]
    return next((each for each in reversed(said) if each), text)


def gold_hash(session: Session) -> str:
    """Names the frozen set as it is now: the same pairs and answers, the same hash."""
    query = (
        select(Pair.content_hash, Gold.choice)
        .join(Gold, Gold.pair_id == Pair.id)
        .order_by(Pair.content_hash)
    )
    return content_hash("gold", [[key, choice.value] for key, choice in session.execute(query)])


def barred_from_gold(session: Session, grouping: Grouping) -> frozenset[int]:
    """Ids of all prompts of which a prompt of their group stands in an exported dataset."""
    exported = set(session.scalars(_exported(Prompt.content_hash)))
    if not exported:
        return frozenset()
    group_of = grouping(StoredPrompts(session))
    learnt = {group_of(key) for key in exported}
    keys = session.execute(select(Prompt.id, Prompt.content_hash))
    return frozenset(prompt_id for prompt_id, key in keys if group_of(key) in learnt)


def exported_among(
    session: Session, pair_ids: set[int], barred: Collection[int] = ()
) -> dict[int, bool]:
    """Those of the pairs that may not become gold: True where their own prompt has a pair in an
    exported dataset, False where it is of the prompts `barred` for their group.
    """
    query = select(Pair.id, Pair.prompt_id).where(Pair.id.in_(pair_ids))
    own = set(session.scalars(query.where(Pair.prompt_id.in_(_exported(Prompt.id)))))
    near = {pair_id for pair_id, prompt_id in session.execute(query) if prompt_id in barred}
    return {pair_id: pair_id in own for pair_id in own | near}


def _exported(column: Any) -> Select[Any]:
    query = select(column).join(Pair, Pair.prompt_id == Prompt.id)
    query = query.join(Preference, Preference.pair_id == Pair.id)
    return query.join(DatasetItem, DatasetItem.preference_id == Preference.id).distinct()


def _prompts_of(session: Session, pair_ids: set[int]) -> dict[str, list[int]]:
    prompts: dict[str, list[int]] = defaultdict(list)
    query = select(Prompt.content_hash, Pair.id).join(Pair, Pair.prompt_id == Prompt.id)
    for key, pair_id in session.execute(query.where(unerased())):
        if pair_id in pair_ids:
            prompts[key].append(pair_id)
    return prompts
