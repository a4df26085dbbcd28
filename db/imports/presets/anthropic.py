"""Anthropic's rows of helpful and harmless dialogues, and what is said of their red-team attempts.

Source: the dataset card of Anthropic/hh-rlhf: `chosen` and `rejected` are texts of Human: and
Assistant: paragraphs; `red-team-attempts` are single transcripts with ratings, not for preference
modelling. Copies with the shared beginning in `prompt` (Dahoas/full-hh-rlhf) are read too.
"""

from db.imports.fields import BadRow, Row
from db.imports.presets.beside import BESIDE, beside
from db.imports.presets.parting import parted
from db.imports.presets.preferred import preferred
from db.imports.presets.preset import Columns, Preset
from db.imports.presets.transcripts import asked, is_transcript, turns

_RED_TEAM = frozenset({"transcript", "rating", "red_team_member_id"})


def _fits(columns: Columns, row: Row) -> bool:
    if {"transcript", "rating"} <= columns:
        return True
    begins = row.get("prompt") if "prompt" in columns else row.get("chosen")
    return {"chosen", "rejected"} <= columns and is_transcript(begins)


def _rows(row: Row) -> list[Row]:
    if row.get("transcript") is not None:
        raise BadRow(None, "a transcript with a rating has one answer a turn, so there is no pair")
    if row.get("rating") is not None:
        raise BadRow(row["rating"], "a rating is of one dialogue, so it says nothing of a pair")
    if row.get("prompt") is None:
        prompt, chosen, rejected = parted(
            turns(row.get("chosen"), "chosen"), turns(row.get("rejected"), "rejected")
        )
        return [preferred(prompt, chosen, rejected, **beside(row))]
    answers = []
    for name in ("chosen", "rejected"):
        if not isinstance(row.get(name), str):
            raise BadRow(row.get(name), f"{name} is {row.get(name)!r:.80}; it must be a text")
        answers.append(row[name].strip())
    if isinstance(row.get("response"), str) and row["response"].strip() != answers[0]:
        raise BadRow(row["response"][:80], "response is not the chosen answer again")
    return [preferred(asked(row["prompt"], "prompt"), *answers, **beside(row))]


PRESETS = (
    Preset(
        name="anthropic",
        about="dialogues as text: `chosen` and `rejected` of Human: and Assistant: paragraphs",
        kept="the longest shared beginning before an assistant turn is the prompt, what follows "
        "the responses, one turn or several; white space around a turn is left out",
        refused="dialogues that part before any assistant turn; red-team transcripts with a rating",
        columns=frozenset({"prompt", "chosen", "rejected", "response"}) | _RED_TEAM | BESIDE,
        dropped={
            "red_team_member_id": "rows of red-team attempts are refused",
            "response": "the chosen answer again",
        },
        fits=_fits,
        rows=_rows,
        example={
            "chosen": "\n\nHuman: Name a prime.\n\nAssistant: 7",
            "rejected": "\n\nHuman: Name a prime.\n\nAssistant: 9\n\nHuman: Sure?"
            "\n\nAssistant: No, 11.",
        },
    ),
)
