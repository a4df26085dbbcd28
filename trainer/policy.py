"""Policies: supervised (sft), from preferences (dpo, kto), by a reward model (grpo, rloo, ppo).

All but ppo are TRL's trainers; ppo is `trainer.ppo`. What is generated is watched for reward
hacking (`trainer.hacking`), and training stops when the reward and the truth part.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from db.errors import BadInput
from trainer.bases import base_folder, load_tokenizer, quiet_libraries
from trainer.card import model_card
from trainer.encoding import as_messages
from trainer.hacking import Limits, Monitor, observe
from trainer.loop import Curve, Progress, arguments, callbacks, quiet, run
from trainer.settings import TrainerSettings
from trainer.work import Work, finish

Method = Literal["sft", "dpo", "kto", "grpo", "rloo", "ppo"]
ONLINE = ("grpo", "rloo", "ppo")
Row = dict[str, Any]
Score = Callable[[Sequence[tuple[Any, str]]], Iterable[float]]


@dataclass(frozen=True)
class PolicyOptions:
    """method; kl: weight of the distance to the reference (β); generations: responses a prompt
    (grpo, rloo); response_tokens: longest response; updates: steps of ppo; limits: when to stop.
    """

    method: Method = "dpo"
    kl: float = 0.1
    generations: int = 4
    response_tokens: int = 64
    updates: int = 50
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            known = ", ".join(get_args(Method))
            raise BadInput(f"method {self.method!r} is not known; choose from {known}")


def train(
    rows: Sequence[Row],
    work: Work,
    settings: TrainerSettings,
    options: PolicyOptions,
    dataset: str,
    reward: Score | None = None,
    judged: Score | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Train on preference rows and write the checkpoint; its metadata.

    reward: scores (prompt, response); needed for grpo, rloo and ppo. judged: a second scorer that
    training never follows and that shows when the reward is being gamed.
    """
    if not rows:
        raise BadInput(f"dataset {dataset!r} has no row to train a policy on; export more labels")
    if options.method in ONLINE and reward is None:
        raise BadInput(f"method {options.method!r} needs a reward model; train or name one")
    quiet_libraries()
    texts = [m["content"] for r in rows for c in _COLUMNS for m in as_messages(r[c], "user")]
    folder = base_folder(settings.base, texts, work.partial, settings.seed)
    tokenizer = load_tokenizer(folder)
    watch = _Watch(Monitor(options.limits), reward, judged)
    curve = Curve()
    if options.method == "ppo":
        model = _ppo(folder, tokenizer, rows, settings, options, watch, curve, progress)
    else:
        trainer = _trainer(folder, tokenizer, rows, work, settings, options, watch, curve, progress)
        run(trainer, work)
        model = trainer.accelerator.unwrap_model(trainer.model)
    if settings.lora and hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    metadata = {
        "kind": "policy",
        "method": options.method,
        "base": settings.base,
        "dataset": dataset,
        "max_length": settings.max_length,
        "rows": {"train": len(rows)},
        "curve": curve.points,
        "watched": [vars(each) for each in watch.monitor.seen],
        "stopped": watch.alarm,
        "validation": None,
    }
    finish(work, model, tokenizer, metadata, model_card(work.name, metadata))
    return metadata


_COLUMNS = ("prompt", "chosen", "rejected")


@dataclass
class _Watch:
    """The reward as trainers call it; keeps what it saw for the monitor."""

    monitor: Monitor
    reward: Score | None
    judged: Score | None
    alarm: str | None = None
    __name__: str = "reward_model"

    def __call__(self, prompts: Any, completions: Any, **_: Any) -> list[float]:
        texts = [c if isinstance(c, str) else c[-1]["content"] for c in completions]
        return self.scores(list(zip(prompts, texts, strict=True)))

    def scores(self, answered: Sequence[tuple[Any, str]], kl: float | None = None) -> list[float]:
        """Rewards, noted."""
        found = [float(value) for value in self.reward(answered)] if self.reward else []
        second = list(self.judged(answered)) if self.judged else None
        self.monitor.seen.append(observe([text for _, text in answered], found, kl, second))
        self.alarm = self.alarm or self.monitor.alarm()
        return found


def _trainer(
    folder: str,
    tokenizer: Any,
    rows: Sequence[Row],
    work: Work,
    settings: TrainerSettings,
    options: PolicyOptions,
    watch: _Watch,
    curve: Curve,
    progress: Progress,
) -> Any:
    import trl
    from datasets import Dataset
    from transformers import TrainerCallback

    class Stop(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_training_stop |= watch.alarm is not None

    name = options.method.upper()
    common = arguments(work, settings, settings.base, validated=False)
    online = {
        "num_generations": options.generations,
        "max_completion_length": options.response_tokens,
        "per_device_train_batch_size": options.generations
        * max(1, settings.batch_size // options.generations),
    }
    choices: dict[str, dict[str, Any]] = {
        "sft": {"max_length": settings.max_length},
        "dpo": {"max_length": settings.max_length, "beta": options.kl},
        "kto": {"max_length": settings.max_length, "beta": options.kl},
        "grpo": {**online, "beta": options.kl},
        "rloo": {**online, "beta": options.kl},
    }
    more: dict[str, Any] = {"reward_funcs": watch} if options.method in ONLINE else {}
    return getattr(trl, f"{name}Trainer")(
        model=folder,  # a path: TRL loads the reference from it, too
        args=getattr(trl, f"{name}Config")(**{**common, **choices[options.method]}),
        train_dataset=Dataset.from_list(_rows(rows, options.method)),
        processing_class=tokenizer,
        peft_config=_lora(settings),
        callbacks=[Stop(), *callbacks(settings, False, options.method, progress, curve)],
        **more,
    )


def _rows(rows: Sequence[Row], method: Method) -> list[Row]:
    """The columns the method wants, conversational."""
    made: list[Row] = []
    for row in rows:
        prompt = as_messages(row["prompt"], "user")
        chosen, rejected = (as_messages(row[c], "assistant") for c in ("chosen", "rejected"))
        if method == "sft":
            made.append({"prompt": prompt, "completion": chosen})
        elif method == "dpo":
            made.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
        elif method == "kto":
            made.append({"prompt": prompt, "completion": chosen, "label": True})
            made.append({"prompt": prompt, "completion": rejected, "label": False})
        else:
            made.append({"prompt": prompt})
    return made


def _ppo(
    folder: str,
    tokenizer: Any,
    rows: Sequence[Row],
    settings: TrainerSettings,
    options: PolicyOptions,
    watch: _Watch,
    curve: Curve,
    progress: Progress,
) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, set_seed

    from trainer.ppo import PpoOptions, step

    set_seed(settings.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device)
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().to(device)
    head = torch.nn.Linear(model.config.hidden_size, 1).to(device)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimizer = torch.optim.AdamW(
        [*model.parameters(), *head.parameters()], lr=settings.rate(settings.base)
    )
    draw = torch.Generator().manual_seed(settings.seed)
    chosen = PpoOptions(kl=options.kl)
    kl: float | None = None
    for update in range(options.updates):
        at = torch.randint(len(rows), (settings.batch_size,), generator=draw).tolist()
        prompts = [as_messages(rows[i]["prompt"], "user") for i in at]
        asked = [_asked(tokenizer, prompt, settings.max_length) for prompt in prompts]

        def score(
            texts: list[str], prompts: Any = prompts, before: float | None = kl
        ) -> list[float]:
            return watch.scores(list(zip(prompts, texts, strict=True)), before)

        _, scores, kl = step(
            model,
            reference,
            head,
            optimizer,
            tokenizer,
            asked,
            score,
            options.response_tokens,
            chosen,
        )
        mean = sum(scores) / len(scores)
        curve.points.append({"step": float(update), "reward": mean, "kl": kl})
        progress("ppo", update + 1, options.updates)
        if watch.alarm:
            break
    return model


def _asked(tokenizer: Any, prompt: Any, max_length: int) -> list[int]:
    if not tokenizer.chat_template:
        ids: list[int] = tokenizer("\n\n".join(m["content"] for m in prompt))["input_ids"]
        return ids[-max_length:]
    ids = tokenizer.apply_chat_template(
        prompt, tokenize=True, add_generation_prompt=True, return_dict=True
    )["input_ids"]
    return ids[-max_length:]


def _lora(settings: TrainerSettings) -> Any:
    if not settings.lora:
        return None
    from peft import LoraConfig

    return LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_rank,
        lora_alpha=2 * settings.lora_rank,
        target_modules="all-linear",
    )
