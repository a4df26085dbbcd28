"""LLaMA-Factory's preference and KTO rows, in ShareGPT and in Alpaca form.

Source: its data/README.md: "Preference Dataset" and "KTO Dataset" of both formats. The prompt of an
Alpaca row is `instruction`, a line break and `input`, after the turns of `history`. Older Alpaca
rows have both answers as a list in `output`, the better one first.
"""

from typing import Any

from db.conversation import Messages
from db.imports.fields import BadRow, Row
from db.imports.presets.beside import BESIDE, beside
from db.imports.presets.cells import MEDIA, listed, no_media, tools_of, yes
from db.imports.presets.parting import with_system
from db.imports.presets.preferred import preferred
from db.imports.presets.preset import Columns, Preset, alone, having
from db.imports.presets.sharegpt import functions_of, messages_of
from db.imports.presets.unpaired import JOINED, SAID, Unpaired, of_row, pairing

_SHAREGPT = frozenset({"conversations", "chosen", "rejected", "system", "tools"})
_ALPACA = frozenset({"instruction", "input", "chosen", "rejected", "output", "system", "history"})


def _sharegpt_prompt(row: Row) -> Messages:
    found: Messages = with_system(
        row.get("system"), messages_of(row.get("conversations"), "conversations")
    )
    if not found:
        raise BadRow(None, "conversations holds no message")
    return found


def _sharegpt(row: Row) -> list[Row]:
    no_media(row)
    prompt = _sharegpt_prompt(row)
    answers = [messages_of(row.get(name), name) for name in ("chosen", "rejected")]
    return [preferred(prompt, *answers, tools=functions_of(tools_of(row)), **beside(row))]


def _sharegpt_single(row: Row) -> Unpaired:
    """Its demonstration data call the columns `messages` and `label`."""
    row = {**row, "conversations": _one_of(row, "conversations", "messages")}
    row["kto_tag"] = _one_of(row, "kto_tag", "label")
    said = _sharegpt_prompt(row)
    if len(said) < 2 or said[-1]["role"] != "assistant":
        raise BadRow(said[-1]["role"], "conversations must end with an answer")
    return _single(row, said[:-1], said[-1:])


def _alpaca_prompt(row: Row) -> Any:
    texts = [row.get("instruction"), row.get("input")]
    if not all(isinstance(t, str) for t in texts if t is not None) or not any(texts):
        raise BadRow(texts, "instruction and input must be texts, one of them not empty")
    asked = "\n".join(text for text in texts if text)
    turns: Messages = []
    for turn in listed(row.get("history") or [], "history"):
        if (
            not isinstance(turn, list)
            or len(turn) != 2
            or not all(isinstance(t, str) for t in turn)
        ):
            raise BadRow(turn, f"history holds {turn!r:.80}; a turn is [question, answer]")
        turns += [
            {"role": "user", "content": turn[0]},
            {"role": "assistant", "content": turn[1]},
        ]
    prompt: Any = [*turns, {"role": "user", "content": asked}] if turns else asked
    return with_system(row.get("system"), prompt)


def _alpaca(row: Row) -> list[Row]:
    no_media(row)
    both = [row.get("chosen"), row.get("rejected")]
    if both == [None, None]:
        both = listed(row.get("output"), "output")
    elif row.get("output") not in (None, ""):
        raise BadRow(row["output"], "output is a third answer beside chosen and rejected")
    if len(both) != 2 or not all(isinstance(text, str) for text in both):
        raise BadRow(both, "chosen and rejected must be texts")
    return [preferred(_alpaca_prompt(row), *both, tools=functions_of(tools_of(row)), **beside(row))]


def _alpaca_single(row: Row) -> Unpaired:
    if not isinstance(row.get("output"), str):
        raise BadRow(row.get("output"), f"output is {row.get('output')!r:.80}; it must be a text")
    return _single(row, _alpaca_prompt(row), row["output"])


def _single(row: Row, prompt: Any, said: Any) -> Unpaired:
    tools = functions_of(tools_of(row))
    return of_row({**row, "tools": tools}, prompt, said, yes(row, "kto_tag"))


def _one_of(row: Row, name: str, other: str) -> Any:
    """The one of two columns that has a value. Raises BadRow where both have one."""
    there = [row[key] for key in (name, other) if row.get(key) not in (None, "")]
    if len(there) > 1:
        raise BadRow(there, f"{name} and {other} both have a value; leave one of them out")
    return there[0] if there else None


def _fits_kto(columns: Columns, row: Row) -> bool:
    said = bool({"conversations", "messages"} & columns) and not {"prompt", "chosen"} & columns
    return said and ("kto_tag" in columns or isinstance(row.get("label"), bool))


def _fits_alpaca(columns: Columns, row: Row) -> bool:
    if "instruction" not in columns or "kto_tag" in columns:
        return False
    both = row.get("output")
    return {"chosen", "rejected"} <= columns or (isinstance(both, list) and len(both) == 2)


PRESETS = (
    Preset(
        name="llama-factory-sharegpt",
        about="`conversations` of {from, value}, `chosen` and `rejected`, `system`, `tools`",
        kept="all turns; function calls as `tool_calls`, observations as tool messages, tools as "
        "functions; chosen as one label",
        refused="roles that are not known, calls that are no JSON, pictures, films and sound",
        columns=_SHAREGPT | BESIDE | MEDIA,
        fits=having("conversations", "chosen", "rejected"),
        rows=_sharegpt,
        example={
            "conversations": [{"from": "human", "value": "Name a prime."}],
            "chosen": {"from": "gpt", "value": "7"},
            "rejected": {"from": "gpt", "value": "9"},
            "system": "Answer with a number.",
        },
    ),
    Preset(
        name="llama-factory-sharegpt-kto",
        about="`conversations` of {from, value} that end with an answer, or `messages`; `kto_tag` "
        "or `label`, true or false",
        kept="each true answer of a prompt beside each false one, as one label",
        refused="answers of a prompt that has no answer of the other kind; an answer called both",
        columns=frozenset({"conversations", "messages", "system", "kto_tag", "label"})
        | SAID
        | MEDIA,
        dropped=JOINED,
        fits=_fits_kto,
        rows=alone,
        whole=pairing(_sharegpt_single),
        example={
            "conversations": [
                {"from": "human", "value": "Name a prime."},
                {"from": "gpt", "value": "7"},
            ],
            "kto_tag": True,
        },
        beside=(
            {
                "conversations": [
                    {"from": "human", "value": "Name a prime."},
                    {"from": "gpt", "value": "9"},
                ],
                "kto_tag": False,
            },
        ),
    ),
    Preset(
        name="llama-factory-alpaca",
        about="`instruction`, `input`, `history`, `system`, and `chosen` and `rejected`, or both "
        "answers as a list in `output`",
        kept="instruction and input as one message after the history; chosen as one label",
        refused="a third answer in `output`; a history of anything but [question, answer]",
        columns=_ALPACA | {"tools"} | BESIDE | MEDIA,
        fits=_fits_alpaca,
        rows=_alpaca,
        example={
            "instruction": "Name a number of this kind.",
            "input": "prime",
            "chosen": "7",
            "rejected": "9",
            "history": [["Hello", "Hello. What shall I do?"]],
        },
    ),
    Preset(
        name="llama-factory-alpaca-kto",
        about="`instruction`, `input`, `history`, `system`, `output`, `kto_tag` true or false",
        kept="each true answer of a prompt beside each false one, as one label",
        refused="answers of a prompt that has no answer of the other kind; an answer called both",
        columns=(_ALPACA - {"chosen", "rejected"}) | {"kto_tag"} | SAID | MEDIA,
        dropped=JOINED,
        fits=having("instruction", "output", "kto_tag"),
        rows=alone,
        whole=pairing(_alpaca_single),
        example={"instruction": "Name a prime.", "input": "", "output": "7", "kto_tag": True},
        beside=({"instruction": "Name a prime.", "input": "", "output": "9", "kto_tag": False},),
    ),
)
