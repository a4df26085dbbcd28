"""What one row of a file means, as JSON values for people to look at. Pure."""

from collections.abc import Sequence
from typing import Any

from db.candidates import NewCandidate
from db.conversation import as_response, parts
from db.imports.rows import GoldRow, LabelRow, PairRow, RankingRow, VoteRow
from db.imports.store import Item
from db.pairs import NewPair
from db.step_labels import Solution

Meaning = dict[str, Any]


def meaning(items: Sequence[Item]) -> list[Meaning]:
    """What the items of one row say: conversations as (who, text), sides, opinions and by whom."""
    return [_there(_of(item)) for item in items]


def _of(item: Item) -> Meaning:
    match item:
        case PairRow():
            said = {"labels": [_label(one) for one in item.labels]}
            return _pair(item.pair) | said | {"votes": [_vote(one) for one in item.votes]}
        case VoteRow():
            return {"pair_id": item.pair_name, "votes": [_vote(item)]}
        case LabelRow():
            return {"pair_id": item.pair_name, "labels": [_label(item)]}
        case GoldRow():
            return {"pair_id": item.pair_name, "gold": item.choice.value}
        case RankingRow():
            names = [
                chr(ord("a") + n) if n < 26 else str(n + 1) for n in range(len(item.candidates))
            ]
            responses = {n: c.text for n, c in zip(names, item.candidates, strict=True)}
            order = [[names[place] for place in group] for group in item.groups]
            about = {"domain": item.domain, "source": item.source}
            asked = _conversation(item.messages, item.tools)
            return (
                {"prompt": asked, "responses": responses, "order": order}
                | about
                | {"by": item.annotator}
            )
        case Solution():
            steps = [[text, label] for text, label in zip(item.steps, item.labels, strict=True)]
            return {"prompt": _conversation(item.messages, None), "steps": steps}


def _pair(pair: NewPair) -> Meaning:
    sides = {
        name: _there(
            {"said": _conversation(as_response(c.text, c.messages), None), "model": c.model}
        )
        for name, c in (("a", pair.a), ("b", pair.b))
    }
    about = {"pair_id": pair.external_id, "domain": pair.domain, "source": pair.source}
    asked = {"prompt": _conversation(pair.messages, pair.tools)}
    return asked | sides | about | {"expected": pair.expected, "kept": pair.kept}


def _side(said: NewCandidate) -> Meaning:
    messages = as_response(said.text, said.messages)
    return _there({"said": _conversation(messages, None), "model": said.model})


def _label(label: LabelRow) -> Meaning:
    return _there({"choice": label.choice.value, "by": label.annotator, **_more(label.more)})


def _vote(vote: VoteRow) -> Meaning:
    about = {"choice": vote.choice.value, "by": vote.judge, "order": vote.order.value}
    return _there(about | _more(vote.more))


def _more(more: dict[str, Any]) -> Meaning:
    names = ("strength", "both_bad", "score_a", "score_b", "confidence", "rationale", "created_at")
    found = {name: more.get(name) for name in names}
    return found | {"both_bad": found["both_bad"] or None}


def _conversation(messages: Any, tools: Any) -> list[list[str]]:
    return [[part.label, part.text] for part in parts(messages, tools)]


def _there(found: Meaning) -> Meaning:
    return {name: value for name, value in found.items() if value not in (None, [], "")}
