"""HelpSteer and HelpSteer2: responses rated by people, and preferences between two of them.

Source: the dataset cards of nvidia/HelpSteer and nvidia/HelpSteer2: five attributes from 0 to 4,
`helpfulness` the overall one; rows of one prompt belong together; `preference_strength` from -3
(the first is much better) to 3; prompts of several turns are marked by `<extra_id_1>`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from db.files.line import Line
from db.imports import fields
from db.imports.fields import BadRow, Row, one_reason
from db.imports.presets.alone import Alone, together
from db.imports.presets.cells import score_of
from db.imports.presets.preset import Preset, Read, alone, having

_MARK = re.compile(r"\n?<extra_id_1>(User|Assistant)\n")
_ASPECTS = ("correctness", "coherence", "complexity", "verbosity")
_OPINIONS = ("split", "three_most_similar_preferences", "all_preferences_unprocessed")


def prompt_of(value: Any) -> Any:
    """A prompt: a text, or messages where marks of turns stand in it. Raises BadRow."""
    if not isinstance(value, str):
        raise BadRow(value, f"prompt is {value!r:.80}; it must be a text")
    first, *rest = _MARK.split(value)
    if not rest:
        return value
    speakers, texts = ["User", *rest[::2]], [first, *rest[1::2]]
    if speakers[-1] != "User" or not first:
        raise BadRow(value[:80], "prompt must begin and end with a turn of the user")
    roles = {"User": "user", "Assistant": "assistant"}
    return [
        {"role": roles[who], "content": text} for who, text in zip(speakers, texts, strict=True)
    ]


def _candidates(lines: Iterable[Line]) -> Iterator[Read]:
    found: list[Alone] = []
    for line in lines:
        try:
            with one_reason():
                prompt = prompt_of(line.row.get("prompt"))
                one = Alone(line, line.row["prompt"], {"prompt": prompt}, _response(line.row))
            found.append(one)
        except BadRow as error:
            yield line, error
    yield from together(found)


def _response(row: Row) -> Row:
    if not isinstance(row.get("response"), str):
        raise BadRow(row.get("response"), f"response is {row.get('response')!r:.80}; give a text")
    if isinstance(row.get("helpfulness"), list):
        raise BadRow(
            row["helpfulness"],
            "helpfulness lists the ratings of people without names; import the file of their means",
        )
    return {"text": row["response"], "ratings": [{"score": score_of(row, "helpfulness")}]}


def _preference(row: Row) -> list[Row]:
    said = score_of(row, "preference_strength")
    if said not in range(-3, 4):
        raise BadRow(said, f"preference_strength is {said:g}; it must be a whole number, -3 to 3")
    label: Row = {"choice": "tie" if said == 0 else "a" if said < 0 else "b"}
    if said:
        label["strength"] = 2 if abs(said) == 3 else 1
    told = [
        fields.optional_text(row, f"preference_{name}") for name in ("statement", "elaboration")
    ]
    if any(told):
        label["rationale"] = " ".join(text for text in told if text)
    pair: Row = {"prompt": prompt_of(row.get("prompt"))}
    pair |= {"response_a": row.get("response_1"), "response_b": row.get("response_2")}
    meta = {name: row[name] for name in _OPINIONS if row.get(name) is not None}
    return [{**pair, "labels": [label], **({"meta": meta} if meta else {})}]


PRESETS = (
    Preset(
        name="helpsteer",
        about="`prompt`, `response` and five attributes; the rows of one prompt together",
        kept="all responses of a prompt; `helpfulness` as a person's rating; marked turns as "
        "messages",
        refused="a prompt with one response; ratings of single annotators, who have no names",
        columns=frozenset({"prompt", "response", "helpfulness", *_ASPECTS}),
        dropped=dict.fromkeys(_ASPECTS, "one aspect; helpfulness is the overall rating"),
        fits=having("prompt", "response", "helpfulness"),
        rows=alone,
        whole=_candidates,
        example={
            "prompt": "Name a prime.",
            "response": "7",
            "helpfulness": 4,
            "correctness": 4,
            "coherence": 4,
            "complexity": 0,
            "verbosity": 0,
        },
        beside=({"prompt": "Name a prime.", "response": "9", "helpfulness": 0},),
        kind="candidates",
    ),
    Preset(
        name="helpsteer-preference",
        about="`prompt`, `response_1`, `response_2` and `preference_strength` from -3 to 3",
        kept="one label: below 0 the first, above 0 the second, 0 a tie; strength 2 at 3; its "
        "statement and elaboration as rationale; the single preferences in `meta`",
        refused="a strength outside -3 to 3",
        columns=frozenset({"prompt", "response_1", "response_2", "preference_strength"})
        | {"preference_statement", "preference_elaboration", *_OPINIONS},
        fits=having("prompt", "response_1", "response_2", "preference_strength"),
        rows=_preference,
        example={
            "split": "train",
            "prompt": "Name a prime.",
            "response_1": "9",
            "response_2": "7",
            "preference_strength": 3,
            "preference_statement": "@Response 2 is much better than @Response 1.",
            "preference_elaboration": "9 is 3 times 3.",
        },
    ),
)
