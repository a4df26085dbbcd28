"""The models training starts from: a folder, a hub id, or `tiny`, built here from local texts.

The tiny base is a byte-level BPE tokenizer and a two-layer Qwen2 of about 150,000 parameters with
random weights. It knows nothing; it exists so that every path runs anywhere in seconds.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.whole import own_folder, publish
from trainer.settings import TINY, WORDS, TrainerSettings

_CHAT = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
_TOKENS = ("<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>")
_WRITERS = ("ForCausalLM", "LMHeadModel")
# Their first position follows the padding's (transformers, create_position_ids_from_input_ids).
_PADDED_POSITIONS = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer", "mpnet")
_VOCABULARY = 1500
_LONGEST_TEXT = 4000


def base_folder(base: str, texts: Iterable[str], work: Path, seed: int) -> str:
    """What `from_pretrained` takes: the base itself, or a tiny one built under `work` once.

    BadInput for `words`, which is no base.
    """
    require_base(base)
    if base != TINY:
        return base
    folder = work / "base"
    if not folder.is_dir():
        with own_folder(folder) as place:
            build_tiny(texts, place, seed)
            publish(place, folder)
    return str(folder)


def require_base(base: str) -> None:
    """BadInput for `words`, which is no base of a network."""
    if base == WORDS:
        raise BadInput(
            "reward models and scoring judges alone can be of 'words'; give a base with --base: "
            "the folder of a saved model, a hub id (docs/bases.md names some), or 'tiny', a toy"
        )


def build_tiny(texts: Iterable[str], folder: Path, seed: int = 0, hidden: int = 64) -> None:
    """Write a tiny causal base: a tokenizer trained on the texts, a Qwen2 of random weights."""
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, set_seed

    quiet_libraries()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_bpe([text[:_LONGEST_TEXT] for text in texts]),
        pad_token="<|pad|>",
        eos_token="<|end|>",
        model_max_length=4096,
    )
    tokenizer.chat_template = _CHAT
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    set_seed(seed)
    model = Qwen2ForCausalLM(config)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def _bpe(texts: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=list(_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load_tokenizer(folder: str) -> Any:
    """A tokenizer that can pad. BadInput where the base has none."""
    from transformers import AutoTokenizer

    quiet_libraries()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.sep_token
    tokenizer.padding_side = "right"
    return tokenizer


def load_writer_tokenizer(folder: str) -> Any:
    """The tokenizer of a base that writes, with a chat template. BadInput where it cannot write."""
    from transformers import AutoConfig

    tokenizer = load_tokenizer(folder)
    try:
        shapes = AutoConfig.from_pretrained(folder).architectures or ["no architecture"]
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    if not shapes[0].endswith(_WRITERS) or tokenizer.eos_token is None:
        raise BadInput(
            f"base {folder!r} cannot write ({shapes[0]}): it is no causal language model with an "
            "end token; give one that is, or 'tiny'"
        )
    if not tokenizer.chat_template:
        tokenizer.chat_template = _CHAT.replace("<|end|>", "{{ eos_token }}")
    return tokenizer


def model_options(settings: TrainerSettings) -> dict[str, Any]:
    """Keyword arguments that every model to be trained is loaded with."""
    named = {} if settings.attention is None else {"attn_implementation": settings.attention}
    return {"dtype": settings.dtype, **named}


def load_classifier(
    folder: str, labels: int, tokenizer: Any, settings: TrainerSettings, *, steps: bool = False
) -> Any:
    """The base with a fresh head of so many outputs, for a sequence or (`steps`) for each token;
    the head's weights follow the seed.
    """
    import transformers

    kind = "Token" if steps else "Sequence"
    auto = getattr(transformers, f"AutoModelFor{kind}Classification")
    transformers.set_seed(settings.seed)
    quiet_libraries()
    try:
        model = auto.from_pretrained(folder, num_labels=labels, **model_options(settings))
    except (OSError, ValueError, ImportError) as error:
        raise _unusable(folder, error) from None
    model.config.pad_token_id = tokenizer.pad_token_id
    return model


def require_positions(folder: str, base: str, length: int, more: int = 0) -> None:
    """BadInput where a base has fewer positions than `length` tokens and `more` it would write.

    A base without a number of its own (no learnt positions, none declared) takes any length.
    """
    from transformers import AutoConfig

    try:
        most = positions(AutoConfig.from_pretrained(folder))
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from None
    if most is not None and length + more > most:
        written = f" and {more} tokens to be written" if more else ""
        raise BadInput(
            f"max_length {length}{written} is more than the {most} positions of base {base!r}; "
            f"set max_length to {most - more} or less"
        )


def positions(config: Any) -> int | None:
    """How many tokens a model has places for; None where it declares no number."""
    text = config.get_text_config()
    found: int | None = getattr(text, "max_position_embeddings", None)
    if found is not None and text.model_type in _PADDED_POSITIONS:
        found -= text.pad_token_id + 1
    return found


def quiet_libraries() -> None:
    """No progress bars and no chatter of the libraries: progress is ours to show."""
    import warnings

    from datasets import disable_progress_bars
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    # What the libraries tell their own callers about their next version.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|trl|peft")


def _unusable(folder: str, error: Exception) -> BadInput:
    path = Path(folder)
    reason = str(error).strip().splitlines()[0]
    if path.is_dir() and not (path / "config.json").is_file():
        reason = "the folder has no config.json, so no model was saved there"
    elif not path.exists() and (path.is_absolute() or folder.startswith((".", "~"))):
        reason = "there is no such folder"
    return BadInput(
        f"base {folder!r} cannot be loaded ({reason}); give the folder of a saved model, a hub id "
        "that can be reached, or 'tiny'"
    )
