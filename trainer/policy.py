"""Policies: supervised (sft), from preferences (dpo, kto), by a reward model (grpo, rloo, ppo).

All but ppo are TRL's trainers; ppo is `trainer.ppo_run`. What is generated is watched for reward
hacking (`trainer.hacking`), and training stops when the reward and the truth part.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from db.errors import BadInput
from trainer.bases import base_folder, load_tokenizer, quiet_libraries
from trainer.card import model_card
from trainer.encoding import as_messages
from trainer.hacking import Limits, Monitor, Observation, observe
from trainer.loop import Curve, Progress, arguments, callbacks, quiet, run
from trainer.settings import TrainerSettings
from trainer.work import Work, finish

Method = Literal["sft", "dpo", "kto", "grpo", "rloo", "ppo"]
ONLINE = ("grpo", "rloo", "ppo")
SNAPSHOT_EVERY = 5  # updates of ppo; a kill loses at most these
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
        model = _ppo(folder, tokenizer, rows, work, settings, options, watch, curve, progress)
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
    work: Work,
    settings: TrainerSettings,
    options: PolicyOptions,
    watch: _Watch,
    curve: Curve,
    progress: Progress,
) -> Any:
    """From the start, or from the newest snapshot; stops where the watch rings."""
    from trainer.ppo import PpoOptions
    from trainer.ppo_run import begin, update

    state = begin(folder, settings.rate(settings.base), settings.seed)
    seen = state.resume(work) or {"curve": [], "watched": []}
    curve.points = seen["curve"]
    watch.monitor.seen = [Observation(**each) for each in seen["watched"]]
    watch.alarm = watch.monitor.alarm()
    prompts = [as_messages(row["prompt"], "user") for row in rows]
    asked = [_asked(tokenizer, prompt, settings.max_length) for prompt in prompts]

    def score(at: Sequence[int], texts: list[str], kl: float | None) -> list[float]:
        return watch.scores([(prompts[i], t) for i, t in zip(at, texts, strict=True)], kl)

    chosen = PpoOptions(kl=options.kl)
    length = options.response_tokens
    while state.done < options.updates and not watch.alarm:
        mean = update(state, tokenizer, asked, settings.batch_size, score, length, chosen)
        point = {"step": float(state.done - 1), "reward": mean, "kl": state.kl or 0.0}
        curve.points.append(point)
        if state.done % SNAPSHOT_EVERY == 0:
            watched = [vars(each) for each in watch.monitor.seen]
            state.save(work, {"curve": curve.points, "watched": watched})
        progress("ppo", state.done, options.updates)
    return state.model


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
