"""Responses that talk to the judge instead of answering: orders, verdicts, forms, role tokens.

Every reading of a text is looked at, with its disguise off (`disguise`): by forms that an honest
response hardly ever has (`forms`), most of them hard, and by words that sound like an order
(`orders`), soft unless they do so very much. What is found is quoted. A form that the prompt has,
too, is weaker evidence, and so is an order in answer to a prompt that sounds like one.
"""

from collections.abc import Iterator, Sequence

from review.detectors.disguise import plain, readings
from review.detectors.flag import Flag
from review.detectors.forms import forms_in
from review.detectors.orders import strongest_order

HARD_FROM = 0.9  # by hand: what an honest response hardly ever says
"""Score from which a flag sends the pair to humans whatever the panel says."""

_FEWEST = 0.4  # by hand: what is weaker, or half explained by the prompt, is not told
_LOW, _SURE = 0.5, 0.95  # scores of an order that is just told, and of one that is hard


def _found(clean: str) -> Iterator[tuple[str, float, str]]:
    """(kind, score, quote) in one reading of a text."""
    yield from forms_in(clean)
    order = strongest_order(clean)
    if order is not None:
        score = _SURE if order.sure else _LOW
        if order.disguise:
            yield "disguised", 1.0, f"{order.disguise}: {order.quote}"
        yield "order", score, order.quote


def instructions_in(text: str, prompt: str = "") -> list[tuple[str, float, str]]:
    """(kind, score, quote) of every find in a response, the strongest of each kind.

    What the prompt holds, too, counts half: a prompt that speaks of verdicts or role tokens
    explains a response that does. What is found only behind a disguise is always hard.
    """
    best: dict[str, tuple[float, str]] = {}
    for disguise, said in readings(text):
        for kind, score, quote in _found(said):
            if disguise and score >= _FEWEST:
                best["disguised"] = (1.0, f"{disguise}: {quote}")
            elif score > best.get(kind, (0.0, ""))[0]:
                best[kind] = (score, quote)
    if not best:
        return []
    explained = {kind for kind, *_ in _found(plain(prompt))} if prompt else set()
    halved = ((kind, s / 2 if kind in explained else s, quote) for kind, (s, quote) in best.items())
    return [one for one in halved if one[1] >= _FEWEST]


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
