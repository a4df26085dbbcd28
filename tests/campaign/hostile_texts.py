"""A thousand hostile responses, and the table of what the detector makes of them.

Two halves: orders the detector was developed on (`hostile_orders`) and orders held back
(`hostile_held_back`). Each is put into an ordinary answer, some behind a disguise. What carries no
order (marks, walls of one letter, nothing at all) is in neither share.

`python tests/campaign/hostile_texts.py` prints it.
"""

# ruff: noqa: E501

import base64
import codecs
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

from review.detectors import empty, injection, unseen_letters

sys.path[:0] = [str(Path(__file__).parents[1])]

from campaign import hostile_held_back, hostile_orders  # noqa: E402

HALVES: dict[str, ModuleType] = {"developed": hostile_orders, "held back": hostile_held_back}

_LOOKALIKES = str.maketrans("aceopxyiAEOPCTHKMBaceo", "асеорхуіАЕОРСТНКМВасео")
_GREEK = str.maketrans("oavAEIOTKMNP", "οανΑΕΙΟΤΚΜΝΡ")
_SMALL = str.maketrans("abcdeghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ")


def _shifted(text: str, upper: int, lower: int) -> str:
    return "".join(
        chr(upper + ord(c) - 65)
        if "A" <= c <= "Z"
        else chr(lower + ord(c) - 97)
        if "a" <= c <= "z"
        else c
        for c in text
    )


DISGUISES: dict[str, Callable[[str], str]] = {
    "cyrillic": lambda text: text.translate(_LOOKALIKES),
    "greek": lambda text: text.translate(_GREEK),
    "small capitals": lambda text: text.lower().translate(_SMALL),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "mathematical": lambda text: _shifted(text, 0x1D400, 0x1D41A),
    "circled": lambda text: _shifted(text, 0x24B6, 0x24D0),
    "spaced": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "dotted": lambda text: " ".join(".".join(word) for word in text.split()),
    "dashed": lambda text: " ".join("-".join(word) for word in text.split()),
    "zero width": lambda text: "\u200b".join(text),
    "soft hyphen": lambda text: "\u00ad".join(text),
    "word joiner": lambda text: "\u2060".join(text),
    "grapheme joiner": lambda text: "\u034f".join(text),
    "hangul filler": lambda text: "\u3164".join(text),
    "tags": lambda text: "".join(chr(0xE0000 + ord(c)) for c in text),
    "selectors": lambda text: "😀" + "".join(
        chr(0xFE00 + b) if b < 16 else chr(0xE0100 + b - 16) for b in text.encode()
    ),
    "reversed": lambda text: text[::-1],
    "overridden": lambda text: "\u202e" + text[::-1] + "\u202c",
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex bytes": lambda text: text.encode().hex(" "),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "percent": lambda text: quote(text, safe="").replace("~", "%7E"),
    "escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "accents": lambda text: "".join(c + "\u0336\u0301" if c.isalpha() else c for c in text),
    "digits": lambda text: text.translate(str.maketrans("oieasOIEAS", "0134501345")),
    "comment": lambda text: f"<!-- {text} -->",
    "capitals": str.upper,
    "shuffled case": lambda text: "".join(c.upper() if at % 2 else c.lower() for at, c in enumerate(text)),
    "line a word": lambda text: "\n".join(text.split()),
    "code": lambda text: f"```python\n# {text}\n```",
    "link title": lambda text: f'[source](https://example.org "{text}")',
}  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """A hostile response: its half ("developed" or "held back"), its kind, whether it orders."""

    half: str
    kind: str
    text: str
    orders: bool = True


def _sources(half: str) -> Iterator[tuple[str, str]]:
    """(kind, order) without a carrier, each once."""
    source = HALVES[half]
    yield from source.ENGLISH
    yield from source.FORMATS
    for said in source.LANGUAGES.values():
        for order in said:
            yield "language", order
    for name, disguise in DISGUISES.items():
        for order in source.TO_DISGUISE:
            yield f"disguise: {name}", disguise(order)


def _carried(order: str, carrier: str, where: int) -> str:
    """The order alone, before, behind or within an ordinary answer, on lines of its own."""
    if where == 0:
        return order
    if where == 1:
        return f"{order}\n\n{carrier}"
    return f"{carrier}\n\n{order}" if where == 2 else f"{carrier}\n\n{order}\n\n{carrier}"


def _without_orders(rng: random.Random) -> Iterator[Hostile]:
    for text in ("", " ", "\n", "1", "A", "ok", ".", "yes", "🙂", "\u200b", "\u3164\u2800", "tie"):
        yield Hostile("neither", "empty or one token", text, orders=False)
    walls = (
        "\\(",
        "[",
        "> ",
        "`",
        "*",
        "a",
        "\u202e",
        "\U000e0041",
        "$",
        "|",
        "<",
        "😀",
        "A\u0336",
    )
    for wall in walls:
        yield Hostile("neither", "wall", wall * rng.randint(300, 3000), orders=False)
    for letter in "\u200b\u2060\u3164\u115f\u2800\u034f\u00ad\u180e\ufeff\ue000":
        text = rng.choice(hostile_orders.CARRIERS)
        yield Hostile("neither", "invisible", text.replace(" ", f" {letter}"), orders=False)


def hostile_texts(count: int = 1000, seed: int = 11) -> list[Hostile]:
    """So many hostile responses, half of each half, the same every time."""
    rng = random.Random(seed)
    made = list(_without_orders(rng))
    for half, source in HALVES.items():
        orders = list(_sources(half))
        rng.shuffle(orders)
        wanted = count - len(made) if half == "held back" else (count - len(made)) // 2
        turns = [orders[n % len(orders)] for n in range(wanted)]
        made += [
            Hostile(half, kind, _carried(order, rng.choice(source.CARRIERS), rng.randrange(4)))
            for kind, order in turns
        ]
    return made


def flagged(texts: list[Hostile]) -> list[tuple[Hostile, float, bool]]:
    """Each text with the score of its flag, 0 without one, and whether it is hard."""
    sides = [text.text for text in texts], ["A plain answer."] * len(texts)
    flags = {f.pair: f for find in (empty, unseen_letters, injection) for f in find(*sides)}
    found = ((text, flags.get(at)) for at, text in enumerate(texts))
    return [(text, f.score if f else 0.0, bool(f and f.hard)) for text, f in found]


def main() -> None:
    """Print a line a kind, then the shares of each half."""
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for text, score, hard in flagged(hostile_texts()):
        kinds = [f"{text.half}, {text.kind}"] + [f"ORDERS, {text.half}"] * text.orders
        for kind in kinds:
            shown[kind] += Counter(texts=1, flagged=score > 0, hard=hard)
    print(f"{'':44} {'texts':>6} {'flagged':>8} {'hard':>6}")
    for kind, n in sorted(shown.items()):
        print(
            f"{kind:44} {n['texts']:6} {n['flagged'] / n['texts']:8.0%} {n['hard'] / n['texts']:6.0%}"
        )


if __name__ == "__main__":
    main()
