"""The best of several solutions to each prompt of a file, by a process reward model.

A row has `prompt` and `solutions`, each a list of steps, or `responses`, whose steps are divided by
a separator. Leaves out how right a step is (`trainer.step_scorer`).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.files import FileLimits, Line, open_rows
from db.imports import fields
from db.imports.fields import BadRow
from db.progress import Progress
from db.whole import whole_file
from trainer.step_scorer import StepScorer, worth
from trainer.vocabulary import Worth

_TOGETHER = 64  # rows scored at once; by hand, so that batches fill and a progress bar moves


@dataclass
class Picked:
    """What was picked. cut: solutions of which steps were too far out to be read; rejected: rows
    that could not be used, with the reason of the first.
    """

    rows: int = 0
    solutions: int = 0
    cut: int = 0
    rejected: int = 0
    first_reason: str | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Asked:
    row: dict[str, Any]
    messages: Any
    given: Sequence[Any]
    steps: list[list[str]]


def pick(
    scorer: StepScorer,
    file: Path,
    target: Path,
    rule: Worth,
    separator: str,
    limits: FileLimits,
    progress: Progress,
) -> Picked:
    """Write a line for each row: `best` (index), `solution` as given, and of every solution
    `worth`, `steps` (probabilities) and `cut`. The file is there whole or not at all.

    BadInput where no row can be used.
    """
    told, rows = Picked(), open_rows(file, limits)
    with whole_file(target) as out:
        for asked in _portions(rows.lines, separator, told):
            found = scorer.read([(a.messages, steps) for a in asked for steps in a.steps])
            scores, cut, at = list(found.scores), found.cut.tolist(), 0
            for one in asked:
                end = at + len(one.steps)
                worths = [worth(each, rule) for each in scores[at:end]]
                best = worths.index(max(worths))
                line = {
                    "prompt": one.row["prompt"],
                    "best": best,
                    "solution": one.given[best],
                    "worth": worths,
                    "steps": scores[at:end],
                    "cut": cut[at:end],
                }
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                told.cut += sum(cut[at:end])
                at = end
            told.rows, told.solutions = told.rows + len(asked), told.solutions + at
            progress("best of", told.rows, 0)
        if not told.rows:
            raise BadInput(
                f"{str(file)!r} has no row with a prompt and solutions or responses"
                + (f" (first: {told.first_reason})" if told.first_reason else "")
            )
    told.notes = rows.notes
    return told


def _portions(lines: Iterator[Line], separator: str, told: Picked) -> Iterator[list[_Asked]]:
    asked: list[_Asked] = []
    for line in lines:
        try:
            with fields.one_reason():
                asked.append(_read(line, separator))
        except BadRow as error:
            told.rejected += 1
            told.first_reason = told.first_reason or f"line {line.number}: {error}"
            continue
        if len(asked) == _TOGETHER:
            yield asked
            asked = []
    if asked:
        yield asked


def _read(line: Line, separator: str) -> _Asked:
    row = line.row
    if line.problem is not None or not isinstance(row, dict):
        raise BadRow(None, str(line.problem or "the row is no object"))
    name = next((key for key in ("solutions", "responses") if row.get(key) is not None), None)
    given = row.get(name) if name else None
    if not isinstance(given, list) or not given:
        raise BadRow(given, "a row needs prompt, and a list of solutions or of responses")
    steps = [
        [part.strip() for part in each.split(separator) if part.strip()]
        if isinstance(each, str)
        else [fields.text({"a step": step}, "a step") for step in each]
        for each in given
    ]
    if not any(steps):
        raise BadRow(given, "no solution has a step")
    return _Asked(row, fields.messages(row, "prompt"), given, steps)
