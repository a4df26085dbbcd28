"""The project's own rows, one shape for each kind of import, all of them named tiebreak.

A pair's opinion may stand in columns of its row instead of in `labels` and `votes`: a verdict
(`db.imports.presets.verdicts`) or two scores, by an `annotator` or a `judge`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from db.files.line import Line
from db.imports.fields import BadRow, Row, one_reason
from db.imports.fields import kept as kept_of
from db.imports.presets import PRESETS, fitting, named
from db.imports.presets.cells import MEDIA, listed, no_media, tools_of
from db.imports.presets.parting import dialogue, with_system
from db.imports.presets.preset import Columns, Preset, Read
from db.imports.presets.verdicts import ONE_HOT, VERDICTS, require_agreeing, verdict

NAME = "tiebreak"

_ALIASES = {
    "pair_id": ("pair_id", "id"),
    "domain": ("domain", "category"),
    "source": ("source", "dataset"),
    "rationale": ("rationale", "explanation", "reason"),
    "created_at": ("created_at", "timestamp"),
}
_ASKED = ("prompt", "instruction", "question", "query")
_BEFORE = ("system", "system_prompt", "history", "input", *_ASKED)
_PAIR = ("response_a", "response_b", "model_a", "model_b", "family_a", "family_b")
_AS_IS = ("expected", "tools", "labels", "votes", "meta")
_SCORES = ("score_a", "score_b")
_OPINION = ("strength", "both_bad", "rationale", "created_at")
_LABEL = ("annotator", "active_seconds", *_OPINION)
_VOTE = (
    *("judge", "family", "order", "sample", "confidence", "cost_usd", "abstain_reason"),
    *_OPINION,
)
_META = ("prompt_id", "margin")
_ALIASED = tuple(alias for aliases in _ALIASES.values() for alias in aliases)
_COLUMNS = frozenset(
    {*_ALIASED, *_BEFORE, *_PAIR, *_AS_IS, *_SCORES, *_LABEL, *_VOTE, *_META, *VERDICTS, *ONE_HOT}
    | {"model"}
)

_PLAIN = frozenset({"pair_id", "prompt", "domain", "source", *_PAIR, *_AS_IS})
"""Columns of a row that is what it should be already."""
_PREFERRED = named("trl").columns - _COLUMNS - MEDIA

_OPINIONS = frozenset({*_LABEL, *_VOTE, *_SCORES})

RESPONSE = frozenset({"id", "text", "messages", "model", "family", "ratings"})
RATING = frozenset({"annotator", "judge", "family", "score", "rationale"})
LABEL = frozenset({"choice", "score_a", "score_b", *_LABEL})
VOTE = frozenset({"choice", "score_a", "score_b", *_VOTE})
_INSIDE = {"responses": RESPONSE, "labels": LABEL, "votes": VOTE}


def _pairs(row: Row) -> list[Row]:
    if not _there(row, "response_a", "response_b") and _there(row, "chosen", "rejected"):
        return _preferred(row)
    if row.keys() <= _PLAIN:
        return [row]
    no_media(row)
    others = sorted(name for name in row.keys() & _PREFERRED if _there(row, name))
    if others:
        raise BadRow(others, f"{others[0]} stands beside response_a and response_b; leave it out")
    row = _named(row)
    meta = {**(kept_of(row, "meta") or {}), **{n: row[n] for n in _META if _there(row, n)}}
    kept = ("expected", "pair_id", "domain", "source", *_PAIR)
    found: Row = {name: row[name] for name in kept if row.get(name) is not None}
    found |= {"prompt": _asked(row), "tools": tools_of(row)}
    if _there(row, "model") and not _there(row, "model_a", "model_b"):
        found |= {"model_a": row["model"], "model_b": row["model"]}
    for name in ("labels", "votes"):
        found[name] = list(row.get(name) or [])
    meta |= _take_opinion(row, found)
    return [{**found, "meta": meta or None}]


def _preferred(row: Row) -> list[Row]:
    """A row with chosen and rejected in a file of others: read by the preset whose shape it has."""
    columns = frozenset(name for name in row if _there(row, name))
    among = [p for p in PRESETS if p.kind == "pairs" and not p.whole]
    preset = fitting(columns, [row], among) or named("trl")
    lost = columns - preset.reads(columns, row)
    if lost:
        raise BadRow(sorted(lost), f"{min(lost)} would be lost; rows of {preset.name} have none")
    return preset.rows(row)


def _take_opinion(row: Row, found: Row) -> Row:
    """Adds the opinion that the row's own columns say: a vote where a judge gave it, else a label.

    Returns what stands in columns of opinions and is no part of it.
    """
    there = {name: row[name] for name in row.keys() & _OPINIONS if _there(row, name)}
    if {"annotator", "judge"} <= there.keys():
        raise BadRow(row["annotator"], "annotator and judge both sign the row; leave one out")
    said = verdict(row)
    if said is not None and there.keys() >= set(_SCORES):
        require_agreeing(said["choice"], there)
    if said is None and not there.keys() >= set(_SCORES):
        signs = [name for name in ("annotator", "judge") if name in there]
        if signs:
            raise BadRow(
                row[signs[0]],
                f"{signs[0]} is {row[signs[0]]!r:.80}, and no column says what was chosen "
                f"({', '.join(VERDICTS)}, or score_a and score_b)",
            )
        return there
    names = {*(_VOTE if "judge" in there else _LABEL), *_SCORES}
    opinion = {name: value for name, value in there.items() if name in names} | (said or {})
    found["votes" if "judge" in there else "labels"].append(opinion)
    return {name: value for name, value in there.items() if name not in names}


def _asked(row: Row) -> Any:
    """The prompt, with the system prompt and the turns before it."""
    asked = [name for name in _ASKED if _there(row, name)]
    if len(asked) > 1:
        raise BadRow(asked, f"{asked[0]} and {asked[1]} both have a value; leave one of them out")
    if not asked and "prompt" not in row:
        raise BadRow(None, f"prompt is missing; the row has {', '.join(row)}")
    prompt = row[asked[0]] if asked else row["prompt"]
    if _there(row, "input"):
        if not isinstance(prompt, str) or not isinstance(row["input"], str):
            raise BadRow(row["input"], "input stands beside a prompt; both must be texts")
        prompt = f"{prompt}\n{row['input']}"
    if _there(row, "history"):
        prompt = [*_turns(row["history"]), *dialogue(prompt, "user", "prompt")]
    systems = [n for n in ("system", "system_prompt") if _there(row, n)]
    if len(systems) > 1:
        raise BadRow(systems, "system and system_prompt both have a value; leave one of them out")
    return with_system(row[systems[0]], prompt) if systems else prompt


def _turns(history: Any) -> list[Row]:
    """Earlier turns: messages, or [question, answer] each."""
    turns: list[Row] = []
    for turn in listed(history, "history"):
        if isinstance(turn, list) and len(turn) == 2 and all(isinstance(t, str) for t in turn):
            turns.append({"role": "user", "content": turn[0]})
            turns.append({"role": "assistant", "content": turn[1]})
        else:
            turns += dialogue([turn], "user", "history")
    return turns


def _named(row: Row) -> Row:
    """The row under our names; the second of two columns that mean the same goes to `meta`."""
    found, meta = dict(row), dict(kept_of(row, "meta") or {})
    for name, aliases in _ALIASES.items():
        there = [alias for alias in aliases if _there(row, alias)]
        for alias in aliases:
            found.pop(alias, None)
        if there:
            found[name] = row[there[0]]
        meta |= {alias: row[alias] for alias in there[1:]}
    return {**found, "meta": meta}


def _spoken(row: Row) -> list[Row]:
    """A row about a pair that is known by name: its verdict as a choice, under our names."""
    found = _named(row)
    found.pop("meta")
    said = verdict(row)
    return [{**found, **said} if said is not None else found]


def _votes(lines: Iterable[Line]) -> Iterator[Read]:
    """Votes one a row; two ratings of single responses by one judge make one vote of a pair.

    A rating waits for that of the other response, and is refused where none comes.
    """
    waiting: dict[tuple[str, str, str], tuple[Line, str, Row]] = {}
    for line in lines:
        try:
            with one_reason():
                (row,) = _spoken(line.row)
                if not _there(row, "response"):
                    yield line, row
                    continue
                side, rating = _rating(row)
                key = (str(row.get("pair_id")), str(row.get("judge")), str(row.get("sample")))
                _, before, other = waiting.pop(key, (line, "", {}))
                if before == side:
                    raise BadRow(side, f"{key[1]!r} rates response {side} of {key[0]!r} twice")
        except BadRow as error:
            yield line, error
            continue
        if before:
            yield line, _of_ratings({before: other, side: rating})
        else:
            waiting[key] = (line, side, rating)
    for (pair, judge, _), (line, side, _) in waiting.items():
        told = f"{judge!r} rates response {side} of pair {pair!r} alone; a vote needs both"
        yield line, BadRow(side, told)


def _rating(row: Row) -> tuple[str, Row]:
    """The side that a row rates, and the row with its score."""
    side = verdict({"choice": row["response"]}) or {}
    if side.get("choice") not in ("a", "b"):
        raise BadRow(row["response"], f"response is {row['response']!r:.80}; it must be a or b")
    scores = [name for name in ("score", "rating") if _there(row, name)]
    if len(scores) != 1 or _there(row, "choice", *_SCORES):
        raise BadRow(scores, "a row that rates one response needs its score or rating, and no more")
    rest = {name: row[name] for name in row if name not in ("response", *scores)}
    return side["choice"], {**rest, "score": row[scores[0]]}


def _of_ratings(rated: Mapping[str, Row]) -> Row:
    """One vote of a rating of either response."""
    words = [f"{side}: {rated[side]['rationale']}" for side in "ab" if rated[side].get("rationale")]
    vote = {**rated["a"], **rated["b"], "rationale": "\n\n".join(words) or None}
    costs = [float(row["cost_usd"]) for row in rated.values() if _there(row, "cost_usd")]
    vote |= {"cost_usd": sum(costs)} if costs else {}
    del vote["score"]
    return {**vote, "score_a": rated["a"]["score"], "score_b": rated["b"]["score"]}


def _there(row: Row, *names: str) -> bool:
    for name in names:
        value = row.get(name)
        if value or (value is not None and not isinstance(value, str | list | dict)):
            return True
    return False


def _twice(row: Row) -> Iterator[str]:
    """Columns that mean what another one says already."""
    for aliases in _ALIASES.values():
        yield from [alias for alias in aliases if _there(row, alias)][1:]


def _inside(row: Row) -> Iterator[str]:
    """Keys of our lists of objects that are not read."""
    for column, known in _INSIDE.items():
        items = row.get(column)
        for item in items if isinstance(items, list) else ():
            if not isinstance(item, dict):
                continue
            yield from (f"{column}.{key}" for key in item if key not in known and _there(item, key))
            ratings = item.get("ratings") if column == "responses" else None
            for rating in ratings if isinstance(ratings, list) else ():
                if isinstance(rating, dict):
                    odd = (k for k in rating if k not in RATING and _there(rating, k))
                    yield from (f"{column}.ratings.{key}" for key in odd)


def _says(row: Row) -> bool:
    return _there(row, *VERDICTS, *ONE_HOT, *_SCORES)


def _own(
    kind: Any,
    columns: set[str],
    fits: Callable[[Columns, Row], bool],
    example: Row,
    rows: Callable[[Row], list[Row]] = lambda row: [row],
    whole: Callable[[Iterable[Line]], Iterator[Read]] | None = None,
) -> Preset:
    return Preset(
        name=NAME,
        about="our own rows",
        kept="everything",
        refused="what docs/formats.md does not tell",
        columns=frozenset(columns),
        fits=fits,
        rows=rows,
        whole=whole,
        example=example,
        inside=_twice if rows is _spoken else _inside,
        kind=kind,
    )


_ABOUT_PAIR = {"pair_id", "id", *VERDICTS, *ONE_HOT, *_ALIASES["rationale"]}
_ABOUT_PAIR |= {*_ALIASES["created_at"], *_SCORES}
_SET = {"prompt_id", "prompt", "tools", "responses", "domain", "source", "expected", "meta"}
_SET |= {"ranking", "annotator"}

_OF_EXPORTS = {
    "judge_version": "a judge that was asked elsewhere has one version",
    "provider": "a vote that comes in is a recorded one",
    "generation": "of a line of judges trained elsewhere",
    "p_a": "from the probabilities of tokens; what was said is the choice",
    "principles": "choices by single principles",
}
"""Columns of the votes of an export of ours that an import leaves."""

OWN: Mapping[str, Preset] = {
    "pairs": _own(
        "pairs",
        {*_COLUMNS, *MEDIA, "chosen", "rejected", *named("trl").columns},
        lambda _, row: _there(row, "response_a", "response_b") or _there(row, "chosen", "rejected"),
        {"prompt": "Name a prime.", "response_a": "7", "response_b": "9"},
        _pairs,
    ),
    "candidates": _own(
        "candidates",
        _SET,
        lambda _, row: _there(row, "responses"),
        {"prompt": "Name a prime.", "responses": ["7", "9", "11"]},
    ),
    "votes": replace(
        _own(
            "votes",
            {*_ABOUT_PAIR, *_VOTE, *_OF_EXPORTS, "response", "score", "rating"},
            lambda _, row: _there(row, "pair_id", "id") and _there(row, "judge"),
            {"pair_id": "p1", "judge": "j1", "choice": "a"},
            _spoken,
            _votes,
        ),
        dropped=_OF_EXPORTS,
    ),
    "labels": _own(
        "labels",
        {*_ABOUT_PAIR, *_LABEL},
        lambda _, row: _there(row, "pair_id", "id") and _there(row, "annotator") and _says(row),
        {"pair_id": "p1", "annotator": "ada", "choice": "a"},
        _spoken,
    ),
    "gold": _own(
        "gold",
        _ABOUT_PAIR - {*_ALIASES["rationale"], *_ALIASES["created_at"], *_SCORES},
        lambda _, row: (
            _there(row, "pair_id", "id")
            and _says(row)
            and not _there(row, "annotator", "judge", "prompt")
        ),
        {"pair_id": "p1", "choice": "a"},
        _spoken,
    ),
    "rankings": _own(
        "rankings",
        _SET - {"meta", "expected"},
        lambda _, row: _there(row, "responses") and "ranking" in row,
        {"prompt": "A prime?", "responses": ["7", "9"], "ranking": ["r1", "r2"], "annotator": "a"},
    ),
    "steps": _own(
        "steps",
        {"prompt", "steps", "completions", "labels", "ratings"},
        lambda _, row: _there(row, "steps", "completions") and _there(row, "labels", "ratings"),
        {"prompt": "2+2?", "steps": ["It is 4."], "labels": [True]},
    ),
}
"""By kind of import."""

MARKS: Mapping[str, Columns] = {
    "pairs": frozenset({"response_a", "response_b", "chosen", "rejected"}),
    "candidates": frozenset({"responses"}),
    "votes": frozenset({"judge", "pair_id"}),
    "labels": frozenset({"annotator", "pair_id"}),
    "gold": frozenset({"pair_id"}),
    "rankings": frozenset({"ranking", "responses"}),
    "steps": frozenset({"steps", "completions"}),
}
"""Columns of which a row of ours has one at least, also where something else of it is missing."""
