"""The words that go with an artefact: dataset cards and model cards. Pure."""

import json
from typing import Any

_MORE = ("ties", "votes", "pairs")


def dataset_card(manifest: dict[str, Any]) -> str:
    """README.md of an export: Hugging Face metadata, then what the rows are and are not."""
    rows, filters = manifest["rows"], manifest["filters"]
    table = "\n".join(f"| {name} | {rows[name]} |" for name in rows)
    left_out = "\n".join(f"- {name}: {n}" for name, n in manifest["left_out"].items()) or "- none"
    applied = "\n".join(f"- {name}: `{json.dumps(value)}`" for name, value in filters.items())
    about = _TRL.format(form=filters["format"]) if manifest["layout"] == "trl" else _OTHER
    return f"""{_metadata(manifest)}
# {manifest["name"]}

Preference labels settled with Tiebreak: a panel of judges, checked and corrected by people.

| table | rows |
|---|---|
{table}

{about.format(layout=manifest["layout"]).strip()}
{_continuing(manifest)}
## No leak

{_apart(manifest)}

## Filters
{applied}

## Left out
{left_out}
"""


def _continuing(manifest: dict[str, Any]) -> str:
    """What an increment says of the dataset it goes on from; nothing for a whole one."""
    if "continues" not in manifest:
        return ""
    before = manifest["continues"]
    changes = "\n".join(f"- {word}: {n}" for word, n in manifest["changes"].items())
    return f"""
## It continues `{before["name"]}`

Its content hash is `{before["content_hash"]}`. Take the pairs named in `changes.jsonl` out of it
(they are replaced here, or `withdrawn` for the reason given), then add the rows here. A prompt
keeps the split it has there.

{changes}
"""


def _apart(manifest: dict[str, Any]) -> str:
    told = {**manifest["leaks"], "gold": 0, "near_gold": 0, "gold_answer": 0} | manifest["left_out"]
    large = "".join(
        f"\nThe group of prompt `{name[:12]}` holds {n:,} prompts, more than 5%."
        for name, n in told["large_groups"].items()
    )
    return _APART.format_map(told) + large


_APART = """\
Splits are by groups of prompts (`meta.group`): no group stands in two of them. Prompts are one
group where one conversation begins with the other, where they share the first user turn and more
than {rest_in_common:.0%} of the rest, or where they ask the same in nearly the same words (at most
one in {words_a_slip} misspelt). Prompts that differ in a number, a name or an id stay apart.
Frozen gold is in none of the tables, nor is a prompt in a group with one of gold, nor one that
holds a gold answer word for word.

| pairs left out for gold | |
|---|--:|
| of gold prompts | {gold:,} |
| of prompts in a group with one | {near_gold:,} |
| of prompts that hold a gold answer | {gold_answer:,} |

Before the folder was published its prompts were looked at a second time, another way: whether one
is another, or its beginning, in another split or in gold, but for case, white space and the
punctuation at the end; and whether a gold answer is a turn of one. Had one been found, nothing
would have been published.

| prompts | |
|---|--:|
| checked | {prompts_checked:,} |
| leaks found | {leaks_found} |
| stored | {prompts:,} |
| of these in groups of two or more | {prompts_in_groups:,} |
| such groups | {groups:,} |
| largest group | {largest_group:,} |
"""


_TRL = """
`datasets.load_dataset(FOLDER)` gives `prompt`, `chosen`, `rejected` and `meta`
({form} rows) and TRL's trainers take them unchanged. `meta` says where each label
comes from: pair, split of probability, route and its reasons, flags, certificate, and the
rationales people gave. `meta.soft_target` is the probability that `chosen` is the better one.
Rows that share an id in `meta.rankings` come from one person's order over several responses, with
their places in it: together they are one answer.
`load_dataset(FOLDER, "ties")`, `"votes"` and `"pairs"` give the other tables. `pair_id` is a pair's
first name, and A and B are as that name has them; a name in `pairs` marked `mirrored` has them the
other way round. Rows are in order of content, which is no order of topics.
"""
_OTHER = """
Rows are laid out for {layout}; docs/formats.md of Tiebreak says what each file holds and what the
layout has no place for. Rows are in order of content, which is no order of topics.
"""


def _metadata(manifest: dict[str, Any]) -> str:
    """What the Hugging Face hub and `datasets` read first: which files are which split."""
    layout, rows = manifest["layout"], manifest["rows"]
    if layout not in ("trl", "kto", "sft"):
        return ""
    splits = [name for name in ("train", "validation", "test") if rows[name]]
    more = map(_config, _MORE if layout == "trl" else ())
    configs = "\n".join(["configs:", *_default_config(splits), *more])
    return f"---\n{configs}\ntags:\n- preference\n- trl\n---\n"


def _default_config(splits: list[str]) -> list[str]:
    if not splits:
        return []
    paths = [line for s in splits for line in (f"  - split: {s}", f"    path: data/{s}-*.parquet")]
    return ["- config_name: default", "  default: true", "  data_files:", *paths]


def _config(name: str) -> str:
    return f"- config_name: {name}\n  data_files: {name}/*.parquet"


def _origin(metadata: dict[str, Any]) -> str:
    if "imported" in metadata:
        return f"Trained elsewhere from the base `{metadata['base']}` and imported into Tiebreak."
    dataset, base = metadata["dataset"], metadata["base"]
    return f"Trained with Tiebreak on the dataset `{dataset}` from the base `{base}`."


def model_card(name: str, metadata: dict[str, Any]) -> str:
    """README.md of a checkpoint: what it is, from what, how it fared on validation, its limits."""
    kind = metadata["kind"]
    what = {
        "reward": "A reward model: one number for a prompt with its response; higher is better.",
        "judge": "A judge: reads a prompt and two responses and says which is better, or a tie.",
        "policy": "A policy: answers prompts.",
        "process": "A process reward model: for each step of a solution, whether it is right.",
    }[kind]
    rows = "\n".join(f"- {key}: {value}" for key, value in metadata["rows"].items()) or "- unknown"
    held = metadata.get("validation") or {}
    measured = "\n".join(f"- {k}: {v:.4g}" for k, v in held.items()) or "- no validation rows"
    return f"""---
library_name: transformers
tags:
- {kind}
---

# {name}

{what}

{_origin(metadata)}
Sequences are up to {metadata["max_length"]} tokens; the recipe, the versions, the learning curve
and the hash of the weights are in `metadata.json`.

## Rows
{rows}

## On validation prompts
{measured}

Validation chose the stopping point, so it flatters. What decides is `tiebreak evaluate` on frozen
gold. It knows what its labels know: expect chance outside their domains.
"""
