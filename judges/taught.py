"""Which pairs a trained judge was taught, and what models blind to their prompts said of them.

A checkpoint may hold `out_of_fold.jsonl`, a taught pair a line: the hashes of its prompt and of the
pair, and p_a, p_b, p_tie, which are null where no blind model answered. A is the response of the
smaller content hash, so that a line means the same in every database. Leaves out how the answers
came to be (`trainer.out_of_fold`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from db.conversation import Spoken
from db.identity import candidate_hash, pair_hash, prompt_hash

OUT_OF_FOLD = "out_of_fold.jsonl"

Said = tuple[float, float, float]
"""Probabilities of A, B and tie."""


class Identity(NamedTuple):
    """Content hashes of a prompt and of a pair of it; turned: whether the second response has the
    smaller hash.
    """

    prompt: str
    pair: str
    turned: bool


@dataclass(frozen=True)
class Taught:
    """prompts: hashes of all that were taught. said: pair hash -> what was said blind."""

    prompts: frozenset[str] = frozenset()
    said: Mapping[str, Said] = field(default_factory=dict)

    def answer(self, one: Identity) -> Said | None:
        """What was said blind of the pair as it is shown: of the first, the second and a tie."""
        said = self.said.get(one.pair)
        if said is None or not one.turned:
            return said
        return said[1], said[0], said[2]


def identity(prompt: str, first: str, second: str) -> Identity:
    """Of texts as a judge is shown them; a `Spoken` one is what its messages are."""
    if isinstance(prompt, Spoken):
        asked = prompt_hash(list(prompt.messages), prompt.tools)
    else:
        asked = prompt_hash([{"role": "user", "content": prompt}])
    one, other = (
        candidate_hash(asked, list(each.messages) if isinstance(each, Spoken) else each)
        for each in (first, second)
    )
    return Identity(asked, pair_hash(one, other), one > other)


def taught(folder: Path) -> Taught:
    """What a checkpoint says of it; nothing where it has no such file."""
    path = folder / OUT_OF_FOLD
    if not path.is_file():
        return Taught()
    prompts, said = set[str](), dict[str, Said]()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            prompts.add(row["prompt"])
            if row["p_a"] is not None:
                said[row["pair"]] = row["p_a"], row["p_b"], row["p_tie"]
    return Taught(frozenset(prompts), said)


def line(one: Identity, said: Said | None) -> str:
    """A line of the file, from what was said of the pair as it is shown."""
    a, b, tie = said or (None, None, None)
    if one.turned:
        a, b = b, a
    return json.dumps({"pair": one.pair, "prompt": one.prompt, "p_a": a, "p_b": b, "p_tie": tie})
