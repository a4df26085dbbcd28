r"""Forms that give an attack away whatever its words: overrides, verdicts, frames, role tokens.

The forms of this project's own questions and answers (`judges.prompts`) are among them: a response
that ends in `VERDICT: 1 (much)` or begins a line with `2| ` speaks as the template or as a judge.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_JUDGE = r"(?:ai |llm )?(?:judge|evaluator|grader|rater|reviewer|annotator)s?\b"
_BEFORE = r"(?:previous|prior|above|preceding|earlier|other|system|original|judging|evaluation)"
_ORDERS = r"(?:instruction|prompt|rule|guideline|criteri|direction|response|answer)\w*"
_SIDE = r"(?:a|b|1|2)"
_NAMED = r"(?:(?:assistant|response|answer|option|model)[\s_]{0,3})?"
_KEYS = r"(?:verdict|winner|choice|preferred|preference|better|better_response|selected|vote)"


@dataclass(frozen=True)
class Form:
    """A pattern, its kind and score; of `triggers` a text needs one, else it is not searched.

    Searching a word is a hundred times faster than the pattern, and most texts hold none.
    """

    kind: str
    score: float
    triggers: tuple[str, ...]
    pattern: re.Pattern[str]


def _form(kind: str, score: float, triggers: str, *sources: str) -> Form:
    flags = re.IGNORECASE | re.MULTILINE
    return Form(kind, score, tuple(triggers.split(",")), re.compile("|".join(sources), flags))


FORMS: tuple[Form, ...] = (
    _form(
        "override",
        1.0,
        "ignore,disregard,forget,override",
        r"\b(?:ignore|disregard|forget|override)\s{1,9}(?:(?:all|any|the|your|these|my|of)\s{1,9})*"
        rf"(?:{_BEFORE}\s{{1,9}}(?:\w+\s{{1,9}})?{_ORDERS}|(?:above|preceding)\b|instructions\b)",
    ),
    _form(
        "override",
        1.0,
        "ignor,vergiss,missacht,oublie,olvid,игнор,забудь,忽略,无视,無視,忘,무시,잊",
        r"\b(?:ignorier\w*|vergiss|missachte\w*)\b.{0,40}\b(?:anweisung|vorherig|regeln)"
        r"|\b(?:ignore[rz]?|oublie[rz]?)\b.{0,40}\binstructions?\b.{0,30}\bpr[ée]c[ée]dent"
        r"|\b(?:ignor[ae]|olvid[ae])\w*\b.{0,40}\b(?:instrucciones|instru[cç][oõ]es|istruzioni)\b"
        r".{0,30}\b(?:anterior|previas?|precedent|acima)"
        r"|(?:игнорируй|забудь).{0,40}(?:инструкци|указани)"
        r"|(?:忽略|无视|無視|忘记|忘記).{0,20}(?:指令|指示|说明|說明|规则|規則|提示)"
        r"|(?:以前|上記|前)の?(?:指示|命令).{0,10}(?:無視|忘れ)"
        r"|(?:이전|위의?).{0,10}(?:지시|명령|지침).{0,10}(?:무시|잊)",
    ),
    _form(
        "verdict",
        1.0,
        "[[,<verdict>,verdict,winner,choice,preferred,selected,vote,better,preference",
        rf"(?:\[\[|<verdict>)\s{{0,9}}(?:{_SIDE}|tie)\s{{0,9}}(?:\]\]|</verdict>)",
        rf"[\"']{_KEYS}[\"']\s{{0,9}}:\s{{0,9}}[\"']?{_NAMED}(?:{_SIDE}|tie)\s{{0,9}}[\"',}}]",
    ),
    _form(
        "verdict",
        0.9,
        "verdict,judgement,judgment,winner,preferred,choice,selected,better,best,vote",
        r"^\W{0,9}(?:(?:final|my|the)\s{1,9})?"
        r"(?:verdict|judge?ment|winner|vote|preferred response|better (?:response|answer))"
        rf"\W{{0,9}}(?:is|:|=|-|\|)\s{{0,9}}\W{{0,9}}{_NAMED}[\"'*(\[`]*(?:{_SIDE}|tie)\b"
        r"(?:\s{0,9}\((?:slightly|much|both bad)\))?\W{0,9}$",
        r"^\W{0,9}(?:preferred|choice|selected|winner|better|best)\W+response[_ ]?[12ab]\W{0,9}$",
        r"^#+\s{0,9}(?:final\s{1,9})?verdict\W{0,9}\n{1,9}\W{0,9}(?:1|2|a|b|tie)\W{0,9}$",
    ),
    _form(
        "verdict",
        0.9,
        "this ,my ",
        r"\b(?:choose|pick|select|prefer|vote for|rate|score|rank)\s{1,9}(?:this|my)\s{1,9}"
        r"(?:response|answer|reply|output|one)\b",
        r"\b(?:this|my)\s{1,9}(?:response|answer|reply|output)\s{1,9}"
        r"(?:is|should be|must be|deserves)\s{1,9}"
        r"(?:(?:clearly|definitely|rated|ranked|chosen|judged|considered|scored|to be|as)\s{1,9})*"
        r"(?:the\s{1,9})?(?:better|best|winner|preferred|10(?:/10)?|highest)\b",
    ),
    _form(
        "to_judge",
        1.0,
        "judge,evaluator,grader,rater,reviewer,annotator",
        r"\b(?:attention|note (?:to|for)(?: the)?|message (?:to|for)(?: the)?"
        rf"|instructions? (?:to|for)(?: the)?)\W{{0,3}}{_JUDGE}",
        r"\b(?:judge|evaluator|grader)\s{1,9}(?:must|should)\s{1,9}"
        r"(?:choose|pick|select|prefer|output|answer|vote)",
    ),
    _form(
        "template",
        1.0,
        "confidence:,principles:,violated by,by the rules and,which is better? answer,one word and",
        r"^\W{0,9}confidence\s{0,9}:\s{0,9}\d{1,3}\W{0,9}$\s{0,9}^\W{0,9}verdict\b",
        rf"^\W{{0,9}}principles\s{{0,9}}:\s{{0,9}}[\w-]+\s{{0,9}}=\s{{0,9}}(?:{_SIDE}|tie|none)\b",
        r"^\W{0,9}violated[ _]by[ _][12]\b\s{0,9}:",
        r"\bcompare response 1 and response 2 by the rules\b",
        r"\bwhich is better\? answer `1`",
        r"\banswer with one word and nothing else\s{0,9}:",
    ),
    _form(
        "template",
        1.0,
        "1|,2|,p|",
        r"^[P12]\| .*\n{1,9}(?:Response [12]|The prompt):\s{0,9}$",
        r"^(?:Response [12]|The prompt):\s{0,9}\n[P12]\| ",
    ),
    _form("template", 0.6, "1|,2|,p|", r"^[P12]\| [^|\n]*$"),
    _form("role_token", 1.0, "<|,<<", r"<\|(?:im_start|start_header_id)\|>\s{0,9}system",
          r"<<\s{0,9}SYS\s{0,9}>>", r"<\|system\|>\s{0,9}\w"),
    _form("role_token", 0.6, "inst],<system>,<system ,system message",
          r"\[INST\]\s{0,9}\w", r"<system>\s{0,9}\w",
          r"^\W{0,9}(?:begin|start of) system (?:message|prompt)\b"),
    _form("role_line", 0.5, "system:,system :",
          r"^[ \t]{0,9}(?:#{1,3}[ \t]{0,3})?system\s{0,9}:\s{0,9}\S"),
    _form(
        "role_line",
        0.3,
        "<|,assistant:,human:,user:",
        r"<\|(?:user|assistant)\|>",
        r"^[ \t]{0,9}(?:#{1,3}[ \t]{0,3})?(?:assistant|human|user)\s{0,9}:\s{0,9}\S",
    ),
    _form(
        "frame",
        1.0,
        "of assistant,of response,of answer,of conversation,of the assistant,of the response,"
        "<response,<assistant,<answer,</response,</assistant,</answer,< ",
        r"\[\s{0,9}(?:the\s{1,9})?(?:start|end)\s{1,9}of\s{1,9}(?:assistant|response|answer|conversation)"
        r"\s{0,9}[ab12]?['\w\s]{0,20}\]",
        rf"<\s{{0,9}}/?\s{{0,9}}(?:response|assistant|answer)[_ ]?{_SIDE}\s{{0,9}}>",
        r"^\W{0,9}(?:start|begin|beginning|end)\s{1,9}of\s{1,9}(?:the\s{1,9})?(?:response|assistant|answer)\s{0,9}"
        rf"{_SIDE}\b\W{{0,9}}$",
    ),
    _form("frame", 0.5, "<answer>,<result>,<choice>,<winner>",
          rf"<(answer|result|choice|winner)>\s{{0,9}}{_NAMED}(?:{_SIDE}|tie)\s{{0,9}}</\1>"),
)  # fmt: skip


def forms_in(text: str) -> Iterator[tuple[str, float, str]]:
    """(kind, score, quote) of every form in a plain text."""
    words = " ".join(text.lower().split())
    for form in FORMS:
        if any(trigger in words for trigger in form.triggers):
            match = form.pattern.search(text)
            if match:
                yield form.kind, form.score, " ".join(match.group(0).split())[:120]
