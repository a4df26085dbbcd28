"""A pair a line for spreadsheets, which `tiebreak import pairs` reads."""

from pathlib import Path
from typing import Any

from db.exports.pairs import ExportPair
from trainer.export.layout import Layout, Writing, each
from trainer.export.layouts.jsonl import about, asked, provenance
from trainer.export.writing import Csv, Row

COLUMNS = (
    *("pair_id", "prompt", "tools", "response_a", "response_b", "choice", "strength", "both_bad"),
    *("annotator", "rationale", "model_a", "model_b", "family_a", "family_b", "domain", "source"),
    *("expected", "meta"),
)


def rows(pair: ExportPair, writing: Writing) -> list[Row]:
    """One flat row; conversations, tools and `meta` as JSON in their cell."""
    prompt = asked(pair)
    return [
        {
            **about(pair),
            "pair_id": pair.name,
            "prompt": pair.messages if _like_json(prompt) else prompt,
            "response_a": _said(pair.a, pair.said_a, pair.both[0]),
            "response_b": _said(pair.b, pair.said_b, pair.both[1]),
            "choice": pair.choice,
            "strength": pair.strength,
            "both_bad": pair.both_bad or None,
            "annotator": f"export {writing.name}",
            "rationale": "\n".join(pair.rationales),
            "meta": {**(pair.kept or {}), "tiebreak": provenance(pair)},
        }
    ]


def _said(text: str, said: Any, messages: Any) -> Any:
    return messages if said is not None or _like_json(text) else text


def _like_json(cell: Any) -> bool:
    """Whether a text could be taken for the JSON of a conversation, and is written as one."""
    return isinstance(cell, str) and cell.lstrip()[:1] in ("[", "{")


def _table(folder: Path, split: str, writing: Writing) -> Csv:
    return Csv(folder, split, COLUMNS)


CSV = Layout(
    name="csv",
    about="`train.csv` and so on, a pair a line: texts as they are, conversations of several "
    "messages, tools and `meta` as JSON in their cell; ties stand among them",
    left_out="nothing",
    rows=each(rows),
    table=_table,
    ties="within",
)
