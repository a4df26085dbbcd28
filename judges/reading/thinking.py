"""Where the thinking of an answer stands, by the marks that models put around it.

A block that opens the answer is thinking for certain; it ends at the first mark that closes one, or
with the text. What else stands between marks may be thinking or may quote some: nobody can tell, so
what it states is no statement of the model's own and still contradicts one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAMES = (
    "think|thinking|thoughts?|thought_process|reason|reasoning|reflection|analysis|scratchpad"
    "|antthinking|(?:inner|internal)_(?:thoughts?|monologue)|(?:inner_)?monologue|rationale_draft"
)
_SPACE = r"[\w.-]{1,20}:"  # of a vendor, as in <seed:think>
_CHANNEL = r"<\|?channel\|?>\s*+"
_MARK = re.compile(
    rf"""
    (?P<opening>
        <(?:{_SPACE})?(?:{_NAMES})(?:\s[^<>\n]{{0,80}})?> | \[THINK(?:ING)?\] | ◁think▷
        | <\|(?:begin_of_|start_|start_of_)?(?:thought|think|thinking|reasoning)\|>
        | <\|inner_prefix\|> | <unused94>(?:thought)?
        | (?:<\|start\|>assistant)?{_CHANNEL}(?:analysis|commentary|thought|thinking)\b
          [^<\n]{{0,80}}(?:<\|message\|>)?
        | \Aanalysis(?=[A-Z].*?assistantfinal)
    )
    | (?P<closing>
        </(?:{_SPACE})?(?:{_NAMES})\s*> | \[/THINK(?:ING)?\] | ◁/think▷
        | <\|(?:end_of_|end_|/)(?:thought|think|thinking|reasoning)\|>
        | <\|inner_suffix\|> | <unused95> | <channel\|>
        | (?:<\|end\|>\s*+)?(?:<\|start\|>assistant)?{_CHANNEL}final\b
          [^<\n]{{0,80}}(?:<\|message\|>)?
        | <\|end\|> | (?<=[\w.!?)])assistantfinal
    )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_BEFORE = re.compile(r"(?:[\s\ufeff]|<\|(?:im_start|start|begin_of_text)\|>(?:assistant)?)*+")
_AFTER = re.compile(r"(?:<\|(?:im_end|end|return|eot_id|endoftext)\|>|</s>|\s)*+\Z")
_INDENT = 40  # characters of blanks before a mark that begins a line
_QUOTED = "\"'`“‘«"  # a mark right behind one of these is spoken of


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]`."""

    start: int
    end: int


def lead(text: str) -> int:
    """Where the thinking that an answer begins with ends; 0 where it begins with none."""
    end = 0
    while True:
        opening = _MARK.match(text, _BEFORE.match(text, end).end())  # type: ignore[union-attr]
        if opening is None:
            return end
        if opening["opening"] is None:  # nothing was thought, or the answer's own channel begins
            end = opening.end()
            continue
        closing = next((m for m in _MARK.finditer(text, opening.end()) if m["closing"]), None)
        if closing is None:
            return len(text)
        end = closing.end()


def parted(text: str) -> tuple[str, str | None]:
    """A text without the thinking it begins with, and that thinking."""
    end = lead(text)
    if not end:
        return text, None
    last = _AFTER.search(text, end) if end < len(text) else None
    return text[end : last.start() if last else end], text[:end]


def doubtful(text: str, own: Sequence[Span]) -> list[Span]:
    """What may be thinking although the text does not begin with it: all before a mark that closes
    what nothing opened (some templates open it themselves), and blocks that begin a line.

    own: spans in which marks are content, such as an object that can be read.
    """
    found: list[Span] = []
    opened: re.Match[str] | None = None
    inside = iter(own)
    span = next(inside, None)
    for mark in _MARK.finditer(text):
        while span is not None and span.end <= mark.start():
            span = next(inside, None)
        if span is not None and span.start <= mark.start():
            continue
        if mark["opening"]:
            if opened is None and _begins_a_line(text, mark.start()):
                opened = mark
        elif opened is not None:
            found.append(Span(opened.start(), mark.end()))
            opened = None
        elif text[mark.start() - 1 : mark.start()] not in tuple(_QUOTED):
            found = [Span(0, mark.end())]
    return found


def _begins_a_line(text: str, at: int) -> bool:
    before = text[max(0, at - _INDENT) : at]
    return not re.split(r"[\r\n]", before)[-1].strip() and (len(before) < _INDENT or "\n" in before)
