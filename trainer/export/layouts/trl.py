"""TRL's explicit preference rows with all provenance, which this project reads again."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from db.exports.pairs import ExportPair
from db.probabilities import FLAT
from db.vocabulary import Choice
from trainer.export.layout import Layout
from trainer.export.selection import ExportOptions
from trainer.export.tables import MESSAGES, probabilities, strings
from trainer.export.writing import Parquet, Row
from trainer.vocabulary import Format

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
    ]
)


def rows(pair: ExportPair, options: ExportOptions) -> list[Row]:
    """`prompt`, `chosen`, `rejected` and `meta`; of a tie `response_a` and `response_b`.

    `meta.soft_target` is the probability that the chosen response is the better one, a tie counted
    half.
    """
    form = options.format
    a, b = _response(pair.a, form), _response(pair.b, form)
    row = {"prompt": _prompt(pair, form), "meta": meta(pair)}
    if pair.choice == Choice.TIE:
        return [row | {"response_a": a, "response_b": b}]
    chosen, rejected = (a, b) if pair.choice == Choice.A else (b, a)
    return [row | {"chosen": chosen, "rejected": rejected}]


def _table(folder: Path, place: str, options: ExportOptions) -> Parquet:
    text = pa.string() if options.format == "plain" else MESSAGES
    both = ("response_a", "response_b") if place == "ties" else ("chosen", "rejected")
    schema = pa.schema([("prompt", text), *((name, text) for name in both), ("meta", _META)])
    return Parquet(folder, "ties/ties" if place == "ties" else f"data/{place}", schema)


def _prompt(pair: ExportPair, form: Format) -> Any:
    # Plain rows are concatenated by trainers, so the prompt ends where the response may begin.
    return pair.prompt + "\n\n" if form == "plain" else pair.messages


def _response(text: str, form: Format) -> Any:
    return text if form == "plain" else [{"role": "assistant", "content": text}]


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
        "rankings": [_places(each, a_first) for each in pair.rankings],
    }


def _places(each: tuple[int, int, int], a_first: bool) -> dict[str, int]:
    key, a, b = each
    first, second = (a, b) if a_first else (b, a)
    return {"id": key, "place_chosen": first, "place_rejected": second}


TRL = Layout(
    name="trl",
    about="explicit preference rows with all provenance in `meta`; ties, votes and pairs beside",
    rows=rows,
    table=_table,
    whole=True,
)
