"""Keeps gold out of everything that learns: by prompt, by group, and by the text of its answers.

Which prompts are one group is decided in `judges.alike.groups`; leaves out where gold is stored
(`db.gold.gold_set`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from db.conversation import Messages
from db.gold import GoldSet
from judges.alike.groups import Groups, group
from trainer.export.answers import GoldAnswers

SAME, NEAR, ANSWER = "gold", "near_gold", "gold_answer"
"""Why a prompt must not be learnt from: it is a gold prompt, of one's group, or holds an answer."""


@dataclass(frozen=True)
class Apart:
    """Prompts in their groups, and which of them nothing may learn from (content hash -> why)."""

    groups: Groups = field(default_factory=Groups)
    leaking: Mapping[str, str] = field(default_factory=dict)


def keep_apart(prompts: Iterable[tuple[str, Messages]], gold: GoldSet) -> Apart:
    """Group prompts (content hash, messages; iterated more than once) together with gold's."""
    read = _Read(prompts, gold)
    groups = group(read)
    golden = {groups.of(key) for key in gold.prompts}
    leaking = dict.fromkeys(read.holding, ANSWER)
    leaking |= {key: NEAR for key, name in groups.names.items() if name in golden}
    return Apart(groups, leaking | dict.fromkeys(gold.prompts, SAME))


def leaks(prompts: Mapping[str, Messages], gold: Mapping[str, Messages]) -> dict[str, str]:
    """Which prompts are gold prompts or of a group with one: content hash -> SAME or NEAR."""
    found = keep_apart(prompts.items(), GoldSet(prompts=gold)).leaking
    return {key: found[key] for key in prompts if key in found}


class _Read:
    """The prompts with gold's behind them; notes which of them hold a gold answer."""

    def __init__(self, prompts: Iterable[tuple[str, Messages]], gold: GoldSet) -> None:
        self._prompts, self._gold = prompts, gold.prompts
        self._answers = GoldAnswers(gold.answers)
        self.holding: set[str] = set()

    def __iter__(self) -> Iterator[tuple[str, Messages]]:
        gold = dict(self._gold)
        for key, messages in self._prompts:
            gold.pop(key, None)
            if self._answers.stand_in(messages):
                self.holding.add(key)
            yield key, messages
        yield from gold.items()
