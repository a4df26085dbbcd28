"""The responses of one prompt, with what its pairs say of each; and their order. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from db.conversation import Messages, as_response
from db.exports.pairs import ExportPair
from db.vocabulary import Choice
from trainer.export.writing import json_text


@dataclass
class Response:
    """A response and the names of the pairs that it won, lost and drew."""

    messages: Messages
    text: str
    plain: bool
    model: str | None
    family: str | None
    won: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)


def chosen_and_rejected(pair: ExportPair) -> tuple[Messages, Messages]:
    """The better response of a pair that is no tie, then the other, as messages."""
    a, b = pair.both
    return (a, b) if pair.choice == Choice.A else (b, a)


def responses(pairs: Sequence[ExportPair]) -> list[Response]:
    """Every response of these pairs of one prompt once, in order of appearance."""
    return list(_by_content(pairs).values())


def order(pairs: Sequence[ExportPair]) -> list[list[Response]] | None:
    """Groups of equals, best first, where the pairs put all their responses into one order.

    None where they do not: some two cannot be told from each other, or they contradict.
    """
    found = _by_content(pairs)
    group = {key: key for key in found}
    for a, b, choice in _said(pairs):
        if choice == Choice.TIE:
            old, new = group[b], group[a]
            group = {key: new if name == old else name for key, name in group.items()}
    worse: dict[str, set[str]] = {name: set() for name in group.values()}
    for a, b, choice in _said(pairs):
        if choice != Choice.TIE:
            better, other = (a, b) if choice == Choice.A else (b, a)
            worse[group[better]].add(group[other])
    groups: list[list[Response]] = []
    while worse:
        best = [name for name in worse if not any(name in those for those in worse.values())]
        if len(best) != 1:
            return None
        worse.pop(best[0])
        groups.append([found[key] for key in found if group[key] == best[0]])
    return groups


def _by_content(pairs: Sequence[ExportPair]) -> dict[str, Response]:
    found: dict[str, Response] = {}
    for pair in pairs:
        sides = (
            (pair.a, pair.said_a, pair.model_a, pair.family_a, Choice.A),
            (pair.b, pair.said_b, pair.model_b, pair.family_b, Choice.B),
        )
        for text, said, model, family, side in sides:
            one = found.setdefault(
                _key(text, said),
                Response(as_response(text, said), text, said is None, model, family),
            )
            told = one.drawn if pair.choice == Choice.TIE else one.won
            (told if pair.choice in (Choice.TIE, side) else one.lost).append(pair.name)
    return found


def _said(pairs: Sequence[ExportPair]) -> list[tuple[str, str, str | None]]:
    return [(_key(p.a, p.said_a), _key(p.b, p.said_b), p.choice) for p in pairs]


def _key(text: str, said: Messages | None) -> str:
    return text if said is None else json_text(said)
