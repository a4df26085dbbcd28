"""What a prompt plainly demands (lengths, counts, formats, words), as checks of a response.

Recognises common wordings only; what it does not recognise it does not judge.
"""

import re
from collections.abc import Callable

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)
ITEM = re.compile(r"^[^\S\n]*(?:[-*•]|\d++[.)])\s++\S", re.MULTILINE)
_SENTENCE = re.compile(r"[^.!?]+[.!?]+[\"')\]]*|[^.!?]+$")


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return [w.lower() for w in _WORD.findall(text)]


_NAMED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: number for number, word in enumerate(_NAMED)}
_N = r"(\d+|" + "|".join(_NUMBERS) + r")"


def demands(prompt: str) -> list[Callable[[str], bool]]:
    """Checks for what the prompt plainly asks: lengths, counts, formats, words to use or avoid."""
    return [*_length_demands(prompt), *_format_demands(prompt), *_word_demands(prompt)]


def _length_demands(prompt: str) -> list[Callable[[str], bool]]:
    found: list[Callable[[str], bool]] = []
    units: list[tuple[str, Callable[[str], int]]] = [
        ("words?", lambda r: len(words(r))),
        ("sentences?", lambda r: len([s for s in _SENTENCE.findall(r) if s.strip()])),
        ("(?:bullet points?|bullets|items)", _items),
        ("paragraphs?", lambda r: len([p for p in re.split(r"\n\s*\n", r) if p.strip()])),
        ("lines?", lambda r: len([x for x in r.splitlines() if x.strip()])),
    ]
    for unit, count in units:
        for limit in re.finditer(
            r"\b(at most|no more than|under|fewer than|less than|within|maximum of|max\.?|up to"
            rf"|at least|more than|exactly|in|about|around)\s+{_N}[\s-]+{unit}\b",
            prompt,
            re.IGNORECASE,
        ):
            found.append(_limit(limit[1].lower(), _number(limit[2]), count))
        for limit in re.finditer(rf"\b(?:a|an|one)\s+{_N}-{unit}\b", prompt, re.IGNORECASE):
            found.append(_limit("in", _number(limit[1]), count))
    return found


def _limit(word: str, wanted: int, count: Callable[[str], int]) -> Callable[[str], bool]:
    if word in ("at least", "more than"):
        return lambda r: count(r) >= wanted + (word == "more than")
    if word in ("exactly", "in") and wanted <= 12:
        return lambda r: count(r) == wanted
    if word in ("about", "around", "exactly", "in"):
        return lambda r: 0.75 * wanted <= count(r) <= 1.25 * wanted
    return lambda r: 0 < count(r) <= wanted - (word in ("under", "fewer than", "less than"))


def _format_demands(prompt: str) -> list[Callable[[str], bool]]:
    said = prompt.lower()
    found: list[Callable[[str], bool]] = []
    if re.search(
        r"\b(?:as|in|valid|return|output|(?:respond|reply) with) (?:a |valid )?json\b", said
    ):
        found.append(_holds_json)
    if re.search(r"\b(?:as|in|with) (?:a )?(?:bullet|numbered|bulleted)", said):
        found.append(lambda r: _items(r) >= 2)
    if re.search(r"\b(?:as|in|with) a (?:markdown )?table\b", said):
        found.append(lambda r: r.count("|") >= 6)
    if re.search(r"\ball caps|all (?:in )?(?:capital|upper)", said):
        found.append(lambda r: r == r.upper() and r != r.lower())
    if re.search(r"\b(?:all|only|entirely) (?:in )?lower ?case", said):
        found.append(lambda r: r == r.lower() and bool(r.strip()))
    if re.search(r"\b(?:only|just) (?:the )?(?:answer|number|word|code|name)\b|nothing else", said):
        found.append(lambda r: 0 < len(words(r)) <= 12 or r.strip().startswith("```"))
    if re.search(r"\bhaiku\b", said):
        found.append(lambda r: len([x for x in r.splitlines() if x.strip()]) in (3, 4))
    if re.search(r"\b(?:brief(?:ly)?|short|concise(?:ly)?|one-line|one line)\b", said):
        found.append(lambda r: 0 < len(words(r)) <= 90)
    return found


def _word_demands(prompt: str) -> list[Callable[[str], bool]]:
    found: list[Callable[[str], bool]] = []
    avoid = r"(?:without (?:using|saying)|(?:do not|don't) (?:use|say|mention)|avoid)"
    for match in re.finditer(
        rf"\b{avoid} (?:the )?(?:words? |letters? |phrase )?[\"'“‘]([^\"'”’]+)[\"'”’]", prompt, re.I
    ):
        banned = match[1].lower()
        found.append(lambda r, banned=banned: banned not in r.lower())  # type: ignore[misc]
    for match in re.finditer(
        r"\b(?:start|begin|end)(?:ing)? with [\"'“‘]([^\"'”’]+)[\"'”’]", prompt, re.I
    ):
        wanted, ends = match[1].lower(), match[0].lower().startswith("end")
        found.append(lambda r, w=wanted, e=ends: _edge(r, w, e))  # type: ignore[misc]
    return found


def _holds_json(response: str) -> bool:
    opens = [at for at in map(response.find, "{[") if at >= 0]
    return bool(opens) and max(map(response.rfind, "}]")) > min(opens)


def _edge(response: str, wanted: str, ends: bool) -> bool:
    text = response.strip().lower()
    return text.rstrip(".!").endswith(wanted.rstrip(".!")) if ends else text.startswith(wanted)


def _items(response: str) -> int:
    return len(ITEM.findall(response))


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]
