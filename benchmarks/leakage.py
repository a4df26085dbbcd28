"""What the groups of prompts find, what they miss and join in error, and what a million cost.

    python benchmarks/leakage.py $DATA                   # recorded sets; both errors
    python benchmarks/leakage.py $DATA --size 100000     # and seconds for so many of 2 KB

Beside the groups stands what splits went by before: the Jaccard index of three-word shingles, 0.9.
"""

import argparse
import gzip
import json
import random
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from judges.alike.groups import group
from judges.alike.turns import turns
from judges.trust.near_duplicates import word_runs

Messages = list[dict[str, Any]]
Change = Callable[[str, random.Random], str | None]
LONG = re.compile(r"\b[a-z]{8,}\b")
LINE = "{:28} {:>7} {:>8} {:>8}"


def sets(data: Path) -> dict[str, dict[str, Messages]]:
    """The distinct prompts of every recorded set."""
    found: dict[str, dict[str, Messages]] = {}
    for path in sorted(data.glob("*/pairs.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            prompts = [json.loads(line)["prompt"] for line in lines]
        found[path.parent.name] = {
            json.dumps(p): p if isinstance(p, list) else [{"role": "user", "content": p}]
            for p in prompts
        }
    return found


def _slip(change: Callable[[str, int], str]) -> Change:
    """A change of one letter inside one long lower-case word."""

    def changed(text: str, rng: random.Random) -> str | None:
        words = list(LONG.finditer(text))
        if not words:
            return None
        at = rng.choice(words)
        word = change(at[0], rng.randrange(1, len(at[0]) - 2))
        return text[: at.start()] + word + text[at.end() :] if word != at[0] else None

    return changed


def _exchanged(text: str, rng: random.Random) -> str | None:
    words = text.split()
    places = [i for i, word in enumerate(words) if word.isalpha() and len(word) > 3]
    if len(places) < 2:
        return None
    i, j = rng.sample(places, 2)
    if words[i].lower() == words[j].lower():
        return None
    words[i], words[j] = words[j], words[i]
    return " ".join(words)


def _negated(text: str, _: random.Random) -> str | None:
    return re.sub(r"\b(is|are|do|can|should)\b", r"\1 not", text, count=1) if re.search(
        r"\b(is|are|do|can|should)\b(?! not|n't)", text
    ) else None  # fmt: skip


SAME: dict[str, Change] = {
    "a full stop": lambda text, _: text + ".",
    "capitals": lambda text, _: text.upper(),
    "white space": lambda text, _: text.replace(" ", "  ") + "\n",
    "please": lambda text, _: "Could you please " + text[:1].lower() + text[1:] + " Thanks!",
    "two letters exchanged": _slip(lambda w, i: w[:i] + w[i + 1] + w[i] + w[i + 2 :]),
    "a letter dropped": _slip(lambda w, i: w[:i] + w[i + 1 :]),
    "a letter changed": _slip(lambda w, i: w[:i] + "q" + w[i + 1 :]),
}
APART: dict[str, Change] = {
    "another number": lambda text, _: text + " in 8 lines",
    "another name": lambda text, _: text + " asks Marie",
    "a negation": _negated,
    "two words exchanged": _exchanged,
    "another word": lambda text, _: text + " in a car",
}
BEFORE = {
    "another number": " in 7 lines",
    "another name": " asks Maria",
    "another word": " in a cat",
}


def errors(prompts: dict[str, Messages], rng: random.Random) -> None:
    """Of prompts changed so that they ask the same, or not, how many are one group."""
    texts = sorted({turns(messages)[0].text for messages in prompts.values()})
    texts = [text for text in texts if 20 <= len(text) <= 400]
    for want, changes in (("together", SAME), ("apart", APART)):
        print(LINE.format(f"\nto be {want}", "prompts", "groups", "0.9"))
        for name, change in changes.items():
            both = [(text + BEFORE.get(name, ""), change(text, rng)) for text in texts]
            told = [(one, other) for one, other in both if other and one != other]
            ours = sum(_joined(one, other) for one, other in told) / len(told)
            triples = sum(_alike(one, other) >= 0.9 for one, other in told) / len(told)
            print(LINE.format(name, len(told), f"{ours:.1%}", f"{triples:.1%}"))


def _joined(one: str, other: str) -> bool:
    said = [(key, [{"role": "user", "content": text}]) for key, text in (("1", one), ("2", other))]
    return bool(group(said).names)


def _alike(one: str, other: str) -> float:
    mine, theirs = set(word_runs(one)), set(word_runs(other))
    return len(mine & theirs) / len(mine | theirs)


class Random:
    """So many prompts of 2 KB, the same each time: words, a template, or growing conversations."""

    def __init__(self, kind: str, n: int, words: list[str]) -> None:
        self.kind, self.n, self.words = kind, n, words

    def __iter__(self) -> Iterator[tuple[str, Messages]]:
        rng = random.Random(1)
        frame = " ".join(rng.choices(self.words, k=320)).lower()
        for i in range(self.n):
            yield f"{i:064x}", self._prompt(i, rng, frame)

    def _prompt(self, i: int, rng: random.Random, frame: str) -> Messages:
        if self.kind == "words":
            said = [" ".join(rng.choices(self.words, k=330))]
        elif self.kind == "template":
            said = [f"{frame} about {rng.choice(self.words)} {rng.choice(self.words)}".lower()]
        else:
            of = random.Random(i // 5)
            said = [" ".join(of.choices(self.words, k=60)) for _ in range(9)][: i % 5 * 2 + 1]
        return [
            {"role": ("user", "assistant")[turn % 2], "content": text}
            for turn, text in enumerate(said)
        ]


def main() -> None:
    """Print the tables of docs/design/leakage.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, default=0, help="prompts of 2 KB; 0 leaves it out")
    args = parser.parse_args()
    found = sets(args.data)
    print(LINE.format("set", "prompts", "grouped", "largest"))
    for name, prompts in found.items():
        sizes = group(prompts.items()).sizes()
        print(LINE.format(name, len(prompts), sizes.total(), max(sizes.values(), default=0)))
    errors(found["hh_harmless"], random.Random(0))
    words = sorted({w for p in found["hh_harmless"] for w in re.findall(r"[A-Za-z]+", p)})
    for kind in ("words", "template", "conversations") if args.size else ():
        prompts = Random(kind, args.size, words)
        start = time.process_time()
        sizes = group(prompts).sizes()
        spent = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{kind}: {args.size:,} prompts, {len(sizes):,} groups, {spent:.0f} s, {peak} MB")


if __name__ == "__main__":
    main()
