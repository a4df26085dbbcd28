"""The tables of an export as Arrow, with fixed schemas, so that the same rows are the same bytes.

Leaves out which rows there are (`selection`) and where they go (`dataset`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from db.datasets import ExportPair, ExportVote
from db.probabilities import FLAT
from db.vocabulary import Choice
from trainer.vocabulary import Format

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_NAMES = pa.list_(pa.struct([("id", pa.string()), ("mirrored", pa.bool_())]))
_PLACES = pa.list_(
    pa.struct([("id", pa.int64()), ("place_chosen", pa.int16()), ("place_rejected", pa.int16())])
)
_META = pa.struct(
    [
        ("pair_id", pa.string()),
        ("pair_hash", pa.string()),
        ("prompt_hash", pa.string()),
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
_PAIRS = pa.schema(
    [
        ("pair_id", pa.string()),
        ("names", _NAMES),
        ("pair_hash", pa.string()),
        ("prompt", _MESSAGES),
        ("response_a", pa.string()),
        ("response_b", pa.string()),
        ("model_a", pa.string()),
        ("model_b", pa.string()),
        ("domain", pa.string()),
        ("data_source", pa.string()),
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
        ("certificate", pa.string()),
        ("split", pa.string()),
    ]
)
_VOTES = pa.schema(
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
        ("confidence", pa.float64()),
        ("p_a", pa.float64()),
        ("rationale", pa.string()),
        ("principles", pa.string()),
        ("abstain_reason", pa.string()),
    ]
)


def preference_table(pairs: Sequence[ExportPair], form: Format) -> pa.Table:
    """TRL's explicit preference rows: prompt, chosen, rejected, and all provenance in `meta`.

    `soft_target` is the probability that the chosen response is the better one, a tie counted half.
    """
    text = pa.string() if form == "plain" else _MESSAGES
    schema = pa.schema([("prompt", text), ("chosen", text), ("rejected", text), ("meta", _META)])
    return pa.Table.from_pylist([_preference(pair, form) for pair in pairs], schema=schema)


def tie_table(pairs: Sequence[ExportPair], form: Format) -> pa.Table:
    """Pairs settled as equally good (or, `meta.both_bad`, equally bad), in stored order."""
    text = pa.string() if form == "plain" else _MESSAGES
    schema = pa.schema(
        [("prompt", text), ("response_a", text), ("response_b", text), ("meta", _META)]
    )
    rows = [
        {
            "prompt": _prompt(pair, form),
            "response_a": _response(pair.a, form),
            "response_b": _response(pair.b, form),
            "meta": _meta(pair),
        }
        for pair in pairs
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def pair_table(pairs: Sequence[ExportPair], split_of: dict[int, str]) -> pa.Table:
    """Every pair that may be shown, settled or not, in stored order."""
    rows = [
        {
            "pair_id": pair.name,
            "names": [{"id": name, "mirrored": mirrored} for name, mirrored in pair.names],
            "prompt": pair.messages,
            "response_a": pair.a,
            "response_b": pair.b,
            "source": pair.label_source,
            "reasons": _strings(pair.reasons),
            "flags": list(pair.flags),
            "split": split_of.get(pair.id),
            **(asdict(pair.p) if pair.p is not None else {}),
        }
        | {name: getattr(pair, name) for name in _PAIRS.names if _same_name(name)}
        for pair in pairs
    ]
    return pa.Table.from_pylist(rows, schema=_PAIRS)


def vote_table(votes: Sequence[ExportVote], names: dict[int, str]) -> pa.Table:
    """Every vote on the pairs named, in stored order."""
    rows = [
        {
            name: getattr(vote, name)
            for name in _VOTES.names
            if name not in ("pair_id", "principles")
        }
        | {
            "pair_id": names[vote.pair_id],
            "principles": json.dumps(vote.principles, sort_keys=True) if vote.principles else None,
        }
        for vote in votes
        if vote.pair_id in names
    ]
    return pa.Table.from_pylist(rows, schema=_VOTES)


def _same_name(name: str) -> bool:
    return name in ExportPair.__dataclass_fields__ and name not in ("prompt", "reasons", "flags")


def _preference(pair: ExportPair, form: Format) -> dict[str, Any]:
    chosen, rejected = (pair.a, pair.b) if pair.choice == Choice.A else (pair.b, pair.a)
    return {
        "prompt": _prompt(pair, form),
        "chosen": _response(chosen, form),
        "rejected": _response(rejected, form),
        "meta": _meta(pair),
    }


def _prompt(pair: ExportPair, form: Format) -> Any:
    # Plain rows are concatenated by trainers, so the prompt ends where the response may begin.
    return pair.prompt + "\n\n" if form == "plain" else pair.messages


def _response(text: str, form: Format) -> Any:
    return text if form == "plain" else [{"role": "assistant", "content": text}]


def _meta(pair: ExportPair) -> dict[str, Any]:
    p, a_first = pair.p or FLAT, pair.choice != Choice.B
    models = (pair.model_a, pair.model_b) if a_first else (pair.model_b, pair.model_a)
    return {
        "pair_id": pair.name,
        "pair_hash": pair.pair_hash,
        "prompt_hash": pair.prompt_hash,
        "choice": pair.choice,
        "strength": pair.strength,
        "both_bad": pair.both_bad,
        "soft_target": (p if a_first else p.mirrored()).soft_target,
        "confidence": p.confidence,
        **asdict(p),
        "source": pair.label_source,
        "task_kind": pair.task_kind,
        "domain": pair.domain,
        "data_source": pair.data_source,
        "model_chosen": models[0],
        "model_rejected": models[1],
        "route": pair.route,
        "reasons": _strings(pair.reasons),
        "flags": list(pair.flags),
        "rationales": list(pair.rationales),
        "certificate": pair.certificate,
        "rankings": [_places(each, a_first) for each in pair.rankings],
    }


def _places(each: tuple[int, int, int], a_first: bool) -> dict[str, int]:
    key, a, b = each
    first, second = (a, b) if a_first else (b, a)
    return {"id": key, "place_chosen": first, "place_rejected": second}


def _strings(values: Iterable[Any]) -> list[str]:
    return [v if isinstance(v, str) else json.dumps(v, sort_keys=True) for v in values]
