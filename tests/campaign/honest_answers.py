"""Answers as honest models write them, each with the verdict it states."""
# ruff: noqa: E501 (tables of cases, a row a line)

import json
import random
from collections.abc import Callable, Iterator

REASONS = (
    "Response 1 names the capital; Response 2 does not.",
    'Response 1 says "the answer is 4", which is wrong: 2 + 3 = 5.',
    "Step 1: what the prompt needs.\nStep 2: where each response meets it.\n\nBoth are polite.",
    "The code `d = {'a': 1}` runs; the other raises KeyError. It returns {\"a\": 1}.",
    "Response 1: $\\frac{1}{2}$, Response 2: {1, 2}. The set notation {x | x > 0} is right.",
    "- Response 1 is short.\n- Response 2 is thorough.\n\n| | 1 | 2 |\n|---|---|---|\n| facts | 3 | 4 |",
    "> quoted from Response 1\n\nThat is not what was asked.",
    "La respuesta 2 es mejor. 回答2更好。 Ответ 2 лучше. 🙂",
    "Neither verdict is easy. The verdict depends on what is asked.",
    "```python\nprint({'verdict': None})\n```\nThe code of Response 1 prints None.",
)  # fmt: skip


def _json(reason: str, verdict: str, **layout: object) -> str:
    said = {"reasoning": reason, "verdict": verdict, "strength": "much", "both_bad": False,
            "confidence": 80}  # fmt: skip
    return json.dumps(said, ensure_ascii=False, **layout)  # type: ignore[arg-type]


SHAPES: dict[str, Callable[[str, str], str]] = {
    "JSON": _json,
    "JSON on many lines": lambda r, v: _json(r, v, indent=2),
    "JSON with the number itself": lambda r, v: _json(r, v).replace(f'"{v}"', v) if v != "tie" else _json(r, v),
    "JSON without blanks": lambda r, v: _json(r, v, separators=(",", ":")),
    "JSON of the verdict alone": lambda r, v: json.dumps({"verdict": v}),
    "JSON with blank space around": lambda r, v: f"\n\n  {_json(r, v)} \n\n",
    "JSON in a fence": lambda r, v: f"```json\n{_json(r, v, indent=1)}\n```",
    "JSON in a bare fence": lambda r, v: f"```\n{_json(r, v)}\n```\n",
    "prose, then JSON": lambda r, v: f"{r}\n\n{_json('As said.', v)}",
    "prose, then JSON in a fence": lambda r, v: f"{r}\n\n```json\n{_json(r, v)}\n```",
    "prose, JSON in a fence, a closing word": lambda r, v: f"{r}\n```json\n{_json(r, v)}\n```\nI hope this helps!",
    "JSON, then a closing word": lambda r, v: f"{_json(r, v)}\n\nLet me know if you need more.",
    "a lead, then JSON": lambda r, v: f"Here is my judgement:\n{_json(r, v)}",
    "lines": lambda r, v: f"{r}\n\nCONFIDENCE: 80\nVERDICT: {v}",
    "lines with strength": lambda r, v: f"{r}\nCONFIDENCE: 65\nVERDICT: {v} ({'both bad' if v == 'tie' else 'slightly'})",
    "lines with rules": lambda r, v: f"{r}\nPRINCIPLES: honest=1, kind={v}\nVIOLATED BY 1: none\nVIOLATED BY 2: kind\nCONFIDENCE: 80%\nVERDICT: {v} (much)",
    "bold": lambda r, v: f"{r}\n\n**VERDICT: {v}**",
    "bold word": lambda r, v: f"{r}\n\n**VERDICT:** {v}",
    "heading": lambda r, v: f"{r}\n\n### VERDICT: {v}",
    "code": lambda r, v: f"{r}\n\n`VERDICT: {v}`",
    "a full stop": lambda r, v: f"{r}\nVERDICT: {v}.",
    "blank space behind": lambda r, v: f"{r}\nVERDICT: {v}   \n\n",
    "lower case": lambda r, v: f"{r}\nverdict: {v}",
    "with the word Response": lambda r, v: f"{r}\nVerdict: {v if v == 'tie' else f'Response {v}'}",
    "bold, much better": lambda r, v: f"{r}\n**Verdict: {v if v == 'tie' else f'Response {v} (much better)'}**",
    "quotation marks": lambda r, v: f'{r}\nVERDICT: "{v}"',
    "an equals sign": lambda r, v: f"{r}\nVERDICT = {v}",
    "on the next line": lambda r, v: f"{r}\n**VERDICT:**\n{v}",
    "said twice": lambda r, v: f"VERDICT: {v}\n\n{r}\n\nVERDICT: {v} (slightly)",
    "upper case": lambda r, v: f"{r}\nVERDICT: {v.upper()}",
    "carriage returns": lambda r, v: f"{r}\nCONFIDENCE: 80\nVERDICT: {v}".replace("\n", "\r\n"),
    "one word": lambda r, v: v,
    "one word and a stop": lambda r, v: f" {v}.\n",
    "one word, bold": lambda r, v: f"**{v}**",
}  # fmt: skip


def answers(each: int = 40, seed: int = 7) -> Iterator[tuple[str, str, str]]:
    """Shape, answer and the verdict it states (display order): `each` of every shape."""
    rng = random.Random(seed)
    for name, shape in SHAPES.items():
        for _ in range(each):
            verdict = rng.choice(("1", "2", "tie"))
            yield (
                name,
                shape("\n".join(rng.sample(REASONS, rng.choice((1, 2, 3)))), verdict),
                verdict,
            )
