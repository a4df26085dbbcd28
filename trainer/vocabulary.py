"""The words a training, a copy and an export are asked for by."""

from typing import Literal

Style = Literal["scoring", "generative"]
"""A judge that classifies the pair, or one that writes reasons and a verdict."""
Orders = Literal["plackett-luce", "pairs"]
"""How orders over several responses are learnt: whole, or as pairs worth one answer together."""
Method = Literal["sft", "dpo", "kto", "grpo", "rloo", "ppo"]
"""How a policy is trained."""
Group = Literal["data_source", "domain"]
"""What a cross-validation leaves out, one after the other."""
Worth = Literal["lowest", "product"]
"""What a solution is worth by its steps: its lowest one, or the product of all."""
Precision = Literal["bf16", "int8"]
"""How the copy of a reward model is made smaller."""
LayoutName = Literal[
    "trl",
    "kto",
    "sft",
    "openai",
    "llama-factory",
    "rankings",
    "jsonl",
    "csv",
    "label-studio",
    "argilla",
]
"""For which tool an export is laid out."""
Format = Literal["conversational", "plain"]
"""How an export writes prompts and responses."""
Balance = Literal["domain", "source", "choice"]
"""What an export cuts down to the size of its smallest group."""
