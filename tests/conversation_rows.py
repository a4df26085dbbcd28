"""Rows of every kind of conversation: tools, runs of agents, null content, text parts, names."""

import json
from typing import Any

Row = dict[str, Any]
MARK = "quokka"
"""A word of the pair that is erased: in its prompt, tools, names, ids, calls and results."""


def tools(word: str) -> list[Row]:
    return [
        {"type": "function", "function": {"name": f"find_{word}", "parameters": {"z": 1, "a": 2}}}
    ]


def run(word: str, found: str) -> list[Row]:
    """An agent's run; arguments as a text, and as an object whose keys are not in order."""
    call = {"name": f"find_{word}", "arguments": json.dumps({"z": word, "a": found})}
    more = {"name": f"find_{word}", "arguments": {"z": found, "a": 1}}
    return [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"id_{word}", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": f"id_{word}", "content": f"{found} is there"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": more}],
        },
        {"role": "function", "name": f"find_{word}", "content": "done"},
        {"role": "assistant", "content": f"It is {found}.", "reasoning_content": f"so {word}"},
    ]


def kinds(word: str) -> list[Row]:
    """A pair of each kind, about a word."""
    asked = [
        {"role": "developer", "content": f"Find {word}."},
        {
            "role": "user",
            "name": f"ada_{word}",
            "content": [{"type": "text", "text": f"A {word}?"}],
        },
        {"role": "assistant", "content": None, "tool_calls": run(word, "x")[0]["tool_calls"]},
        {"role": "tool", "tool_call_id": f"id_{word}", "content": [{"type": "text", "text": word}]},
        {"role": "user", "content": f"And the other {word}?"},
    ]
    plain = f"Where does a {word} live?"
    silent = [run(word, "d")[0] | {"refusal": f"no {word}"}]
    return [
        {"prompt": asked, "tools": tools(word),
         "response_a": run(word, "a"), "response_b": run(word, "b")},
        {"prompt": plain, "response_a": f"A {word} here", "response_b": run(word, "c")},
        {"prompt": [{"role": "user", "content": plain}], "tools": tools(word),
         "response_a": silent, "response_b": f"There is a {word}"},
        {"prompt": [{"role": "system", "content": "Brief."}, {"role": "user", "content": plain}],
         "response_a": f"No {word}", "response_b": f"A {word}, or two of them"},
    ]  # fmt: skip


WORDS = (MARK, "heron", "ibex", "lynx", "newt", "otter")


def rows() -> list[Row]:
    made = []
    for n, word in enumerate(WORDS):
        for k, row in enumerate(kinds(word)):
            label = {"annotator": "ada", "choice": "ab"[(n + k) % 2]}
            made.append({"pair_id": f"{word}{k}", "domain": "animals", **row, "labels": [label]})
    return made
