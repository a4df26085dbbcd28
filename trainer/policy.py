"""Policies: supervised (sft), from preferences (dpo, kto), by a reward model (grpo, rloo, ppo).

All but ppo are TRL's trainers; ppo is `trainer.ppo_run`. What is generated is watched for reward
hacking (`trainer.hacking`), and training stops when the reward and the truth part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from db.conversation import Tools
from db.errors import BadInput
from db.progress import Progress, quiet
from judges.encoding import as_messages, encode
from judges.tokens import CHAT_AS_TEXT
from trainer.adapters import beside, finished, lora, require_lasting
from trainer.bases import (
    base_folder,
    load_writer_tokenizer,
    model_options,
    quiet_libraries,
    require_base,
    require_positions,
)
from trainer.card import model_card
from trainer.divergence import generating, require_finite, require_finite_figures
from trainer.encoding import texts_of
from trainer.hacking import Limits, Monitor
from trainer.huggingface import Curve, arguments, callbacks, configured, run
from trainer.settings import TrainerSettings
from trainer.tensorboard import Board
from trainer.vocabulary import Method
from trainer.watch import Score, Watch, watch_callback
from trainer.workspace import Workspace, publish_model

ONLINE = ("grpo", "rloo", "ppo")
SNAPSHOT_EVERY = 5  # updates of ppo; a kill loses at most these: docs/design/own-ppo.md
Row = dict[str, Any]


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
    work: Workspace,
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
    require_base(settings.base)
    quiet_libraries()
    texts = [text for row in rows for text in texts_of(row, *_COLUMNS)]
    folder = base_folder(settings.base, texts, work.partial, settings.seed)
    tokenizer = load_writer_tokenizer(folder)
    more = options.response_tokens if options.method in ONLINE else 0
    require_lasting(settings, settings.base)
    require_positions(folder, settings.base, settings.max_length, more)
    rows, dropped = _readable(rows, tokenizer, options, settings.max_length)
    if not rows:
        raise BadInput(
            f"dataset {dataset!r} leaves no prompt to answer ({dropped} are longer than max_length "
            f"{settings.max_length}); raise max_length"
        )
    watch = Watch(Monitor(options.limits), reward, judged, Board(settings, work))
    curve = Curve()
    if options.method == "ppo":
        model = _ppo(folder, tokenizer, rows, work, settings, options, watch, curve, progress)
        require_finite(model)
        model = finished(model, settings, folder, work.partial)
    else:
        trainer = _trainer(folder, tokenizer, rows, work, settings, options, watch, curve, progress)
        model = run(trainer, work, settings, folder)
    metadata = {
        "kind": "policy",
        "method": options.method,
        "base": settings.base,
        "dataset": dataset,
        "max_length": settings.max_length,
        "rows": {
            "train": len(rows),
            "cut": _cut(rows, tokenizer, options, settings.max_length),
            "dropped": dropped,
        },
        "curve": curve.points,
        "watched": watch.seen,
        "stopped": watch.alarm,
        "validation": None,
    }
    card = model_card(work.name, metadata)
    publish_model(work, model, tokenizer, metadata, card, beside(work))
    return metadata


_COLUMNS = ("prompt", "chosen", "rejected")


def _readable(
    rows: Sequence[Row], tokenizer: Any, options: PolicyOptions, max_length: int
) -> tuple[Sequence[Row], int]:
    """Rows whose prompts fit, and how many do not: TRL's online trainers cut none (1.16)."""
    if options.method not in ("grpo", "rloo"):
        return rows, 0
    kept = [row for row in rows if not _cut([row], tokenizer, options, max_length)]
    return kept, len(rows) - len(kept)


def _cut(rows: Sequence[Row], tokenizer: Any, options: PolicyOptions, max_length: int) -> int:
    """How many rows do not fit into the longest sequence, with the responses that are learnt."""
    sides = () if options.method in ONLINE else ("chosen", "rejected")
    return sum(
        any(
            encode(
                tokenizer, as_messages(row["prompt"], "user"), said, max_length, row.get("tools")
            ).cut
            for said in [as_messages(row[side], "assistant") for side in sides] or [[]]
        )
        for row in rows
    )


def _trainer(
    folder: str,
    tokenizer: Any,
    rows: Sequence[Row],
    work: Workspace,
    settings: TrainerSettings,
    options: PolicyOptions,
    watch: Watch,
    curve: Curve,
    progress: Progress,
) -> Any:
    import trl
    from datasets import Dataset

    name = options.method.upper()
    common = arguments(work, settings, settings.base, validated=False)
    online = {
        "num_generations": options.generations,
        "chat_template_kwargs": CHAT_AS_TEXT,
        "max_completion_length": options.response_tokens,
        # Whole batches alone are asked: more prompts than there are would be none.
        "per_device_train_batch_size": options.generations
        * max(1, min(settings.batch_size // options.generations, len(rows))),
    }
    choices: dict[str, dict[str, Any]] = {
        "sft": {"max_length": settings.max_length, "packing": settings.packing},
        "dpo": {"max_length": settings.max_length, "beta": options.kl},
        "kto": {"max_length": settings.max_length, "beta": options.kl},
        "grpo": {**online, "beta": options.kl},
        "rloo": {**online, "beta": options.kl},
    }
    kind = getattr(trl, f"{name}Trainer")
    label, watching, more = options.method, [], {}
    if options.method in ONLINE:
        kind = _in_exact_order(kind)
        watching, more = [watch_callback(watch, work)], {"reward_funcs": watch}
    return kind(
        model=folder,  # a path: TRL loads the reference from it, too
        args=configured(
            getattr(trl, f"{name}Config"),
            **{**common, **choices[options.method]},
            model_init_kwargs=model_options(settings),
        ),
        train_dataset=Dataset.from_list(_rows(rows, options.method)),
        processing_class=tokenizer,
        peft_config=lora(settings, "CAUSAL_LM"),
        callbacks=[
            *watching,
            *callbacks(settings, work, False, label, progress, curve, watch.board),
        ],
        **more,
    )


def _in_exact_order(kind: Any) -> Any:
    """The trainer with an order of prompts that follows from seed and epoch alone.

    TRL's own goes on from where a generator stands, which a snapshot does not keep.
    """

    class Ordered(kind):  # type: ignore[misc]
        def _get_train_sampler(self, dataset: Any = None) -> Any:
            sampler = super()._get_train_sampler(dataset)
            seed = self.args.seed
            sampler.set_epoch = lambda epoch: sampler.generator.manual_seed(seed + epoch)
            return sampler

    return Ordered


def _rows(rows: Sequence[Row], method: Method) -> list[Row]:
    """The columns the method wants, conversational."""
    made: list[Row] = []
    for row in rows:
        prompt = as_messages(row["prompt"], "user")
        chosen, rejected = (as_messages(row[c], "assistant") for c in ("chosen", "rejected"))
        asked = {"prompt": prompt, "chat_template_kwargs": CHAT_AS_TEXT} | (
            {"tools": row["tools"]} if row.get("tools") else {}
        )
        if method == "sft":
            made.append(asked | {"completion": chosen})
        elif method == "dpo":
            made.append(asked | {"chosen": chosen, "rejected": rejected})
        elif method == "kto":
            made.append(asked | {"completion": chosen, "label": True})
            made.append(asked | {"completion": rejected, "label": False})
        else:
            made.append(asked)
    return made


def _ppo(
    folder: str,
    tokenizer: Any,
    rows: Sequence[Row],
    work: Workspace,
    settings: TrainerSettings,
    options: PolicyOptions,
    watch: Watch,
    curve: Curve,
    progress: Progress,
) -> Any:
    """From the start, or from the newest snapshot; stops where the watch rings."""
    from trainer.ppo import PpoOptions
    from trainer.ppo_run import begin, update

    adapter = lora(settings, "CAUSAL_LM")
    loading = model_options(settings)
    state = begin(folder, settings.rate(settings.base), settings.seed, loading, adapter)
    seen = state.resume(work) or {"curve": [], "watched": []}
    curve.points = seen["curve"]
    watch.recall(seen["watched"])
    watch.board.open(state.done)
    prompts = [as_messages(row["prompt"], "user") for row in rows]
    asked = [
        _asked(tokenizer, prompt, row.get("tools"), settings.max_length)
        for prompt, row in zip(prompts, rows, strict=True)
    ]

    def score(at: Sequence[int], texts: list[str], kl: float | None) -> list[float]:
        return watch.scores([(prompts[i], t) for i, t in zip(at, texts, strict=True)], kl)

    chosen = PpoOptions(kl=options.kl)
    length = options.response_tokens
    while state.done < options.updates and not watch.alarm:
        with generating():
            mean = update(state, tokenizer, asked, settings.batch_size, score, length, chosen)
        point = {"step": float(state.done - 1), "reward": mean, "kl": state.kl or 0.0}
        require_finite_figures(state.done, point)
        curve.points.append(point)
        watch.board.add(state.done, {name: point[name] for name in ("reward", "kl")})
        watch.draw(state.done)
        if state.done % SNAPSHOT_EVERY == 0:
            state.save(work, {"curve": curve.points, "watched": watch.seen})
        progress("ppo", state.done, options.updates)
    watch.board.close()
    return state.model


def _asked(tokenizer: Any, prompt: Any, tools: Tools | None, max_length: int) -> list[int]:
    ids: list[int] = tokenizer.apply_chat_template(
        prompt,
        tools=tools,
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        **CHAT_AS_TEXT,
    )["input_ids"]
    return ids[-max_length:]
