"""The preference rows of TRL: explicit, implicit and unpaired.

Source: huggingface.co/docs/trl/dataset_formats, "Preference" and "Unpaired preference", and
`trl.extract_prompt` for the implicit prompt; `tools` may be a JSON text, as its trainers read it.
"""

from db.imports.fields import BadRow, Row
from db.imports.presets.beside import BESIDE, beside
from db.imports.presets.cells import MEDIA, no_media, tools_of, yes
from db.imports.presets.parting import separated
from db.imports.presets.preferred import preferred
from db.imports.presets.preset import Columns, Preset, alone, having
from db.imports.presets.transcripts import is_transcript
from db.imports.presets.unpaired import JOINED, SAID, Unpaired, of_row, pairing

_PREFERENCE = frozenset({"prompt", "chosen", "rejected", "tools", "chat_template_kwargs"})
_IMPLICIT = (_PREFERENCE - {"prompt"}) | BESIDE | MEDIA
_TEMPLATE = {"chat_template_kwargs": "settings of a chat template, no part of the text"}


def _fits(columns: Columns, row: Row) -> bool:
    texts = (row.get("prompt"), row.get("chosen"), row.get("rejected"))
    return {"chosen", "rejected"} <= columns and not any(is_transcript(text) for text in texts)


def _explicit(columns: Columns, row: Row) -> bool:
    return "prompt" in columns and _fits(columns, row)


def _implicit(columns: Columns, row: Row) -> bool:
    """Beside texts no column may be unknown: it might hold the prompt."""
    asked = {"prompt", "instruction", "input", "question", "messages", "conversations"}
    if asked & columns or not _fits(columns, row):
        return False
    return columns <= _IMPLICIT or not isinstance(row.get("chosen"), str)


def _explicit_rows(row: Row) -> list[Row]:
    if row.get("prompt") is None and isinstance(row.get("chosen"), str):
        raise BadRow(
            None, "prompt is missing; if chosen and rejected begin with it, say --as trl-implicit"
        )
    return _rows(row)


def _rows(row: Row) -> list[Row]:
    no_media(row)
    prompt, chosen, rejected = separated(row.get("prompt"), row.get("chosen"), row.get("rejected"))
    return [preferred(prompt, chosen, rejected, tools=tools_of(row), **beside(row))]


def _unpaired(row: Row) -> Unpaired:
    return of_row(row, row.get("prompt"), row.get("completion"), yes(row, "label"))


PRESETS = (
    Preset(
        name="trl",
        about="preference rows: `prompt`, `chosen`, `rejected` as texts or messages",
        kept="all messages and `tools`; chosen as one label, or as the vote of `judge` with its "
        "scores; scores without a judge and margins in `meta`",
        refused="texts without a prompt; a prompt that is not what whole dialogues in chosen and "
        "rejected begin with",
        columns=_PREFERENCE | BESIDE | MEDIA,
        dropped=_TEMPLATE,
        fits=_explicit,
        rows=_explicit_rows,
        example={
            "prompt": [{"role": "user", "content": "Name a prime."}],
            "chosen": [{"role": "assistant", "content": "7"}],
            "rejected": [{"role": "assistant", "content": "9"}],
        },
    ),
    Preset(
        name="trl-implicit",
        about="preference rows without a prompt: `chosen` and `rejected` share their beginning",
        kept="the longest shared beginning before an assistant message is the prompt, what follows "
        "the responses, one message or several; of texts, up to a whole word",
        refused="two dialogues or texts that share no beginning",
        columns=_IMPLICIT,
        dropped=_TEMPLATE,
        fits=_implicit,
        rows=_rows,
        example={
            "chosen": [
                {"role": "user", "content": "Name a prime."},
                {"role": "assistant", "content": "7"},
            ],
            "rejected": [
                {"role": "user", "content": "Name a prime."},
                {"role": "assistant", "content": "9"},
            ],
        },
    ),
    Preset(
        name="trl-unpaired",
        about="rows of one response (KTO): `prompt`, `completion`, `label` true or false",
        kept="each true response of a prompt and annotator beside each false one, as one label",
        refused="rows of a prompt that has true responses only, or false ones; a response called "
        "both",
        columns=frozenset({"prompt", "completion", "label", "chat_template_kwargs"}) | SAID | MEDIA,
        dropped=_TEMPLATE | JOINED,
        fits=having("prompt", "completion", "label"),
        rows=alone,
        whole=pairing(_unpaired),
        example={"prompt": "Name a prime.", "completion": "7", "label": True},
        beside=({"prompt": "Name a prime.", "completion": "9", "label": False},),
    ),
)
