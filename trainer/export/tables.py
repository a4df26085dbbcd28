"""The tables beside the labels, as Arrow with fixed schemas: every pair shown, every vote on them.

Leaves out the labels themselves (`trainer.export.layouts`).
"""

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from db.exports.pairs import ExportPair
from db.exports.votes import ExportVote
from db.probabilities import Probabilities
from trainer.export.conversations import MESSAGES
from trainer.export.layout import Writing
from trainer.export.writing import OBJECTS, Row, json_text

_NAMES = pa.list_(pa.struct([("id", pa.string()), ("mirrored", pa.bool_())]))
_BESIDE = [
    ("model_a", pa.string()),
    ("model_b", pa.string()),
    ("family_a", pa.string()),
    ("family_b", pa.string()),
    ("domain", pa.string()),
    ("data_source", pa.string()),
    ("expected", pa.string()),
    ("kept", pa.string()),
    ("p_a", pa.float64()),
    ("p_tie", pa.float64()),
    ("p_b", pa.float64()),
    ("route", pa.string()),
    ("reasons", pa.list_(pa.string())),
    ("flags", pa.list_(pa.string())),
    ("choice", pa.string()),
    ("strength", pa.int8()),
    ("both_bad", pa.bool_()),
    ("source", pa.string()),
    ("rationales", pa.list_(pa.string())),
    ("certificate", pa.string()),
    ("split", pa.string()),
    ("dataset", pa.string()),
]
VOTES = pa.schema(
    [
        ("pair_id", pa.string()),
        ("judge", pa.string()),
        ("family", pa.string()),
        ("judge_version", pa.string()),
        ("provider", pa.string()),
        ("generation", pa.int32()),
        ("order", pa.string()),
        ("sample", pa.int32()),
        ("choice", pa.string()),
        ("strength", pa.int8()),
        ("both_bad", pa.bool_()),
        ("score_a", pa.float64()),
        ("score_b", pa.float64()),
        ("confidence", pa.float64()),
        ("p_a", pa.float64()),
        ("rationale", pa.string()),
        ("principles", pa.string()),
        ("abstain_reason", pa.string()),
    ]
)


def pairs_schema(writing: Writing) -> pa.Schema:
    """Of every pair shown; `said_a` and `said_b` are the messages of responses that are several."""
    said = [] if writing.plain else [("said_a", OBJECTS), ("said_b", OBJECTS)]
    return pa.schema(
        [
            ("pair_id", pa.string()),
            ("names", _NAMES),
            ("pair_hash", pa.string()),
            ("prompt", MESSAGES if writing.plain else OBJECTS),
            *([] if writing.plain else [("tools", OBJECTS)]),
            ("response_a", pa.string()),
            ("response_b", pa.string()),
            *said,
            *_BESIDE,
        ]
    )


def pair_row(pair: ExportPair, split: str | None, dataset: str) -> Row:
    """A pair that may be shown, settled or not; `split` is that of its label, or `ties`."""
    return {
        "pair_id": pair.name,
        "names": [{"id": name, "mirrored": mirrored} for name, mirrored in pair.names],
        "pair_hash": pair.pair_hash,
        "prompt": pair.messages,
        "tools": pair.tools,
        "response_a": pair.a,
        "response_b": pair.b,
        "said_a": pair.said_a,
        "said_b": pair.said_b,
        "model_a": pair.model_a,
        "model_b": pair.model_b,
        "family_a": pair.family_a,
        "family_b": pair.family_b,
        "domain": pair.domain,
        "data_source": pair.data_source,
        "expected": json_text(pair.expected) if pair.expected else None,
        "kept": json_text(pair.kept) if pair.kept else None,
        "route": pair.route,
        "reasons": strings(pair.reasons),
        "flags": pair.flags,
        "choice": pair.choice,
        "strength": pair.strength,
        "both_bad": pair.both_bad,
        "source": pair.label_source,
        "rationales": pair.rationales,
        "certificate": pair.certificate,
        "split": split,
        "dataset": dataset,
        **(probabilities(pair.p) if pair.p is not None else {}),
    }


def vote_values(vote: ExportVote) -> tuple[Any, ...]:
    """A vote in the order of VOTES, which is that of its fields."""
    if not vote.principles:
        return vote
    said = json.dumps(vote.principles, sort_keys=True)
    return tuple(said if value is vote.principles else value for value in vote)


def probabilities(p: Probabilities) -> Row:
    """As three columns."""
    return {"p_a": p.p_a, "p_tie": p.p_tie, "p_b": p.p_b}


def strings(values: Iterable[Any]) -> list[str]:
    """Texts as they are, all else as JSON."""
    return [v if isinstance(v, str) else json.dumps(v, sort_keys=True) for v in values]
