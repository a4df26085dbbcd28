"""Which model family a judge's name speaks of, for where nobody has said it.

Leaves out: that relatives err together (likeness.py).
"""

import re
from collections.abc import Iterable

_NAMES = {
    "openai": r"openai|chatgpt|gpt(?!-?j|-?neo)|o[134]",
    "anthropic": r"anthropic|claude",
    "google": r"google|gemini|gemma|palm|bard",
    "llama": r"llama|codellama|vicuna|alpaca|guanaco|koala|tulu",
    "qwen": r"qwen|qwq|qvq",
    "mistral": r"mistral|mistralai|mixtral|ministral|codestral|magistral|zephyr",
    "deepseek": r"deepseek",
    "cohere": r"cohere|c4ai|command-(?:r|a|light|nightly)",
    "microsoft": r"microsoft|phi-?(?=\d)",
    "xai": r"xai|grok",
    "zhipu": r"glm|chatglm|zhipu",
    "moonshot": r"moonshot|kimi",
    "nvidia": r"nvidia|nemotron",
    "amazon": r"amazon|titan-text|nova-(?:micro|lite|pro|premier)",
    "ai21": r"ai21|jamba|jurassic",
    "exaone": r"exaone",
    "yi": r"yi-(?=\d)",
    "internlm": r"internlm",
    "minimax": r"minimax",
}
_KNOWN = {
    family: re.compile(rf"(?:^|[^a-z])(?:{names})(?![a-z])") for family, names in _NAMES.items()
}


def guessed_family(name: str) -> str | None:
    """The family of the first model named, such as openai of gpt-4o-mini; None where none is.

    A model's own name goes before that of its host or tuner: azure/mistral-large is mistral,
    openai/llama-3 on a compatible server is llama. Case does not matter.
    """
    for part in (name.lower().rpartition("/")[2], name.lower()):
        found = [
            (seen.start(), family)
            for family, known in _KNOWN.items()
            if (seen := known.search(part))
        ]
        if found:
            return min(found)[1]
    return None


def told_guesses(names: Iterable[str]) -> str | None:
    """A sentence on the families guessed of these judges, or None where no name tells one."""
    found = {name: guessed_family(name) for name in sorted(names)}
    listed = ", ".join(f"{name} ({family})" for name, family in found.items() if family)
    return (
        f"families guessed from names: {listed}; judges of one family count for less, "
        "so give family with the votes where a guess is wrong"
        if listed
        else None
    )
