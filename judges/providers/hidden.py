"""Keys kept out of what is shown: a server may repeat the one it was sent, whole or in part."""

import os
import re
from collections.abc import Iterable
from typing import Any

_SECRET = re.compile(r"key|token|secret|passw|auth|credential", re.IGNORECASE)
_SHORTEST = 6  # characters; a shorter value is part of too many words
_FROM_ENVIRONMENT = 16  # characters; a shorter value is no key that anybody gave out
_ENDS = 4  # characters of a key that servers like to show
_LOOKS = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|nvapi|hf|r8|csk|fw|tgp|pplx|ghp|glpat)[-_][\w.*-]{6,}"
    r"|\bAIza[\w-]{8,}|\bya29\.[\w-]+|\beyJ[\w-]{8,}[\w.-]*|\bAKIA\w{8,}"
    r"|(?<![\w*])[\w-]*\*{2,}[\w*-]*|\b\w{2,}\.{3}\w{2,}"
)


def hidden(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with *** for every secret in it, for what looks like a key, and for the ends of one.

    secrets: values to hide beside those of the environment whose names say that they are.
    """
    known = {s for s in secrets if len(s) >= _SHORTEST} | set(of_environment())
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _LOOKS.sub("***", text)
    ends = {end for secret in known for end in (secret[:_ENDS], secret[-_ENDS:])}
    return re.sub(
        r"(?<=[\s'\"(:.])[\w-]+(?=$|[\s'\").,;])",
        lambda word: "***" if word[0] in ends else word[0],
        text,
    )


def of_environment() -> list[str]:
    """Values of environment variables whose names say that they are secret."""
    return [v for n, v in os.environ.items() if _SECRET.search(n) and len(v) >= _FROM_ENVIRONMENT]


def sent_with(request: Any) -> list[str]:
    """Secrets of an HTTP request: of its headers and its query."""
    if request is None:
        return []
    headers = [(name, value) for name, value in request.headers.items() if _SECRET.search(name)]
    query = [(name, value) for name, value in request.url.params.items() if _SECRET.search(name)]
    return [value.removeprefix("Bearer ").strip() for _, value in (*headers, *query)]
