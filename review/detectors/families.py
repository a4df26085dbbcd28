"""Which model family wrote a response, in the words the panel uses for its own families.

Authors are recorded as model names ("gpt-4-0613"), judges as a name and a family ("openai").
"""

import re
from collections.abc import Sequence

_MAKERS = {
    "openai": ("gpt", "chatgpt", "davinci", "o1", "o3", "o4"),
    "anthropic": ("claude",),
    "google": ("gemini", "gemma", "palm", "bard", "t5", "flan"),
    "meta": ("llama", "codellama", "opt"),
    "mistral": ("mistral", "mixtral", "ministral", "magistral"),
    "qwen": ("qwen", "qwq", "alibaba"),
    "deepseek": ("deepseek",),
    "cohere": ("command", "aya"),
    "xai": ("grok",),
    "microsoft": ("phi",),
    "lmsys": ("vicuna",),
    "exaone": ("exaone", "lg"),
}
"""Makers and the words their models' names begin with."""

_MAKER_OF = {word: maker for maker, words in _MAKERS.items() for word in (maker, *words)}


def _words(name: str) -> list[str]:
    """Lower-case words of a name, longest letters first: "Llama-3.1-8B" begins with "llama"."""
    return re.findall(r"[a-z]+\d?(?![a-z])|[a-z]+", name.lower())


def maker(name: str) -> str:
    """The maker of a model or family name, or its own first word where none is known."""
    words = _words(name)
    for word in words:
        for candidate in (word, word.rstrip("0123456789")):
            if candidate in _MAKER_OF:
                return _MAKER_OF[candidate]
    return words[0] if words else name.lower()


def author_families(
    authors: Sequence[str | None], raters: Sequence[str], families: Sequence[str]
) -> list[str | None]:
    """The panel's family of each author; the author's own maker where no judge is of it.

    An author that is a judge, or a family, of the panel by name is of that family; otherwise the
    makers decide.
    """
    by_name = dict(zip(raters, families, strict=True)) | {family: family for family in families}
    by_maker: dict[str, str] = {}
    for rater, family in zip(raters, families, strict=True):
        by_maker.setdefault(maker(rater), family)
        by_maker.setdefault(maker(family), family)
    known: dict[str, str] = {}
    out: list[str | None] = []
    for author in authors:
        if not author:
            out.append(None)
            continue
        if author not in known:
            made = maker(author)
            known[author] = by_name.get(author) or by_maker.get(made) or made
        out.append(known[author])
    return out
