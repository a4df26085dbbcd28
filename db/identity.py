"""Identity by content: the same prompt, candidate or pair always has the same hash.

A prompt given as a string is the same as one user message. A pair and its mirror (A and B
exchanged) have the same hash. Nothing is normalised: a changed space is another text.
"""

import hashlib
import json
from typing import Any

Messages = list[dict[str, str]]


def content_hash(*parts: Any) -> str:
    """sha256 hex of JSON-able parts; equal parts, equal hash, on every machine."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def prompt_hash(messages: Messages) -> str:
    """Identity of a conversation: roles and contents, in order."""
    return content_hash("prompt", [[m["role"], m["content"]] for m in messages])


def candidate_hash(prompt: str, text: str) -> str:
    """Identity of a response to the prompt with this hash."""
    return content_hash("candidate", prompt, text)


def pair_hash(candidate_a: str, candidate_b: str) -> str:
    """Identity of a pair, the same for its mirror. Takes the two candidate hashes."""
    return content_hash("pair", sorted((candidate_a, candidate_b)))
