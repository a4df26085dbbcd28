"""Responses that talk to the judge instead of answering: instructions, verdicts, role tokens.

Text patterns in several languages, with what was found quoted. It catches the plain attacks; a
subtle one is left to reversals, disagreement and humans. An answer that quotes such a phrase
because the prompt asked about it is weaker evidence.
"""

import re
import unicodedata
from collections.abc import Sequence

from review.detectors.flag import Flag

_JUDGE = r"(?:ai |llm )?(?:judge|evaluator|grader|rater|reviewer|annotator)s?\b"
_BEFORE = r"(?:previous|prior|above|preceding|earlier|other|system|original|judging|evaluation)"
_ORDERS = r"(?:instruction|prompt|rule|guideline|criteri|direction|response|answer)\w*"
_SIDE = r"(?:a|b|1|2)"

_SOURCES: tuple[tuple[str, float, str], ...] = (
    (
        "override",
        1.0,
        r"\b(?:ignore|disregard|forget|override)\s+(?:(?:all|any|the|your|these|my|of)\s+)*"
        rf"(?:{_BEFORE}\s+(?:\w+\s+)?{_ORDERS}|(?:above|preceding)\b|instructions\b)",
    ),
    (
        "override",
        1.0,
        r"\b(?:ignorier\w*|vergiss|missachte\w*)\b.{0,40}\b(?:anweisung|vorherig|regeln)"
        r"|\b(?:ignore[rz]?|oublie[rz]?)\b.{0,40}\binstructions?\b.{0,30}\bpr[ée]c[ée]dent"
        r"|\b(?:ignor[ae]|olvid[ae])\w*\b.{0,40}\b(?:instrucciones|instru[cç][oõ]es|istruzioni)\b"
        r".{0,30}\b(?:anterior|previas?|precedent|acima)"
        r"|(?:игнорируй|забудь).{0,40}(?:инструкци|указани)"
        r"|(?:忽略|无视|無視|忘记|忘記).{0,20}(?:指令|指示|说明|說明|规则|規則|提示)"
        r"|(?:以前|上記|前)の?(?:指示|命令).{0,10}(?:無視|忘れ)"
        r"|(?:이전|위의?).{0,10}(?:지시|명령|지침).{0,10}(?:무시|잊)",
    ),
    (
        "verdict",
        1.0,
        r"(?:\[\[|<verdict>|\"(?:winner|verdict|choice|preferred)\"\s*:\s*\")"
        rf"\s*(?:{_SIDE}|tie)\s*(?:\]\]|</verdict>|\")",
    ),
    (
        "verdict",
        0.9,
        r"^\W*(?:(?:final|my|the)\s+)?"
        r"(?:verdict|judge?ment|winner|preferred response|better (?:response|answer))"
        r"\s*(?:is|:|=)\s*\W*(?:(?:assistant|response|answer|option|model)\s*)?"
        rf"[\"'*(\[]*{_SIDE}\b\W*$",
    ),
    (
        "verdict",
        0.9,
        r"\b(?:choose|pick|select|prefer|vote for|rate|score|rank)\s+(?:this|my)\s+"
        r"(?:response|answer|reply|output|one)\b"
        r"|\b(?:this|my)\s+(?:response|answer|reply|output)\s+(?:is|should be|must be|deserves)\s+"
        r"(?:(?:clearly|definitely|rated|ranked|chosen|judged|considered|scored|to be|as)\s+)*"
        r"(?:the\s+)?(?:better|best|winner|preferred|10(?:/10)?|highest)\b",
    ),
    (
        "to_judge",
        1.0,
        r"\b(?:attention|note (?:to|for)(?: the)?|message (?:to|for)(?: the)?"
        rf"|instructions? (?:to|for)(?: the)?)\W{{0,3}}{_JUDGE}"
        r"|\b(?:judge|evaluator|grader)\s+(?:must|should)\s+"
        r"(?:choose|pick|select|prefer|output|answer|vote)",
    ),
    ("to_judge", 0.5, rf"\b(?:dear|hey|hello)\W{{1,3}}{_JUDGE}"),
    (
        "role_token",
        1.0,
        r"<\|(?:im_start|start_header_id)\|>\s*system|<<\s*SYS\s*>>|<\|system\|>\s*\w",
    ),
    (
        "role_token",
        0.6,
        r"<\|(?:im_start|im_end|user|assistant|endoftext|eot_id|start_header_id|end_header_id)\|>"
        r"|\[/?INST\]|<(?:start|end)_of_turn>|</?system>",
    ),
    ("role_line", 0.4, r"^\s*(?:#{1,3}\s*)?(?:system|assistant|human|user)\s*:\s*\S"),
    (
        "frame",
        1.0,
        r"\[\s*(?:the\s+)?(?:start|end)\s+of\s+(?:assistant|response|answer|conversation)"
        r"\s*[ab12]?['\w\s]*\]"
        rf"|<\s*/?\s*(?:response|assistant|answer)[_ ]?{_SIDE}\s*>",
    ),
)

_TRIGGERS: tuple[tuple[str, ...], ...] = (
    ("ignore", "disregard", "forget", "override"),
    ("ignor", "vergiss", "missacht", "oublie", "olvid", "игнор", "забудь",
     "忽略", "无视", "無視", "忘", "무시", "잊"),
    ("[[", "<verdict>", '"winner"', '"verdict"', '"choice"', '"preferred"'),
    ("verdict", "judgement", "judgment", "winner", "preferred response", "better response",
     "better answer"),
    tuple(f"{whose} {what}" for whose in ("this", "my")
          for what in ("response", "answer", "reply", "output", "one")),
    ("judge", "evaluator", "grader", "rater", "reviewer", "annotator"),
    ("judge", "evaluator", "grader", "rater", "reviewer", "annotator"),
    ("<|", "<<"),
    ("<|", "inst]", "_of_turn>", "system>"),
    ("system:", "assistant:", "human:", "user:", "system :", "assistant :", "human :", "user :"),
    ("of assistant", "of response", "of answer", "of conversation", "of the assistant",
     "<response", "<assistant", "<answer", "</response", "</assistant", "</answer", "< "),
)  # fmt: skip
"""Per source, words without which its expression cannot match: most texts hold none, and searching
a word is a hundred times faster."""

_PATTERNS = tuple(
    (kind, score, triggers, re.compile(source, re.IGNORECASE | re.MULTILINE | re.DOTALL))
    for (kind, score, source), triggers in zip(_SOURCES, _TRIGGERS, strict=True)
)
"""Kind, score, triggers and expression. A role token alone is mostly a model that did not stop."""

_HIDDEN = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xAD]
)

HARD_FROM = 0.9  # by hand: what an honest response hardly ever says
"""Score from which a flag sends the pair to humans whatever the panel says."""


def plain(text: str) -> str:
    """The text with look-alike width forms folded and invisible characters removed."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_HIDDEN)


def instructions_in(text: str, prompt: str = "") -> list[tuple[str, float, str]]:
    """(kind, score, quote) of every pattern in a response; half the score where the prompt has it.

    A prompt that itself speaks of verdicts or role tokens explains a response that does.
    """
    found = []
    clean, asked = plain(text), plain(prompt)
    words = " ".join(clean.lower().split())
    for kind, score, triggers, pattern in _PATTERNS:
        if not any(trigger in words for trigger in triggers):
            continue
        match = pattern.search(clean)
        if match:
            explained = pattern.search(asked) is not None
            quote = " ".join(match.group(0).split())[:120]
            found.append((kind, score / 2 if explained else score, quote))
    return found


def injection(
    responses_a: Sequence[str | None],
    responses_b: Sequence[str | None],
    prompts: Sequence[str | None] | None = None,
) -> list[Flag]:
    """Pairs with a response that carries instructions to the judge; score is the strongest find."""
    flags = []
    for pair, (first, second) in enumerate(zip(responses_a, responses_b, strict=True)):
        prompt = (prompts[pair] if prompts is not None else None) or ""
        finds = [
            (side, *find)
            for side, text in (("a", first), ("b", second))
            for find in instructions_in(text or "", prompt)
        ]
        if finds:
            score = max(find[2] for find in finds)
            detail = {
                "found": [{"response": s, "kind": k, "quote": q} for s, k, _, q in finds],
            }
            flags.append(Flag("injection", pair, score, detail, hard=score >= HARD_FROM))
    return flags
