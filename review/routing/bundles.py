"""Which disputed pairs of one prompt are better asked as one order over their candidates. Pure.

To put n candidates in order answers up to n (n - 1) / 2 questions at the cost of little more than
one, because each text is read once. Leaves out the tasks themselves (`rankings`, `db.tasks`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from db.rankings import Disputed

LEAST, MOST = 3, 5


@dataclass(frozen=True)
class Bundle:
    """Candidates of one prompt to put in order, and the waiting pairs that this answers."""

    prompt_id: int
    candidates: tuple[int, ...]
    pairs: tuple[Disputed, ...]

    @property
    def worth(self) -> tuple[int, float]:
        """How many questions it answers, then what they are worth to the queue."""
        return len(self.pairs), sum(pair.priority for pair in self.pairs)


def bundles(disputed: Iterable[Disputed], most: int) -> list[Bundle]:
    """At most one bundle of 3 to `most` candidates for each prompt, the most worth first.

    Only prompts where at least three candidates are tied together by two or more disputed pairs:
    otherwise the pairs by themselves are less to read.
    """
    by_prompt: dict[tuple[int, str | None], list[Disputed]] = defaultdict(list)
    for pair in disputed:
        by_prompt[pair.prompt_id, pair.domain].append(pair)
    best: dict[int, Bundle] = {}
    for (prompt_id, _), pairs in sorted(by_prompt.items(), key=lambda item: str(item[0])):
        found = _grow(prompt_id, pairs, most)
        if found is not None and (prompt_id not in best or found.worth > best[prompt_id].worth):
            best[prompt_id] = found
    return sorted(best.values(), key=lambda one: (*(-w for w in one.worth), one.prompt_id))


def _grow(prompt_id: int, pairs: Sequence[Disputed], most: int) -> Bundle | None:
    """From the most valuable pair on, add whoever is disputed with the most of those chosen."""
    first = max(pairs, key=lambda pair: (pair.priority, -pair.pair_id))
    chosen = list(first.candidates)
    while len(chosen) < most:
        gain: dict[int, tuple[int, float]] = {}
        for pair in pairs:
            outside = [one for one in pair.candidates if one not in chosen]
            if len(outside) == 1:
                count, worth = gain.get(outside[0], (0, 0.0))
                gain[outside[0]] = (count + 1, worth + pair.priority)
        if not gain:
            break
        chosen.append(max(gain, key=lambda one: (*gain[one], -one)))
    inside = tuple(pair for pair in pairs if set(pair.candidates) <= set(chosen))
    if len(chosen) < LEAST:
        return None
    return Bundle(prompt_id, tuple(chosen), inside)
