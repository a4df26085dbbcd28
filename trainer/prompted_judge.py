"""The next judge without training: corrections and reasons of experts become a chapter of rules.

Where the panel was wrong and an expert said why, the reason is a criterion and the case a
precedent. The chosen ones differ as much as they can (farthest first on their words). The chapter
stands beside the constitution in force, so a prompted judge that reads it is a new version, gated
like any other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from db.errors import BadInput
from db.vocabulary import Choice
from judges.constitution import Chapter, Principle
from judges.trust.near_duplicates import word_runs
from trainer.card import model_card
from trainer.workspace import Workspace, publish_files

CHAPTER = "constitution.toml"
_LONGEST = 280
_SHORTEST = 10


@dataclass(frozen=True)
class Correction:
    """A case people settled against votes of the panel: the share that missed it, and why."""

    pair_id: str
    prompt: str
    better: str
    worse: str
    reason: str
    missed: float


def corrections(
    rows: Sequence[dict[str, Any]], missed: dict[str, float], texts: Sequence[tuple[str, str, str]]
) -> list[Correction]:
    """Rows with an expert's reason on which some of the panel was wrong, the worst missed first.

    texts: prompt, better and worse response of each row.
    """
    found = []
    for row, (prompt, better, worse) in zip(rows, texts, strict=True):
        meta = row["meta"]
        share = missed.get(meta["pair_id"], 0.0)
        reason = next((r.strip() for r in meta["rationales"] if len(r.strip()) >= _SHORTEST), "")
        if share > 0 and reason and meta["choice"] != Choice.TIE:
            found.append(Correction(meta["pair_id"], prompt, better, worse, reason, share))
    return sorted(found, key=lambda each: (-each.missed, each.pair_id))


def farthest(texts: Sequence[str], count: int) -> list[int]:
    """Greedy choice of texts: the first, then always the one least like those chosen (Jaccard)."""
    if not texts:
        return []
    words = [frozenset(text.lower().split()).union(word_runs(text)) for text in texts]
    chosen = [0]
    near = np.array([_jaccard(words[0], each) for each in words])
    while len(chosen) < min(count, len(texts)):
        near[chosen] = np.inf
        pick = int(near.argmin())
        chosen.append(pick)
        near = np.maximum(near, [_jaccard(words[pick], each) for each in words])
    return chosen


def chapter(found: Sequence[Correction], name: str, criteria: int, precedents: int) -> Chapter:
    """Criteria are experts' reasons in their words; precedents are cases with the reason."""
    picked = [found[i] for i in farthest([each.reason for each in found], criteria)]
    cases = [found[i] for i in farthest([each.prompt for each in found], precedents)]
    rules = [
        Principle(id=f"{name}-{i + 1}", group="learnt from corrections", text=_short(each.reason))
        for i, each in enumerate(picked)
    ]
    rules += [
        Principle(
            id=f"{name}-case-{i + 1}",
            group="precedents",
            text=(
                f"Asked {_short(each.prompt, 120)!r}, experts put {_short(each.better, 120)!r} "
                f"before {_short(each.worse, 120)!r}: {_short(each.reason)}"
            ),
        )
        for i, each in enumerate(cases)
    ]
    return Chapter(name=name, title="Learnt from corrections", principle=tuple(rules))


def write(
    found: Sequence[Correction],
    work: Workspace,
    judge: str,
    dataset: str,
    criteria: int = 8,
    precedents: int = 4,
) -> dict[str, Any]:
    """Write the checkpoint folder: the chapter, and metadata that name the judge to be asked."""
    if not found:
        raise BadInput(
            f"dataset {dataset!r} has no correction with a reason: no pair where people, giving "
            "one, went against a vote of the panel; ask for reasons in the review app"
        )
    made = chapter(found, "learnt", criteria, precedents)
    metadata = {
        "kind": "judge",
        "style": "prompted",
        "judge": judge,
        "base": judge,
        "dataset": dataset,
        "max_length": 0,
        "rows": {"train": len(found), "criteria": len(made.principle)},
        "curve": [],
        "validation": None,
    }

    def save(folder: Path) -> None:
        (folder / CHAPTER).write_text(as_toml(made), encoding="utf-8")

    publish_files(work, save, metadata, model_card(work.name, metadata))
    return metadata


def as_toml(made: Chapter) -> str:
    """The chapter as a file the panel's configuration can name."""
    lines = [f"name = {_quoted(made.name)}", f"title = {_quoted(made.title)}", "domains = []"]
    for rule in made.principle:
        lines += ["", "[[principle]]"]
        lines += [f"{key} = {_quoted(getattr(rule, key))}" for key in ("id", "group", "text")]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for a bare DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _short(text: str, longest: int = _LONGEST) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 3] + "..."


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)
