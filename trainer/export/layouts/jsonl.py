"""A pair a line, which `tiebreak import pairs` reads: nothing is left out."""

from pathlib import Path

from db.conversation import is_plain
from db.exports.pairs import ExportPair
from trainer.export.layout import Layout, Writing, each
from trainer.export.tables import probabilities, strings
from trainer.export.writing import JsonLines, Row


def rows(pair: ExportPair, writing: Writing) -> list[Row]:
    """The pair with A and B, its settled label as one of `labels`, the rest in `meta`."""
    label = {
        "annotator": f"export {writing.name}",
        "choice": pair.choice,
        "strength": pair.strength,
        "both_bad": pair.both_bad,
        "rationale": "\n".join(pair.rationales) or None,
    }
    return [
        {
            "pair_id": pair.name,
            "prompt": asked(pair),
            "response_a": pair.a if pair.said_a is None else pair.said_a,
            "response_b": pair.b if pair.said_b is None else pair.said_b,
            **about(pair),
            "labels": [{name: value for name, value in label.items() if value}],
            "meta": {**(pair.kept or {}), "tiebreak": provenance(pair)},
        }
    ]


def asked(pair: ExportPair) -> object:
    """A single plain question as its text, else messages."""
    (first, *more) = pair.messages
    return first["content"] if not more and is_plain(first) and _is_user(first) else pair.messages


def _is_user(message: dict[str, object]) -> bool:
    return message["role"] == "user"


def about(pair: ExportPair) -> Row:
    """What an import reads beside texts and labels, where it is known."""
    told = {
        "tools": pair.tools,
        "model_a": pair.model_a,
        "model_b": pair.model_b,
        "family_a": pair.family_a,
        "family_b": pair.family_b,
        "domain": pair.domain,
        "source": pair.data_source,
        "expected": pair.expected,
    }
    return {name: value for name, value in told.items() if value is not None}


def provenance(pair: ExportPair) -> Row:
    """Where the label comes from and how sure it is."""
    told = {
        "source": pair.label_source,
        "route": pair.route,
        "reasons": strings(pair.reasons),
        "flags": list(pair.flags),
        "certificate": pair.certificate,
        **(probabilities(pair.p) if pair.p else {}),
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def _table(folder: Path, split: str, writing: Writing) -> JsonLines:
    return JsonLines(folder, split)


JSONL = Layout(
    name="jsonl",
    about="`train.jsonl` and so on, a pair a line as `tiebreak import pairs` reads it: A and B, "
    "`labels` with the settled one, kept columns and provenance in `meta`; ties stand among them",
    left_out="nothing",
    rows=each(rows),
    table=_table,
    ties="within",
)
