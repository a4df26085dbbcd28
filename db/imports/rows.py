"""What a row means: each parser turns one row of ours into what the repositories store.

Rows of ours are those that presets make (`db.imports.presets.preset`). Raises BadRow with the
reason.
"""

import hashlib
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from db.candidates import NewCandidate
from db.conversation import Messages, Tools
from db.expected import outcome
from db.identity import candidate_hash, content_hash, prompt_hash
from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.ratings import LARGEST, choice_of, ratings_of
from db.pairs import NewPair
from db.vocabulary import Choice, Order

SIGNED = "recorded"
"""Who signs labels that name nobody, unless the import is told."""


@dataclass(frozen=True)
class VoteRow:
    """A vote made elsewhere, in the order of the outside name it speaks of.

    `numbered` where the row told its sample; if not, `nth` counts the rows of its file that say
    exactly the same, each of which is a vote of its own.
    """

    pair_name: str
    judge: str
    family: str | None
    order: Order
    sample: int
    choice: Choice
    more: dict[str, Any]
    numbered: bool = True
    nth: int = 1

    @property
    def origin(self) -> str:
        """Identity of the row, so that a second import adds nothing."""
        said = [self.choice, self.more["confidence"], self.more["rationale"]]
        said += [s for s in (self.more["score_a"], self.more["score_b"]) if s is not None]
        again = [] if self.nth == 1 else [self.nth]
        return content_hash(
            "vote",
            self.pair_name,
            self.judge,
            self.order,
            self.sample,
            [str(x) for x in said],
            *again,
        )


@dataclass(frozen=True)
class LabelRow:
    """One human opinion, in the order of the outside name it speaks of."""

    pair_name: str
    annotator: str
    choice: Choice
    more: dict[str, Any]

    @property
    def origin(self) -> str:
        """Identity of the row, so that a second import adds nothing."""
        return content_hash(
            "label", self.pair_name, self.annotator, self.choice, str(self.more.get("created_at"))
        )


@dataclass(frozen=True)
class PairRow:
    """A pair, and the opinions it came with, in the order of its own A and B.

    `unpaired`: how many ratings of its row are of a single response, so that no choice comes of
    them; of the pairs of one row, the first has them.
    """

    pair: NewPair
    labels: tuple[LabelRow, ...] = ()
    votes: tuple[VoteRow, ...] = ()
    unpaired: int = 0


@dataclass(frozen=True)
class GoldRow:
    """A trusted answer, in the order of the outside name it speaks of."""

    pair_name: str
    choice: Choice


@dataclass(frozen=True)
class RankingRow:
    """An order over responses of one prompt: groups of positions, best first."""

    messages: Messages
    candidates: tuple[NewCandidate, ...]
    groups: tuple[tuple[int, ...], ...]
    annotator: str
    domain: str | None
    source: str | None
    tools: Tools | None = None

    @property
    def origin(self) -> str:
        """Identity of the row, so that a second import adds nothing."""
        said = [c.content for c in self.candidates]
        more = [self.tools] if self.tools else []
        return content_hash("ranking", self.messages, said, self.groups, self.annotator, *more)


def parse_pair(row: Row, signed: str = SIGNED) -> PairRow:
    """A pair with the labels and votes it came with; a label that names nobody is `signed`."""
    pair = NewPair(
        messages=fields.messages(row, "prompt"),
        a=_response(row, "response_a", "model_a"),
        b=_response(row, "response_b", "model_b"),
        kept=fields.kept(row, "meta"),
        **_about(row),
    )
    labels = [{"annotator": signed, **_there(label)} for label in fields.objects(row, "labels")]
    votes = [parse_vote({**vote, "pair_id": "-"}) for vote in fields.objects(row, "votes")]
    return PairRow(
        pair,
        tuple(parse_label({**label, "pair_id": "-"}) for label in labels),
        tuple(votes),
    )


def parse_candidates(
    row: Row, per_prompt: int | None, seed: int, signed: str = SIGNED
) -> list[PairRow | RankingRow]:
    """A prompt with n responses: all n(n-1)/2 pairs, or `per_prompt` drawn of them.

    The draw depends on the seed and the prompt alone. Responses of the same text make no pair of
    their own, but each of their ids names the pairs the text is in, and each of their ratings
    counts. Ratings by one rater become that rater's choices (`ratings`), an order its ranking. Who
    rated a single response makes no choice, and is counted (`PairRow.unpaired`).
    """
    messages, tools = fields.messages(row, "prompt"), fields.tools(row)
    named = _responses(row)
    prompt_id = fields.optional_name(row, "prompt_id")
    about = {**_about(row), "kept": fields.kept(row, "meta")}
    signed = fields.optional_name(row, "annotator") or signed
    rated = ratings_of(row["responses"], [key for key, _ in named], signed)
    if row.get("annotator") and row.get("ranking") is None and not rated:
        raise BadRow(row["annotator"], "annotator signs a row without a ranking and ratings")
    first = {_key(c): i for i, (_, c) in reversed(list(enumerate(named)))}
    if len(first) < 2:
        raise BadRow(named[0][1].text[:80], "all responses have the same text, so there is no pair")
    texts = [first[_key(candidate)] for _, candidate in named]
    unpaired = sum(len(rater.said) for rater in rated if not rater.chooses(texts))
    both = list(combinations(sorted(first.values()), 2))
    if per_prompt is not None and per_prompt < len(both):
        key = hashlib.sha256(f"{seed}:{prompt_hash(messages, tools)}".encode()).digest()
        draw = np.random.default_rng(list(key[:8])).choice(len(both), per_prompt, replace=False)
        both = [both[i] for i in sorted(draw)]
    if prompt_id is not None or rated:
        drawn = set(both)
        both = [
            (i, j)
            for i, j in combinations(range(len(named)), 2)
            if tuple(sorted((texts[i], texts[j]))) in drawn
        ]
    found: list[PairRow | RankingRow] = []
    for i, j in both:
        told = {**about, "external_id": _pair_name(prompt_id, named[i][0], named[j][0])}
        pair = NewPair(messages=messages, a=named[i][1], b=named[j][1], **told)
        said = [one for rater in rated if (one := rater.choice(i, j)) is not None]
        labels = tuple(parse_label(one) for one in said if "annotator" in one)
        votes = tuple(parse_vote(one) for one in said if "judge" in one)
        found.append(PairRow(pair, labels, votes, 0 if found else unpaired))
    if row.get("ranking") is not None:
        found.append(parse_ranking({**row, "annotator": signed}))
    return found


def parse_vote(row: Row) -> VoteRow:
    """One judge's answer on one pair: a choice, or two scores that make one."""
    scores = _scores(row)
    choice = choice_of(row, **scores)
    cost = fields.number(row, "cost_usd", 0, 1e6)
    more: dict[str, Any] = {
        "confidence": fields.number(row, "confidence", 0, 1),
        "strength": _strength(row, choice),
        "both_bad": fields.flag(row, "both_bad") and choice is Choice.TIE,
        "rationale": fields.optional_text(row, "rationale"),
        "abstain_reason": None,
        "cost_nanousd": 0 if cost is None else round(cost * 1e9),
        **scores,
    }
    if choice is Choice.ABSTAIN:
        reason = fields.optional_text(row, "abstain_reason") or "recorded as abstain"
        more["abstain_reason"] = reason[:200]
    created = fields.time(row, "created_at")
    if created is not None:
        more["created_at"] = created
    return VoteRow(
        pair_name=fields.name(row, "pair_id"),
        judge=fields.name(row, "judge"),
        family=fields.optional_name(row, "family"),
        order=fields.order(row),
        sample=fields.integer(row, "sample", 1, 1, 1000) or 1,
        choice=choice,
        more=more,
        numbered=row.get("sample") not in (None, ""),
    )


def parse_label(row: Row) -> LabelRow:
    """One annotator's opinion on one pair: a choice, or two scores that make one."""
    scores = _scores(row)
    choice = choice_of(row, **scores)
    more: dict[str, Any] = {
        **scores,
        "strength": _strength(row, choice),
        "both_bad": fields.flag(row, "both_bad") and choice is Choice.TIE,
        "rationale": fields.optional_text(row, "rationale"),
        "active_seconds": fields.number(row, "active_seconds", 0, 1e6),
    }
    created = fields.time(row, "created_at")
    if created is not None:
        more["created_at"] = created
    return LabelRow(fields.name(row, "pair_id"), fields.name(row, "annotator"), choice, more)


def parse_gold(row: Row) -> GoldRow:
    """A trusted answer: a, b or tie."""
    return GoldRow(fields.name(row, "pair_id"), fields.choice(row, abstain=False))


def parse_ranking(row: Row) -> RankingRow:
    """prompt, responses and ranking: response ids best first, equals grouped in a list."""
    named = _responses(row)
    place = {key: position for position, (key, _) in enumerate(named)}
    if len({_key(c) for _, c in named}) < len(named):
        raise BadRow(list(place), "two responses have the same text; give it once")
    ranking = row.get("ranking")
    if not isinstance(ranking, list):
        raise BadRow(ranking, "ranking must be a list of response ids, best first")
    groups = [group if isinstance(group, list) else [group] for group in ranking]
    ids = [str(key) for group in groups for key in group]
    if sorted(ids) != sorted(place) or not all(groups):
        raise BadRow(ranking, f"ranking must name each of {sorted(place)} once")
    about = _about(row)
    return RankingRow(
        messages=fields.messages(row, "prompt"),
        candidates=tuple(candidate for _, candidate in named),
        groups=tuple(tuple(place[str(key)] for key in group) for group in groups),
        annotator=fields.name(row, "annotator"),
        domain=about["domain"],
        source=about["source"],
        tools=about["tools"],
    )


def _key(candidate: NewCandidate) -> str:
    """What makes two responses to one prompt the same."""
    return candidate_hash("", candidate.content)


def _about(row: Row) -> dict[str, Any]:
    return {
        "external_id": fields.optional_name(row, "pair_id"),
        "domain": fields.optional_name(row, "domain", 100),
        "source": fields.optional_name(row, "source"),
        "expected": _expected(row),
        "tools": fields.tools(row),
    }


def _expected(row: Row) -> dict[str, Any] | None:
    """An expected outcome that a verifier can use; a column of nulls is none."""
    expected = fields.optional_object(row, "expected")
    if expected is None or all(value is None for value in expected.values()):
        return None
    try:
        outcome.read(expected)
    except outcome.BadOutcome as error:
        raise BadRow(str(expected)[:80], f"expected: {error}") from None
    return expected


def _pair_name(prompt_id: str | None, a: str, b: str) -> str | None:
    if prompt_id is None:
        return None
    return fields.name({"prompt_id:a:b": f"{prompt_id}:{a}:{b}"}, "prompt_id:a:b")


def _response(row: Row, name: str, model: str) -> NewCandidate:
    return NewCandidate.said(
        fields.response(row, name),
        fields.optional_name(row, model),
        fields.optional_name(row, model.replace("model", "family")),
    )


def _responses(row: Row) -> list[tuple[str, NewCandidate]]:
    listed = row.get("responses")
    if not isinstance(listed, list) or len(listed) < 2:
        raise BadRow(listed, "responses must be a list of two or more")
    named = [_candidate(item, i) for i, item in enumerate(listed, 1)]
    if len({key for key, _ in named}) < len(named):
        raise BadRow([key for key, _ in named], "two responses have the same id")
    return named


def _candidate(item: Any, position: int) -> tuple[str, NewCandidate]:
    if isinstance(item, str):
        return f"r{position}", NewCandidate(fields.text({"response": item}, "response"))
    if not isinstance(item, dict):
        raise BadRow(item, "a response is a text or an object with id and text (or messages)")
    key = fields.optional_name(item, "id") or f"r{position}"
    model, family = fields.optional_name(item, "model"), fields.optional_name(item, "family")
    said = fields.response(item, "text" if item.get("messages") is None else "messages")
    return key, NewCandidate.said(said, model, family)


def _there(row: Row) -> Row:
    """What has a value."""
    return {key: value for key, value in row.items() if value not in (None, "")}


def _scores(row: Row) -> dict[str, float | None]:
    return {name: fields.number(row, name, -LARGEST, LARGEST) for name in ("score_a", "score_b")}


def _strength(row: Row, choice: Choice) -> int | None:
    strength = fields.integer(row, "strength", None, 1, 2)
    return strength if choice in (Choice.A, Choice.B) else None
