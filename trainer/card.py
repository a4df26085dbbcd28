"""The words that go with an artefact: dataset cards and model cards. Pure."""

import json
from typing import Any

_MORE = ("ties", "votes", "pairs")


def dataset_card(manifest: dict[str, Any]) -> str:
    """README.md of an export: Hugging Face metadata, then what the rows are and are not."""
    rows, filters = manifest["rows"], manifest["filters"]
    splits = [name for name in ("train", "validation", "test") if rows[name]]
    configs = "\n".join(["configs:", *_default_config(splits), *map(_config, _MORE)])
    table = "\n".join(f"| {name} | {rows[name]} |" for name in rows)
    left_out = "\n".join(f"- {name}: {n}" for name, n in manifest["left_out"].items()) or "- none"
    applied = "\n".join(f"- {name}: `{json.dumps(value)}`" for name, value in filters.items())
    return f"""---
{configs}
tags:
- preference
- trl
---

# {manifest["name"]}

Preference labels settled with Tiebreak: a panel of judges, checked and corrected by people.

| table | rows |
|---|---|
{table}

`datasets.load_dataset(FOLDER)` gives `prompt`, `chosen`, `rejected` and `meta`
({filters["format"]} rows) and TRL's trainers take them unchanged. `meta` says where each label
comes from: pair, split of probability, route and its reasons, flags, certificate, and the
rationales people gave. `meta.soft_target` is the probability that `chosen` is the better one.
Rows that share an id in `meta.rankings` come from one person's order over several responses, with
their places in it: together they are one answer.
`load_dataset(FOLDER, "ties")`, `"votes"` and `"pairs"` give the other tables. `pair_id` is a pair's
first name, and A and B are as that name has them; a name in `pairs` marked `mirrored` has them the
other way round. Rows are in order of content, which is no order of topics.

Splits are by prompt: no prompt stands in two of them. Frozen gold, and prompts that resemble it,
are in none of the tables.

## Filters
{applied}

## Left out
{left_out}
"""


def _default_config(splits: list[str]) -> list[str]:
    if not splits:
        return []
    paths = [line for s in splits for line in (f"  - split: {s}", f"    path: data/{s}-*.parquet")]
    return ["- config_name: default", "  default: true", "  data_files:", *paths]


def _config(name: str) -> str:
    return f"- config_name: {name}\n  data_files: {name}/*.parquet"


def model_card(name: str, metadata: dict[str, Any]) -> str:
    """README.md of a checkpoint: what it is, from what, how it fared on validation, its limits."""
    kind = metadata["kind"]
    what = {
        "reward": "A reward model: one number for a prompt with its response; higher is better.",
        "judge": "A judge: reads a prompt and two responses and says which is better, or a tie.",
        "policy": "A policy: answers prompts.",
        "process": "A process reward model: for each step of a solution, whether it is right.",
    }[kind]
    rows = "\n".join(f"- {key}: {value}" for key, value in metadata["rows"].items())
    held = metadata.get("validation") or {}
    measured = "\n".join(f"- {k}: {v:.4g}" for k, v in held.items()) or "- no validation rows"
    return f"""---
library_name: transformers
tags:
- {kind}
---

# {name}

{what}

Trained with Tiebreak on the dataset `{metadata["dataset"]}` from the base `{metadata["base"]}`.
Sequences are up to {metadata["max_length"]} tokens; the recipe, the versions, the learning curve
and the hash of the weights are in `metadata.json`.

## Rows
{rows}

## On validation prompts
{measured}

Validation chose the stopping point, so it flatters. What decides is `tiebreak evaluate` on frozen
gold. It knows what its labels know: expect chance outside their domains.
"""
