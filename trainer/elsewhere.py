"""Models that others trained, read and checked: whole models, and LoRA adapters with their base.

What cannot score or judge is refused with one sentence: a base without a head, a head of several
outputs, a damaged file, a missing tokenizer. Leaves out how the checkpoint is recorded
(`trainer.steps.importing`).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.vocabulary import CheckpointKind
from judges.prompts import MENU
from judges.weights import ADAPTER, head_outputs, load
from trainer.bases import positions, quiet_libraries

_TOKENIZERS = (
    *("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json"),
    *("spiece.model", "sentencepiece.bpe.model", "spm.model"),
)
_CLASSIFIER, _WRITER = "ForSequenceClassification", ("ForCausalLM", "LMHeadModel")
LONGEST = 8192  # tokens, where neither the model nor the caller says how many it reads


@dataclass(frozen=True)
class Elsewhere:
    """A model that can be used as its kind: `style` is how it is asked, `length` what it reads."""

    model: Any
    tokenizer: Any
    style: str
    base: str
    length: int


def read(folder: Path, kind: CheckpointKind, base: str | None = None) -> Elsewhere:
    """Load and check. `base` overrides what an adapter says it was trained on.

    A judge is a classifier with one output (it scores each response), one with an output for each
    entry of the menu, or a model that writes. BadInput where it is none of these.
    """
    if kind not in (CheckpointKind.REWARD, CheckpointKind.JUDGE):
        raise BadInput(f"a {kind.value} cannot be imported; choose reward or judge")
    adapted = (folder / ADAPTER).is_file()
    if not adapted and not (folder / "config.json").is_file():
        raise BadInput(
            f"{str(folder)!r} holds no model: there is no config.json and no {ADAPTER} in it"
        )
    quiet_libraries()
    if adapted:
        told = base or _json(folder / ADAPTER).get("base_model_name_or_path")
        if not told:
            raise BadInput(f"adapter {str(folder)!r} does not say its base; give it with --base")
        model, source = _adapted(folder, told, kind), told
    else:
        if base is not None:
            raise BadInput(f"{str(folder)!r} is a whole model and takes no --base ({base!r})")
        model, source = _whole(folder, str(folder), kind), None
    tokenizer = _tokenizer(folder, source)
    model.config.pad_token_id = _pad(model, tokenizer)
    _finite(folder, model)
    return Elsewhere(
        model.eval(),
        tokenizer,
        _style(folder, model, tokenizer, kind),
        source or folder.name,
        positions(model.config) or LONGEST,
    )


def _whole(folder: Path, source: str, kind: CheckpointKind) -> Any:
    """The model of a folder with all its weights in place, in the precision they are stored in."""
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    shape = (_json(folder / "config.json").get("architectures") or ["no architecture"])[0]
    writes = shape.endswith(_WRITER) and kind is CheckpointKind.JUDGE
    if not writes and not shape.endswith(_CLASSIFIER):
        raise BadInput(
            f"{source!r} is a {shape}, which has no head that scores; give the folder of a "
            f"classifier, or train one from it: `tiebreak train {kind.value} --base {source}`"
        )
    loader = AutoModelForCausalLM if writes else AutoModelForSequenceClassification
    with _told(source):
        model, found = loader.from_pretrained(source, dtype="auto", output_loading_info=True)
    lacking = sorted(found["missing_keys"]) + sorted(str(k) for k in found["mismatched_keys"])
    if lacking:
        raise BadInput(
            f"{source!r} is not whole: {lacking[0]!r} is missing from its weights"
            + (f", and {len(lacking) - 1} more" if lacking[1:] else "")
        )
    return model


def _adapted(folder: Path, base: str, kind: CheckpointKind) -> Any:
    """The base with the adapter merged into it, in the base's precision."""
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    task = _json(folder / ADAPTER).get("task_type")
    with _told(str(folder)):
        outputs = head_outputs(folder)
    writes = task == "CAUSAL_LM" and kind is CheckpointKind.JUDGE
    if not writes and outputs is None:
        raise BadInput(
            f"adapter {str(folder)!r} holds no head that scores ({task}); train it with "
            "modules_to_save=['score'], or import the merged model"
        )
    with _told(str(folder), f"or its base {base!r}; give the base's folder with --base"):
        return load(
            AutoModelForCausalLM if writes else AutoModelForSequenceClassification, folder, base
        )


def _tokenizer(folder: Path, base: str | None) -> Any:
    """The folder's own tokenizer, or that of an adapter's base."""
    from transformers import AutoTokenizer

    own = any((folder / name).is_file() for name in _TOKENIZERS)
    if not own and base is None:
        raise BadInput(
            f"{str(folder)!r} has no tokenizer (none of {', '.join(_TOKENIZERS)}); save the one it "
            "was trained with into the folder"
        )
    source = str(folder) if own else str(base)
    with _told(source, "its tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(source)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.sep_token
    tokenizer.padding_side = "right"
    return tokenizer


def _pad(model: Any, tokenizer: Any) -> int:
    known = model.config.pad_token_id
    found: int | None = tokenizer.pad_token_id if known is None else known
    if found is None:
        raise BadInput("its tokenizer has no token for padding and no end token to pad with")
    return found


def _style(folder: Path, model: Any, tokenizer: Any, kind: CheckpointKind) -> str:
    """How it is asked; empty for reward models. BadInput for a head that says something else."""
    if type(model).__name__.endswith(_WRITER):
        if not tokenizer.chat_template:
            raise BadInput(f"the tokenizer of {str(folder)!r} has no chat template to ask it by")
        return "generative"
    outputs = model.config.num_labels
    if outputs == 1:
        return "" if kind is CheckpointKind.REWARD else "pointwise"
    menu = [str(model.config.id2label.get(i)) for i in range(outputs)]
    if kind is CheckpointKind.JUDGE and menu == list(MENU):
        return "scoring"
    wanted = "one output" if kind is CheckpointKind.REWARD else f"one output, or {', '.join(MENU)}"
    raise BadInput(
        f"the head of {str(folder)!r} has {outputs} outputs ({', '.join(menu[:5])}); a "
        f"{kind.value} model needs {wanted}"
    )


def _finite(folder: Path, model: Any) -> None:
    for name, weight in model.named_parameters():
        if not bool(weight.isfinite().all()):
            raise BadInput(f"{str(folder)!r} is damaged: {name!r} holds what is no number")


@contextmanager
def _told(source: str, what: str = "") -> Iterator[None]:
    """What libraries raise at damaged files, of whatever kind, as one sentence."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        about = f" ({what})" if what else ""
        raise BadInput(f"{source!r}{about} cannot be loaded: {reason}") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{str(path)!r} is damaged: {error}") from None
    if not isinstance(found, dict):
        raise BadInput(f"{str(path)!r} is damaged: it is no object")
    return found
