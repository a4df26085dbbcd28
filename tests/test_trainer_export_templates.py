"""Rows of a file, imported and exported, are token for token the same under chat templates.

The templates are written here in the manner of three families. Every token is one byte, so ids are
equal exactly where the texts are; each template tells which keys a message has.
"""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conversation_rows import Row, rows
from import_worlds import take

from db.session import Database
from review.merge import merge
from review.settings import ReviewSettings
from trainer import steps
from trainer.export.selection import ExportOptions

_KEYS = "{%- macro told(m) %}<{{ m.keys() | join(',') }}>{% endmacro %}"
_TEXT = (
    "{%- macro words(m) %}{% if m.content is none %}<null>{% elif m.content is string %}"
    "{{ m.content }}{% else %}{% for part in m.content %}<{{ part.type }}>{{ part.text }}"
    "{% endfor %}{% endif %}{% endmacro %}"
)
_ARGUMENTS = (
    "{%- macro given(a) %}{% if a is string %}{{ a }}{% else %}{{ a | tojson }}{% endif %}"
    "{% endmacro %}"
)
CHATML = """
{%- if tools %}<|im_start|>system
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools><|im_end|>
{% endif %}
{%- for m in messages %}<|im_start|>{{ m.role }}{{ told(m) }}
{%- if m.name is defined %} {{ m.name }}{% endif %}
{% if m.reasoning_content is defined %}<think>{{ m.reasoning_content }}</think>{% endif %}
{{- words(m) }}
{%- for call in m.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ given(call.function.arguments) }}}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
LLAMA = """<|begin_of_text|>
{%- for m in messages %}
{%- set role = 'ipython' if m.role in ('tool', 'function') else m.role %}
{{- '<|start_header_id|>' + role + told(m) + '<|end_header_id|>\\n\\n' }}
{%- if loop.first and tools is not none %}{{ tools | tojson(indent=4) }}{% endif %}
{%- if 'tool_calls' in m %}
{%- for call in m.tool_calls %}{"name": "{{ call.function.name }}", "parameters":
{{- given(call.function.arguments) }}}{% endfor %}
{%- endif %}{{ words(m) }}<|eot_id|>
{%- endfor %}
{%- if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\\n\\n{% endif %}"""
MISTRAL = """<s>
{%- for m in messages %}
{%- if m.role == 'user' %}
{%- if tools is not none and loop.index < 3 %}[AVAILABLE_TOOLS] {{ tools | tojson }}
{{- '[/AVAILABLE_TOOLS]' }}{% endif %}[INST]{{ told(m) }} {{ words(m) }}[/INST]
{%- elif m.tool_calls is defined and m.tool_calls is not none %}[TOOL_CALLS] [
{%- for call in m.tool_calls %}{"name": "{{ call.function.name }}", "arguments":
{{- given(call.function.arguments) }}
{%- if call.id is defined %}, "id": "{{ call.id }}"{% endif %}}
{%- if not loop.last %}, {% endif %}{% endfor %}]</s>
{%- elif m.role == 'tool' %}[TOOL_RESULTS] {"content": {{ m.content | tojson }}, "call_id":
{{- m.tool_call_id | tojson }}}[/TOOL_RESULTS]
{%- else %} {{ told(m) }}{{ words(m) }}</s>{% endif %}
{%- endfor %}"""
FAMILIES = {"chatml": CHATML, "llama": LLAMA, "mistral": MISTRAL}


def tokenizer(family: str) -> Any:
    """One token a byte, and the family's template."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(BPE({letter: n for n, letter in enumerate(letters)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    found = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="!")
    found.chat_template = _KEYS + _TEXT + _ARGUMENTS + FAMILIES[family]
    return found


def as_asked(row: Row) -> tuple[Any, Any, Any]:
    """Prompt, chosen and rejected of a row of the file, as messages."""
    (label,) = row["labels"]
    sides = [row["response_a"], row["response_b"]]
    chosen, rejected = sides if label["choice"] == "a" else sides[::-1]
    prompt = row["prompt"]
    asked = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    said = [
        [{"role": "assistant", "content": each}] if isinstance(each, str) else each
        for each in (chosen, rejected)
    ]
    return asked, *said


@pytest.fixture
def exported(any_database: Database, tmp_path: Path) -> Any:
    """The train split of an export of every kind of row, as `datasets` loads it."""
    import datasets

    take(any_database, "pairs", tmp_path / "pairs.jsonl", rows())
    merge(any_database, ReviewSettings())
    steps.export(any_database, tmp_path / "set", ExportOptions(validation=0, test=0))
    found = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    return found["train"]


def test_the_reward_trainer_makes_the_ids_of_the_source_rows(exported: Any) -> None:
    from trl import RewardTrainer

    source = {row["pair_id"]: row for row in rows()}
    assert len(exported) == len(source)
    for row in exported:  # as JSON, so that the order of keys counts, within arguments too
        given = source[row["meta"]["pair_id"]]
        found = [row["prompt"], row["chosen"], row["rejected"], row["tools"]]
        assert json.dumps(found) == json.dumps([*as_asked(given), given.get("tools")])
    names = [meta["pair_id"] for meta in exported["meta"]]
    for family in FAMILIES:
        made = tokenizer(family)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ids = RewardTrainer._prepare_dataset(
                object.__new__(RewardTrainer),
                exported,
                made,
                SimpleNamespace(dataset_num_proc=None, max_length=None),
                "train",
            )
        for name, row in zip(names, ids, strict=True):
            asked, chosen, rejected = as_asked(source[name])
            for side, said in (("chosen_ids", chosen), ("rejected_ids", rejected)):
                wanted = made.apply_chat_template(
                    [*asked, *said], tools=source[name].get("tools"), tokenize=False
                )
                assert made.decode(row[side]) == wanted, (family, name, side)
                assert row[side] == made(wanted)["input_ids"]


def test_prompts_and_completions_of_trl_are_those_of_the_source_rows(exported: Any) -> None:
    from trl.data_utils import maybe_apply_chat_template

    source = {row["pair_id"]: row for row in rows()}
    for family in FAMILIES:
        made = tokenizer(family)
        for row in exported:
            name = row["meta"]["pair_id"]
            asked, chosen, rejected = as_asked(source[name])
            if asked[-1]["role"] != "user":
                continue
            whole = {"prompt": asked, "chosen": chosen, "rejected": rejected}
            tools = source[name].get("tools")
            texts = ("prompt", "chosen", "rejected")
            given = {key: row[key] for key in texts}
            found = maybe_apply_chat_template(given, made, tools=row.get("tools"))
            assert found == maybe_apply_chat_template(whole, made, tools=tools)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_templates_tell_apart_what_could_be_lost(family: str) -> None:
    """Without this the tests above could pass on anything."""
    made = tokenizer(family)

    def text(message: Row, **more: Any) -> str:
        asked = {"role": "user", "content": "Q"}
        found: str = made.apply_chat_template([asked, message], tokenize=False, **more)
        return found

    call = {"type": "function", "function": {"name": "f", "arguments": {"z": 1, "a": 2}}}
    turned = {"type": "function", "function": {"name": "f", "arguments": {"a": 2, "z": 1}}}
    bare = {"role": "assistant", "content": None}
    variants = [{**bare, "tool_calls": [each]} for each in (call, turned, {**call, "id": "c"})]
    variants += [bare, {**bare, "content": ""}, {**bare, "name": "n"}]
    if family != "mistral":  # the others leave the ids of calls out
        variants.pop(2)
    assert len({text(each) for each in variants}) == len(variants)
    assert text(bare, tools=[call]) != text(bare)
