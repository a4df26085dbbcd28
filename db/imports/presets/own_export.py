"""The pairs of an export of our own (`pairs/` in its folder), which come back under all their ids.

A label that people settled is a label of `export NAME`; one that the panel settled is a vote of the
judge `export NAME`, for nobody has given it.
"""

import json
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.cells import listed
from db.imports.presets.preset import Preset, having, only_known
from db.vocabulary import Source

_PANEL = "the panel's probabilities; its vote has that of the settled choice"
_DROPPED = {
    "pair_hash": "computed anew from the texts",
    "p_a": _PANEL,
    "p_tie": _PANEL,
    "p_b": _PANEL,
    "route": "what a batch decided; `route` decides anew",
    "reasons": "why a batch decided so",
    "flags": "findings in votes; `import votes FOLDER` brings the votes",
    "certificate": "a promise on a batch that is not here",
    "split": "splits are drawn at the export",
}
_READ = frozenset(
    {"pair_id", "names", "prompt", "tools", "response_a", "response_b", "said_a", "said_b"}
    | {"model_a", "model_b", "family_a", "family_b", "domain", "data_source", "expected", "kept"}
    | {"choice", "strength", "both_bad", "source", "rationales", "dataset"}
)
_SIDED = ("response", "model", "family")
_MIRROR = {"a": "b", "b": "a"}
_NAME = frozenset({"id", "mirrored"})


def _rows(row: Row) -> list[Row]:
    """The pair under its first name with its opinion, then under each other name."""
    pair = {
        "prompt": row.get("prompt"),
        "tools": row.get("tools"),
        "domain": row.get("domain"),
        "source": row.get("data_source"),
        "expected": _parsed(row, "expected"),
        "meta": _parsed(row, "kept"),
    }
    first, opinion, told = fields.name(row, "pair_id"), _opinion(row), []
    for name in listed(row.get("names") or [{"id": first}], "names"):
        only_known(name, _NAME, "names")
        turned = fields.flag(name, "mirrored")
        one = {**pair, "pair_id": name.get("id")}
        for side, there in _MIRROR.items():
            for field in _SIDED:
                one[f"{field}_{side}"] = _value(row, field, there if turned else side)
        told.append({**one, **(opinion if name.get("id") == first else {})})
    if not any(one["pair_id"] == first for one in told):
        raise BadRow(first, f"pair_id {first!r:.80} is none of names")
    return [{key: value for key, value in one.items() if value is not None} for one in told]


def _value(row: Row, field: str, side: str) -> Any:
    """A value of one side; a response as its messages where it is several."""
    said = row.get(f"said_{side}") if field == "response" else None
    return row.get(f"{field}_{side}") if said is None else said


def _opinion(row: Row) -> Row:
    """The settled label, as whose it is."""
    if row.get("choice") is None:
        return {}
    said = {name: row.get(name) for name in ("choice", "strength", "both_bad")}
    texts = listed(row.get("rationales") or [], "rationales")
    said["rationale"] = "\n".join(map(str, texts)) or None
    signer = f"export {row['dataset']}" if row.get("dataset") else "export"
    if row.get("source") != Source.ENSEMBLE:
        return {"labels": [{"annotator": f"{signer} ({row.get('source')})", **said}]}
    p = {"a": row.get("p_a"), "tie": row.get("p_tie"), "b": row.get("p_b")}.get(str(row["choice"]))
    return {"votes": [{"judge": signer, "family": "export", "confidence": p, **said}]}


def _parsed(row: Row, name: str) -> Any:
    """A column that holds JSON as a text. Raises BadRow where it does not."""
    if row.get(name) is None:
        return None
    try:
        return json.loads(row[name])
    except (TypeError, ValueError, RecursionError):
        raise BadRow(row[name], f"{name} holds no JSON; give it as it was written") from None


PRESETS = (
    Preset(
        name="tiebreak-export",
        about="the folder of our own export: every pair that it shows",
        kept="all ids, with A and B exchanged where one has them so; conversations, tools, models, "
        "families, domain, source, `expected` and kept columns; a label that people settled as one "
        "of `export NAME (review)`, one of the panel as a vote of the judge `export NAME`",
        refused="columns of JSON that hold none",
        columns=_READ | _DROPPED.keys(),
        dropped=_DROPPED,
        fits=having("pair_id", "names", "pair_hash", "response_a", "response_b"),
        rows=_rows,
        example={
            "pair_id": "p1",
            "names": [{"id": "p1", "mirrored": False}],
            "pair_hash": "5f0c",
            "prompt": [{"role": "user", "content": "Name a prime."}],
            "response_a": "7",
            "response_b": "9",
            "domain": "maths",
            "data_source": "mine",
            "choice": "a",
            "strength": 2,
            "both_bad": False,
            "rationales": ["7 has no divisor."],
            "source": "review",
            "split": "train",
            "dataset": "first",
        },
    ),
)
