"""The next judge, kind two: it writes reasons and then a verdict; supervised, then DPO.

Supervised tuning on answers that reached the settled choice: the panel's own words where a vote was
right in that order, an expert's rationale, or the bare verdict. Then, where asked for, DPO
(Rafailov et al. 2023) between a right and a wrong answer to the very same question. Both stages
stop early on validation; the stage whose verdicts are better there is kept, with its temperature.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from db.errors import BadInput
from db.progress import Progress, quiet
from db.vocabulary import Choice, Order
from judges.constitution import Constitution
from judges.local import VERDICT, reasoned
from judges.prompts import VERSION, Template
from judges.tokens import AS_TEXT, CHAT_AS_TEXT, fitted, whole_chat
from trainer.adapters import lora
from trainer.bases import (
    base_folder,
    load_tokenizer,
    load_writer_tokenizer,
    model_options,
    require_positions,
)
from trainer.card import model_card
from trainer.huggingface import Curve, arguments, callbacks, configured, run
from trainer.judge_training import Lesson, menu_figures, question, shown_targets
from trainer.settings import TrainerSettings
from trainer.workspace import Workspace, publish_files

Reasons = Mapping[tuple[str, Order, Choice], Sequence[str]]
"""What was written for a choice about a pair as it was shown in an order."""

_PLACE = re.compile(r"\b(?:response|assistant|answer)\s*(?:1|2|a|b|one|two)\b", re.IGNORECASE)
# Pairs a finished stage is asked about, as each answer is generated: within 7 points, by hand.
_MOST_HELD = 200
_CLOSING = re.compile(r"^[^\w\n]*+(?:VERDICT|CONFIDENCE|PRINCIPLES|VIOLATED BY)\b.*$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """One question as a conversation, a right answer, and a wrong one where the panel gave one.

    cut: whether the middle of its texts had to go to fit.
    """

    asked: list[dict[str, str]]
    right: str
    wrong: str | None
    cut: bool = False


def reasons(folder: Path, rows: Sequence[dict[str, Any]]) -> Reasons:
    """From an export: rationales by pair, order and choice; experts' in both orders.

    An expert's rationale that names a place is left out, because it does not say which was where.
    """
    found: dict[tuple[str, Order, Choice], list[str]] = defaultdict(list)
    columns = ["pair_id", "order", "choice", "rationale"]
    for file in sorted((folder / "votes").glob("*.parquet")):
        for vote in pq.read_table(file, columns=columns).to_pylist():
            if vote["rationale"] and vote["order"] != Order.NONE:
                key = vote["pair_id"], Order(vote["order"]), Choice(vote["choice"])
                found[key].append(_CLOSING.sub("", vote["rationale"]).strip())
    for row in rows:
        meta = row["meta"]
        free = [text for text in meta["rationales"] if not _PLACE.search(text)]
        for order in (Order.AB, Order.BA):
            # Experts first: their reasons are the ones to learn.
            key = meta["pair_id"], order, Choice(meta["choice"])
            found[key] = [*free, *found[key]]
    return found


def examples(
    lessons: Sequence[Lesson],
    written: Reasons,
    rules: Constitution,
    tokenizer: Any,
    settings: TrainerSettings,
) -> list[Example]:
    """Both orders of every lesson; questions too long for the judge are cut."""
    template = Template(rules, output="text", per_principle=False)
    made = []
    for lesson in lessons:
        settled = lesson.target.choice
        for order in (Order.AB, Order.BA):
            asked = question(lesson, order, template)
            room = settings.max_length - _length(tokenizer, asked.system)
            shown = fitted(tokenizer, asked, room)
            others = [c for c in (Choice.A, Choice.B, Choice.TIE) if c != settled]
            wrong = next((c for c in others if written.get((lesson.pair_id, order, c))), None)
            made.append(
                Example(
                    [
                        {"role": "system", "content": asked.system},
                        {"role": "user", "content": shown},
                    ],
                    _answer(lesson.pair_id, order, settled, written, tokenizer, settings),
                    _answer(lesson.pair_id, order, wrong, written, tokenizer, settings)
                    if wrong
                    else None,
                    shown != asked.user,
                )
            )
    return made


def train(
    train_lessons: Sequence[Lesson],
    validation_lessons: Sequence[Lesson],
    written: Reasons,
    work: Workspace,
    settings: TrainerSettings,
    rules: Constitution,
    dataset: str,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Supervised tuning, then DPO where asked for; each stage goes on where a kill left off."""
    if not train_lessons:
        raise BadInput(f"dataset {dataset!r} has no row to train a judge on; export more labels")
    texts = [text for each in train_lessons for text in (each.prompt, each.a, each.b)]
    if settings.lora and not settings.merge:
        raise BadInput(
            "a generative judge is kept merged: each of its stages starts from the one before; "
            "leave merge at true"
        )
    shaped = Template(rules, output="text", per_principle=False)
    first = question(train_lessons[0], Order.AB, shaped)
    base = settings.judge_base
    texts += [first.system, first.user, *(t for several in written.values() for t in several)]
    folder = base_folder(base, texts, work.partial, settings.seed)
    tokenizer = load_writer_tokenizer(folder)
    require_positions(folder, base, settings.max_length, settings.reasoning_tokens)
    fit = examples(train_lessons, written, rules, tokenizer, settings)
    held = examples(validation_lessons, written, rules, tokenizer, settings)
    curves = [_supervised(folder, fit, held, work, settings, progress)]
    stages = {"supervised": work.partial / "supervised-model"}
    contrasts = [each for each in fit if each.wrong]
    if settings.dpo and contrasts:
        against = [each for each in held if each.wrong]
        tuned = stages["supervised"]
        curves.append(_preferred(tuned, contrasts, against, work, settings, progress))
        stages["dpo"] = work.partial / "dpo-model"
    fared = {
        name: examined(tuned, validation_lessons, settings, shaped)
        for name, tuned in stages.items()
    }
    kept = _best(fared)
    metadata = {
        "kind": "judge",
        "style": "generative",
        "base": base,
        "dataset": dataset,
        "max_length": settings.max_length,
        "reasoning_tokens": settings.reasoning_tokens,
        "template": VERSION,
        "constitution": rules.version,
        "rows": {
            "train": len(train_lessons),
            "validation": len(validation_lessons),
            "cut": sum(each.cut for each in fit + held) // 2,
            "with_reasons": sum("\n" in each.right for each in fit),
            "contrasts": len(contrasts) if settings.dpo else 0,
        },
        "curve": [point for curve in curves for point in curve.points],
        "stage": kept,
        "stages": fared,
        **fared[kept],
    }

    def save(target: Path) -> None:
        shutil.copytree(stages[kept], target, dirs_exist_ok=True)

    packages = ("torch", "transformers", "trl")
    publish_files(work, save, metadata, model_card(work.name, metadata), packages)
    return metadata


def examined(
    folder: Path, lessons: Sequence[Lesson], settings: TrainerSettings, template: Template
) -> dict[str, Any]:
    """Temperature and figures of a finished stage, asked about held-out pairs in both orders.

    It writes its reasons first, as it will for the panel. At most 200 pairs are asked, and none
    that is too long for it: of those it will abstain.
    """
    if not lessons:
        return {"temperature": 1.0, "validation": None}
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(folder).eval().to(device)
    tokenizer = load_tokenizer(str(folder))
    asked, targets = [], []
    for lesson in lessons[:_MOST_HELD]:
        for order, target in shown_targets(lesson):
            ids = whole_chat(tokenizer, question(lesson, order, template), settings.max_length)
            if ids is not None:
                asked.append(ids)
                targets.append(target)
    if not asked:
        return {"temperature": 1.0, "validation": None}
    logs: list[list[float]] = []
    for start in range(0, len(asked), settings.batch_size):
        batch = asked[start : start + settings.batch_size]
        found = reasoned(model, tokenizer, batch, settings.reasoning_tokens)
        logs += [one.logs for one in found]
    return menu_figures(np.array(logs), np.array(targets))


def _best(fared: Mapping[str, dict[str, Any]]) -> str:
    """The stage of least log-loss on validation; without one, the last."""
    if any(each["validation"] is None for each in fared.values()):
        return list(fared)[-1]
    return min(fared, key=lambda name: float(fared[name]["validation"]["log_loss"]))


def _supervised(
    folder: str,
    fit: Sequence[Example],
    held: Sequence[Example],
    work: Workspace,
    settings: TrainerSettings,
    progress: Progress,
) -> Curve:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    stage, curve, validated = replace(work, stage="supervised"), Curve(), bool(held)
    if (work.partial / "supervised-model").is_dir():
        return curve

    def rows(given: Sequence[Example]) -> Any:
        return Dataset.from_list([{**_asked(e), "completion": _said(e.right)} for e in given])

    trainer = SFTTrainer(
        model=folder,
        args=configured(
            SFTConfig,
            **arguments(stage, settings, settings.judge_base, validated),
            model_init_kwargs=model_options(settings),
            packing=settings.packing,
            max_length=settings.max_length + settings.reasoning_tokens
            if settings.packing
            else None,
        ),
        train_dataset=rows(fit),
        eval_dataset=rows(held) if validated else None,
        processing_class=load_writer_tokenizer(folder),
        callbacks=callbacks(settings, stage, validated, "generative judge", progress, curve),
        peft_config=lora(settings, "CAUSAL_LM"),
    )
    _keep(run(trainer, stage, settings, folder), trainer, stage, work)
    return curve


def _preferred(
    folder: Path,
    contrasts: Sequence[Example],
    against: Sequence[Example],
    work: Workspace,
    settings: TrainerSettings,
    progress: Progress,
) -> Curve:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    stage, curve, held = replace(work, stage="dpo"), Curve(), bool(against)
    if (work.partial / "dpo-model").is_dir():
        return curve

    def rows(given: Sequence[Example]) -> Any:
        return Dataset.from_list(
            [
                {**_asked(e), "chosen": _said(e.right), "rejected": _said(e.wrong or "")}
                for e in given
            ]
        )

    gentle = settings.model_copy(update={"learning_rate": settings.rate(settings.judge_base) / 10})
    trainer = DPOTrainer(
        model=str(folder),  # a path: TRL loads the reference from it, too
        args=configured(
            DPOConfig,
            **arguments(stage, gentle, settings.judge_base, held),
            model_init_kwargs=model_options(settings),
            max_length=None,
        ),
        train_dataset=rows(contrasts),
        eval_dataset=rows(against) if held else None,
        processing_class=load_tokenizer(str(folder)),
        callbacks=callbacks(gentle, stage, held, "generative judge, DPO", progress, curve),
        peft_config=lora(settings, "CAUSAL_LM"),
    )
    _keep(run(trainer, stage, settings, str(folder)), trainer, stage, work)
    return curve


def _keep(model: Any, trainer: Any, stage: Workspace, work: Workspace) -> None:
    """Save the finished stage by one rename, with the adapters it rests on."""
    folder = work.partial / f"{stage.stage}-model"
    writing = folder.with_name(folder.name + ".writing")
    shutil.rmtree(writing, ignore_errors=True)
    model.save_pretrained(writing)
    trainer.processing_class.save_pretrained(writing)
    for name in ("supervised", "dpo"):
        adapter = work.partial / name / "adapter"
        if adapter.is_dir():
            shutil.copytree(adapter, writing / f"adapter-{name}")
    writing.replace(folder)


def _word(choice: Choice, order: Order) -> str:
    shown = choice.mirrored() if order is Order.BA else choice
    return {Choice.A: "1", Choice.B: "2", Choice.TIE: "tie"}[shown]


def _answer(
    pair_id: str,
    order: Order,
    choice: Choice,
    written: Reasons,
    tokenizer: Any,
    settings: TrainerSettings,
) -> str:
    """Reasons, cut to what the judge may write, and the verdict's line."""
    said = next(iter(written.get((pair_id, order, choice), ())), "")
    ids = tokenizer(said, **AS_TEXT)["input_ids"]
    if len(ids) > settings.reasoning_tokens - 16:
        said = tokenizer.decode(ids[: settings.reasoning_tokens - 16])
    verdict = f"{VERDICT} {_word(choice, order)}"
    return f"{said}\n{verdict}" if said else verdict


def _asked(example: Example) -> dict[str, Any]:
    return {"prompt": example.asked, "chat_template_kwargs": CHAT_AS_TEXT}


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text + "\n"}]


def _length(tokenizer: Any, system: str) -> int:
    return len(tokenizer(system, **AS_TEXT)["input_ids"]) + 32
