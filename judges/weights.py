"""The weights of a checkpoint: a whole model, or a LoRA adapter merged into its base as it loads.

Leaves out whether they are fit for use (`trainer.elsewhere` looks at those of others).
"""

import json
from pathlib import Path
from typing import Any

ADAPTER = "adapter_config.json"
_HEADS = ("score.", "classifier.")


def load(auto: Any, folder: Path, base: str | None = None) -> Any:
    """The model of a folder by one of transformers' Auto classes, as precise as it is stored.

    `base`: where an adapter's base lies, if not where the adapter says.
    """
    if not (folder / ADAPTER).is_file():
        return auto.from_pretrained(folder, dtype="auto")
    from peft import PeftModel

    outputs = head_outputs(folder)
    more = {"num_labels": outputs} if outputs is not None else {}
    model = auto.from_pretrained(base or base_of(folder), dtype="auto", **more)
    return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()


def base_of(folder: Path) -> str | None:
    """What an adapter was trained on, as it says itself."""
    config = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
    found: str | None = config.get("base_model_name_or_path")
    return found


def head_outputs(folder: Path) -> int | None:
    """How many outputs the head has that was saved with an adapter, if one was."""
    from safetensors import safe_open

    with safe_open(folder / "adapter_model.safetensors", "pt") as weights:
        sizes = [
            weights.get_slice(name).get_shape()[0]
            for name in weights.keys()  # noqa: SIM118 - no mapping
            if any(f"{head}weight" in name or f"{head}out_proj.weight" in name for head in _HEADS)
        ]
    return sizes[-1] if sizes else None
