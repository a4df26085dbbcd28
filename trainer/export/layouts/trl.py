"""TRL's explicit preference rows with all provenance, which this project reads again."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from db.datasets import TIES
from db.exports.pairs import ExportPair
from db.probabilities import FLAT
from db.vocabulary import Choice
from trainer.export.conversations import asked_columns, prompt, response, said_type
from trainer.export.layout import Layout, Writing, each
from trainer.export.tables import probabilities, strings
from trainer.export.writing import Parquet, Row, json_text

_PLACES = pa.list_(
    pa.struct([("id", pa.int64()), ("place_chosen", pa.int16()), ("place_rejected", pa.int16())])
)
_META = pa.struct(
    [
        ("pair_id", pa.string()),
        ("pair_hash", pa.string()),
        ("prompt_hash", pa.string()),
        ("group", pa.string()),
        ("choice", pa.string()),
        ("strength", pa.int8()),
        ("both_bad", pa.bool_()),
        ("soft_target", pa.float64()),
        ("confidence", pa.float64()),
        ("p_a", pa.float64()),
        ("p_tie", pa.float64()),
        ("p_b", pa.float64()),
        ("source", pa.string()),
        ("task_kind", pa.string()),
        ("domain", pa.string()),
        ("data_source", pa.string()),
        ("model_chosen", pa.string()),
        ("model_rejected", pa.string()),
        ("route", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("flags", pa.list_(pa.string())),
        ("rationales", pa.list_(pa.string())),
        ("certificate", pa.string()),
        ("rankings", _PLACES),
        ("kept", pa.string()),
        ("split", pa.string()),
    ]
)


def rows(pair: ExportPair, writing: Writing) -> list[Row]:
    """`prompt`, `chosen`, `rejected` and `meta`; of a tie `response_a` and `response_b`.

    `meta.soft_target` is the probability that the chosen response is the better one, a tie counted
    half.
    """
    asked = prompt(pair, writing) | {"meta": meta(pair) | {"split": writing.split}}
    a, b = (response(said, writing) for said in pair.both)
    if pair.choice == Choice.TIE:
        return [asked | {"response_a": a, "response_b": b}]
    chosen, rejected = (a, b) if pair.choice == Choice.A else (b, a)
    return [asked | {"chosen": chosen, "rejected": rejected}]


def _table(folder: Path, split: str, writing: Writing) -> Parquet:
    names = ("response_a", "response_b") if split == TIES else ("chosen", "rejected")
    schema = pa.schema(
        [*asked_columns(writing), *((n, said_type(writing)) for n in names), ("meta", _META)]
    )
    return Parquet(folder, "ties/ties" if split == TIES else f"data/{split}", schema)


def meta(pair: ExportPair) -> dict[str, Any]:
    """All that is known of a settled pair beside its texts."""
    p, a_first = pair.p or FLAT, pair.choice != Choice.B
    models = (pair.model_a, pair.model_b) if a_first else (pair.model_b, pair.model_a)
    return {
        "pair_id": pair.name,
        "pair_hash": pair.pair_hash,
        "prompt_hash": pair.prompt_hash,
        "group": pair.group,
        "choice": pair.choice,
        "strength": pair.strength,
        "both_bad": pair.both_bad,
        "soft_target": (p if a_first else p.mirrored()).soft_target,
        "confidence": p.confidence,
        **probabilities(p),
        "source": pair.label_source,
        "task_kind": pair.task_kind,
        "domain": pair.domain,
        "data_source": pair.data_source,
        "model_chosen": models[0],
        "model_rejected": models[1],
        "route": pair.route,
        "reasons": strings(pair.reasons),
        "flags": pair.flags,
        "rationales": pair.rationales,
        "certificate": pair.certificate,
        "rankings": [_places(one, a_first) for one in pair.rankings],
        "kept": json_text(pair.kept) if pair.kept else None,
    }


def _places(one: tuple[int, int, int], a_first: bool) -> dict[str, int]:
    key, a, b = one
    first, second = (a, b) if a_first else (b, a)
    return {"id": key, "place_chosen": first, "place_rejected": second}


TRL = Layout(
    name="trl",
    about="Parquet that `datasets` and TRL's trainers read: `prompt`, `chosen`, `rejected`, "
    "`tools`, and all provenance in `meta`; ties, votes and pairs beside",
    left_out="nothing; with `--format plain` what is more than texts",
    rows=each(rows),
    table=_table,
    ties="apart",
    whole=True,
)
