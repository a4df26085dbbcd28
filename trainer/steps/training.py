"""The steps behind `tiebreak train` on a dataset: reward models, judges, policies, left-out groups.

Leaves out how any of it is learnt (the siblings of this folder).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from db import checkpoints
from db.datasets import LEFT_OUT, left_out_groups
from db.errors import BadInput
from db.events import record
from db.gold import gold_set
from db.identity import content_hash
from db.progress import Progress, quiet
from db.session import Database
from db.vocabulary import CheckpointKind
from judges.constitution import Constitution
from trainer.encoding import asked_text, said_text
from trainer.judge_training import Lesson
from trainer.policy import PolicyOptions
from trainer.recorded_training import TrainDone, choices_of, material, train_and_record
from trainer.settings import WORDS, TrainerSettings
from trainer.vocabulary import Group
from trainer.workspace import Workspace


def train_reward(
    database: Database,
    settings: TrainerSettings,
    dataset: str | None = None,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train a reward model on a dataset (the newest where none is named), once.

    A killed training goes on where it was when the same command runs again.
    """
    from trainer import reward_model, words_reward

    given = material(database, dataset)

    def fit(work: Workspace) -> dict[str, Any]:
        if settings.base == WORDS:
            return words_reward.train(
                given.train, given.validation, work, settings, given.dataset.name
            )
        return reward_model.train(
            given.train, given.validation, work, settings, given.dataset.name, progress
        )

    recipe = settings.recipe(settings.base)
    return train_and_record(database, given, CheckpointKind.REWARD, settings, recipe, name, fit)


def train_judge(
    database: Database,
    settings: TrainerSettings,
    rules: Constitution,
    dataset: str | None = None,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train the next judge on the settled pairs of a dataset, once; resumable like `train_reward`.

    With folds, judges blind to each are trained first (`trainer.out_of_fold`); beside labels it
    learns what the panel believes of other pairs (`trainer.distilling`).
    `rules` is the constitution the panel judges by: it stands in the question where the settings
    give a judge its instructions.
    """
    from trainer import (
        distilling,
        generative_judge,
        judge_training,
        out_of_fold,
        words_training,
    )

    if settings.judge_base == WORDS and settings.judge_style == "generative":
        raise BadInput(
            "a generative judge writes, and 'words' cannot; give it a base with --base "
            "(docs/bases.md names some)"
        )
    given = material(database, dataset)
    everything = [*given.train, *given.validation, *given.train_ties, *given.validation_ties]
    missed = judge_training.missed_votes(given.folder, choices_of(everything))
    folds, more = settings.folds, None
    if settings.distils:
        with database.read() as session:
            gold = gold_set(session)
        more = distilling.beside(given, gold)

    def teach(learnt: Sequence[Lesson], held: Sequence[Lesson], work: Workspace) -> dict[str, Any]:
        if settings.judge_base == WORDS:
            return words_training.train(learnt, held, work, rules, given.dataset.name)
        if settings.judge_style == "generative":
            written = generative_judge.reasons(given.folder, everything)
            return generative_judge.train(
                learnt, held, written, work, settings, rules, given.dataset.name, progress
            )
        return judge_training.train(
            learnt, held, work, settings, rules, given.dataset.name, progress
        )

    def fit(work: Workspace) -> dict[str, Any]:
        group_of = more.group_of if more else given.group_of
        learnt, held = (
            judge_training.lessons(rows, ties, missed, settings, group_of)
            for rows, ties in (
                (given.train, given.train_ties),
                (given.validation, given.validation_ties),
            )
        )
        if more:
            soft = distilling.softened(learnt, [*given.train, *given.train_ties])
            soft = distilling.bounded([*soft, *distilling.distilled(more)])
            if soft != learnt:
                learnt, told = distilling.chosen(learnt, soft)
                work = replace(work, figures={**work.figures, "distilled": told})
        work = out_of_fold.answer_blind(learnt, held, work, folds, teach, rules, progress)
        return teach(learnt, held, work)

    recipe = settings.recipe(settings.judge_base)
    recipe |= {
        "constitution": rules.version,
        "judge_folds": folds,
        "distil": content_hash([row["pair_hash"] for row in more.rows]) if more else False,
    }
    return train_and_record(database, given, CheckpointKind.JUDGE, settings, recipe, name, fit)


def train_prompted(
    database: Database,
    settings: TrainerSettings,
    judge: str,
    dataset: str | None = None,
    name: str | None = None,
) -> TrainDone:
    """Turn experts' corrections into a chapter of rules for a judge that cannot be trained.

    Put the chapter (`constitution.toml` in the checkpoint) into the panel as a judge named `judge`;
    once it has been asked about gold, `evaluate` and `promote` treat it like any other challenger.
    """
    from trainer import prompted_judge
    from trainer.judge_training import missed_votes

    given = material(database, dataset)
    rows = [*given.train, *given.validation]
    missed = missed_votes(given.folder, choices_of(rows))
    texts = [
        (
            asked_text(row),
            said_text(row["chosen"]),
            said_text(row["rejected"]),
        )
        for row in rows
    ]

    def fit(work: Workspace) -> dict[str, Any]:
        found = prompted_judge.corrections(rows, missed, texts)
        return prompted_judge.write(found, work, judge, given.dataset.name)

    recipe = {"style": "prompted", "judge": judge}
    return train_and_record(database, given, CheckpointKind.JUDGE, settings, recipe, name, fit)


def train_policy(
    database: Database,
    settings: TrainerSettings,
    options: PolicyOptions,
    dataset: str | None = None,
    reward: str | None = None,
    judged: str | None = None,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train a policy on a dataset; grpo, rloo and ppo follow a reward model (`reward`, else the
    active one, else the newest) and stop when `judged`, a second reward model, says otherwise.
    """
    from trainer import policy
    from trainer.serving.scoring import RewardScorer

    given = material(database, dataset)
    recipe = settings.recipe(settings.base) | {"policy": asdict(options)}
    scorers: dict[str, RewardScorer | None] = {"reward": None, "judged": None}
    with database.read() as session:
        if options.method in policy.ONLINE:
            found = checkpoints.in_use(session, reward, CheckpointKind.REWARD)
            scorers["reward"] = RewardScorer(Path(found.path))
            recipe["reward"] = found.content_hash
        if judged is not None:
            second = checkpoints.checkpoint(session, judged, CheckpointKind.REWARD)
            scorers["judged"] = RewardScorer(Path(second.path))
            recipe["judged"] = second.content_hash

    def fit(work: Workspace) -> dict[str, Any]:
        score = {k: each.score if each else None for k, each in scorers.items()}
        return policy.train(
            given.train,
            work,
            settings,
            options,
            given.dataset.name,
            score["reward"],
            score["judged"],
            progress,
        )

    return train_and_record(database, given, CheckpointKind.POLICY, settings, recipe, name, fit)


@dataclass(frozen=True)
class CrossValidated:
    """Accuracy on each group by models trained without it; `new` groups were done this time."""

    dataset: str
    by: str
    groups: list[dict[str, Any]]
    new: int

    @property
    def summary(self) -> str:
        """One line for people."""
        each = (f"{g['group']} {g['accuracy']['reward model']['value']:.3f}" for g in self.groups)
        return f"left-out {self.by} of {self.dataset!r}, reward model accuracy: " + "; ".join(each)


def cross_validate(
    database: Database,
    settings: TrainerSettings,
    dataset: str | None = None,
    by: Group = "data_source",
    progress: Progress = quiet,
) -> CrossValidated:
    """Train a reward model without each source (or domain) in turn and test it on that one.

    Every group is recorded when it is done; `evaluate` tells them beside its own figures.
    """
    from trainer.cross_validation import cross_validate as rounds

    given = material(database, dataset)
    subject = f"dataset:{given.dataset.name}"
    recipe = content_hash(
        given.dataset.content_hash, given.left_out_prompts, settings.recipe(settings.base)
    )

    def known() -> dict[str, dict[str, Any]]:
        with database.read() as session:
            groups = left_out_groups(session, given.dataset)
        return {g["group"]: g for g in groups if (g["by"], g["recipe"]) == (by, recipe)}

    before = known()
    rows = [*given.train, *given.validation]
    for each in rounds(rows, settings, by, progress=progress, known=before):
        with database.begin() as session:
            payload = {"by": by, "recipe": recipe, **asdict(each)}
            record(session, "tiebreak", LEFT_OUT, subject, payload)
    found = [{k: g[k] for k in ("group", "pairs", "accuracy")} for g in known().values()]
    return CrossValidated(given.dataset.name, by, found, new=len(found) - len(before))
