"""Rows of OpenAI's preference fine-tuning (direct preference optimisation).

Source: developers.openai.com/api/docs/guides/direct-preference-optimization, "Data format": `input`
with `messages`, `tools` and `parallel_tool_calls`; `preferred_output` and `non_preferred_output`
are lists of assistant and tool messages.
"""

from db.imports.fields import BadRow, Row
from db.imports.presets.preferred import preferred
from db.imports.presets.preset import Preset, having, only_known

_INPUT = frozenset({"messages", "tools", "parallel_tool_calls"})


def _rows(row: Row) -> list[Row]:
    asked = only_known(row.get("input"), _INPUT, "input")
    outputs = []
    for name in ("preferred_output", "non_preferred_output"):
        if not isinstance(row.get(name), list) or not row[name]:
            raise BadRow(row.get(name), f"{name} must be a list of one or more messages")
        outputs.append(row[name])
    return [preferred(asked.get("messages"), *outputs, tools=asked.get("tools") or None)]


PRESETS = (
    Preset(
        name="openai",
        about="preference fine-tuning rows: `input`, `preferred_output`, `non_preferred_output`",
        kept="all messages and `tools`; the preferred output as one label",
        refused="an output without a message",
        columns=frozenset({"input", "preferred_output", "non_preferred_output"}),
        dropped={"input.parallel_tool_calls": "a setting of the request, no part of the prompt"},
        fits=having("input", "preferred_output", "non_preferred_output"),
        rows=_rows,
        example={
            "input": {
                "messages": [{"role": "user", "content": "Name a prime."}],
                "tools": [],
                "parallel_tool_calls": True,
            },
            "preferred_output": [{"role": "assistant", "content": "7"}],
            "non_preferred_output": [{"role": "assistant", "content": "9"}],
        },
    ),
)
