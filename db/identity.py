"""Identity by content: the same prompt, candidate or pair always has the same hash.

A prompt given as a string is the same as one user message. A pair and its mirror (A and B
exchanged) have the same hash. Nothing is normalised: a changed space is another text. Of a message
with more than a role and a text, every key counts.
"""

import hashlib
import json
from typing import Any

from db.conversation import Messages, Tools, is_plain

_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def content_hash(*parts: Any) -> str:
    """sha256 hex of JSON-able parts; equal parts, equal hash, on every machine."""
    return hashlib.sha256(_as_json(parts).encode("utf-8", "surrogatepass")).hexdigest()


def prompt_hash(messages: Messages, tools: Tools | None = None) -> str:
    """Identity of a conversation: its messages in order, and the tools it may call."""
    said = [[m["role"], m["content"]] if is_plain(m) else m for m in messages]
    return content_hash("prompt", said, *([tools] if tools else []))


def candidate_hash(prompt: str, said: str | Messages) -> str:
    """Identity of a response to the prompt with this hash: a text, or messages where it is more
    than one plain message of the assistant.
    """
    return content_hash("candidate", prompt, said)


def pair_hash(candidate_a: str, candidate_b: str) -> str:
    """Identity of a pair, the same for its mirror. Takes the two candidate hashes."""
    return content_hash("pair", sorted((candidate_a, candidate_b)))
