"""The trainer's verbs: each opens its own transactions, is safe to repeat, and says what it did.

Leaves out how any of it is computed (the sibling files).
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from db import checkpoints
from db import datasets as stored
from db.datasets import ExportPair, ExportVote, GoldSet
from db.errors import BadInput, Conflict
from db.events import record
from db.files import read_lines
from db.identity import content_hash
from db.models import Dataset
from db.session import Database
from db.step_labels import add_solutions, all_solutions
from db.upsert import chunks
from db.vocabulary import CheckpointKind
from judges.constitution import Constitution
from trainer.cross_validation import By
from trainer.dataset import Export, write_dataset
from trainer.encoding import as_messages, prompt_text
from trainer.loop import Progress, quiet
from trainer.policy import PolicyOptions
from trainer.quantize import How
from trainer.registry import evaluate, history, promote, rollback
from trainer.selection import ExportOptions, Selection, select
from trainer.settings import WORDS, TrainerSettings
from trainer.training import TrainDone, carry_out, choices_of, material
from trainer.work import Work

__all__ = [
    "cross_validate",
    "evaluate",
    "export",
    "history",
    "import_steps",
    "promote",
    "quantize",
    "rollback",
    "serve",
    "train_judge",
    "train_policy",
    "train_process",
    "train_prompted",
    "train_reward",
]


@dataclass(frozen=True)
class ExportDone:
    """What an export wrote. `left_out` counts pairs by the reason they are not in it."""

    dataset: str
    path: str
    content_hash: str
    rows: dict[str, int]
    left_out: dict[str, int]
    new: bool

    @property
    def summary(self) -> str:
        """One line for people."""
        labels = sum(self.rows[name] for name in ("train", "validation", "test"))
        done = "exported" if self.new else "already exported"
        return (
            f"{done} {labels} preferences (train {self.rows['train']}, validation "
            f"{self.rows['validation']}, test {self.rows['test']}) and {self.rows['ties']} ties "
            f"as {self.dataset!r} to {self.path}"
        )


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


@dataclass(frozen=True)
class ImportedSteps:
    """How an import of stepwise labels went."""

    file: str
    new: int
    known: int
    rejected: list[str]

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.new} solutions imported, {self.known} known, {len(self.rejected)} rejected"


@dataclass(frozen=True)
class QuantizeDone:
    """A smaller copy beside its original; agreement is the share of decisions that stayed."""

    original: str
    path: str
    how: str
    bytes_before: int
    bytes_after: int
    pairs: int
    agreement: float | None
    accuracy_before: float | None
    accuracy_after: float | None
    ece_after: float | None

    @property
    def summary(self) -> str:
        """One line for people."""
        size = f"{self.bytes_before / 1e6:.1f} MB to {self.bytes_after / 1e6:.1f} MB"
        if self.agreement is None:
            return (
                f"{self.how} copy of {self.original!r} in {self.path}: {size}; no pairs to compare"
            )
        return (
            f"{self.how} copy of {self.original!r} in {self.path}: {size}; the same decision on "
            f"{self.agreement:.1%} of {self.pairs} pairs, accuracy {self.accuracy_before:.3f} to "
            f"{self.accuracy_after:.3f}"
        )


@dataclass(frozen=True)
class _Read:
    """All an export needs, as it stood in one transaction."""

    pairs: list[ExportPair]
    votes: list[ExportVote]
    gold: GoldSet
    waiting_batch: int | None
    certificates: list[dict[str, Any]]


def export(
    database: Database, folder: Path, options: ExportOptions, name: str | None = None
) -> ExportDone:
    """Write the settled labels as an immutable dataset and name it in the database.

    `name` is the folder's own name where none is given. The same labels and options again change
    nothing; other content under a known name or in a used folder is a Conflict.
    """
    name = name or folder.absolute().name
    with database.read() as session:
        read = _Read(
            stored.export_pairs(session),
            stored.export_votes(session),
            stored.gold_set(session),
            stored.newest_batch(session),
            stored.certificates(session),
        )
    selection = select(read.pairs, read.gold, options, read.waiting_batch)
    if not any(selection.splits.values()):
        raise BadInput(_nothing(selection))
    written = write_dataset(folder, name, selection, read.votes, options, read.certificates)
    new = _record_export(database, name, written, selection)
    return ExportDone(
        dataset=name,
        path=str(written.path),
        content_hash=written.content_hash,
        rows=written.manifest["rows"],
        left_out=selection.left_out,
        new=new,
    )


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
    from trainer import reward_model

    given = material(database, dataset)

    def fit(work: Work) -> dict[str, Any]:
        return reward_model.train(
            given.train, given.validation, work, settings, given.dataset.name, progress
        )

    recipe = settings.recipe(settings.base)
    return carry_out(database, given, CheckpointKind.REWARD, settings, recipe, name, fit)


def train_judge(
    database: Database,
    settings: TrainerSettings,
    rules: Constitution,
    dataset: str | None = None,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train the next judge on the settled pairs of a dataset, once; resumable like `train_reward`.

    `rules` is the constitution the panel judges by: it stands in the question where the settings
    give a judge its instructions.
    """
    from trainer import generative_judge, judge_training, words_training

    given = material(database, dataset)
    everything = [*given.train, *given.validation, *given.train_ties, *given.validation_ties]
    missed = judge_training.missed_votes(given.folder, choices_of(everything))

    def fit(work: Work) -> dict[str, Any]:
        learnt = judge_training.lessons(given.train, given.train_ties, missed, settings)
        held = judge_training.lessons(given.validation, given.validation_ties, missed, settings)
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

    recipe = settings.recipe(settings.judge_base) | {"constitution": rules.version}
    return carry_out(database, given, CheckpointKind.JUDGE, settings, recipe, name, fit)


def cross_validate(
    database: Database,
    settings: TrainerSettings,
    dataset: str | None = None,
    by: By = "data_source",
    progress: Progress = quiet,
) -> CrossValidated:
    """Train a reward model without each source (or domain) in turn and test it on that one.

    Every group is recorded when it is done; `evaluate` tells them beside its own figures.
    """
    from trainer.cross_validation import LEFT_OUT, recorded
    from trainer.cross_validation import cross_validate as rounds

    given = material(database, dataset)
    subject = f"dataset:{given.dataset.name}"
    recipe = content_hash(
        given.dataset.content_hash, given.left_out_prompts, settings.recipe(settings.base)
    )

    def known() -> dict[str, dict[str, Any]]:
        with database.read() as session:
            groups = recorded(session, given.dataset)
        return {g["group"]: g for g in groups if (g["by"], g["recipe"]) == (by, recipe)}

    before = known()
    rows = [*given.train, *given.validation]
    for each in rounds(rows, settings, by, progress=progress, known=before):
        with database.begin() as session:
            payload = {"by": by, "recipe": recipe, **asdict(each)}
            record(session, "tiebreak", LEFT_OUT, subject, payload)
    found = [{k: g[k] for k in ("group", "pairs", "accuracy")} for g in known().values()]
    return CrossValidated(given.dataset.name, by, found, new=len(found) - len(before))


def import_steps(database: Database, file: Path, strict: bool = False) -> ImportedSteps:
    """Import stepwise labels (`prompt`, `steps`, `labels`) from JSONL, Parquet or CSV, once each.

    A row that cannot be used is counted with its reason and the others are kept; `strict` refuses
    the whole file at the first one.
    """
    from trainer.process_reward import parse

    good, bad = [], []
    for line in read_lines(file):
        try:
            if line.problem:
                raise BadInput(line.problem)
            good.append(parse(line.row))
        except BadInput as error:
            if strict:
                raise BadInput(f"{line.file} line {line.number}: {error}") from None
            bad.append(f"{line.file} line {line.number}: {error}")
    with database.begin() as session:
        new = sum(add_solutions(session, chunk) for chunk in chunks(good))
    return ImportedSteps(str(file), new, len(good) - new, bad)


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
    from trainer.evaluate import text_of
    from trainer.judge_training import missed_votes

    given = material(database, dataset)
    rows = [*given.train, *given.validation]
    missed = missed_votes(given.folder, choices_of(rows))
    texts = [
        (
            prompt_text(as_messages(row["prompt"], "user")),
            text_of(row["chosen"]),
            text_of(row["rejected"]),
        )
        for row in rows
    ]

    def fit(work: Work) -> dict[str, Any]:
        found = prompted_judge.corrections(rows, missed, texts)
        return prompted_judge.write(found, work, judge, given.dataset.name)

    recipe = {"style": "prompted", "judge": judge}
    return carry_out(database, given, CheckpointKind.JUDGE, settings, recipe, name, fit)


def train_process(
    database: Database,
    settings: TrainerSettings,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train a process reward model on all imported step labels; one prompt in five is held out."""
    from trainer import process_reward

    with database.read() as session:
        everything = all_solutions(session)
        gold = stored.gold_set(session)
    usable = [each for each in everything if each.prompt not in gold.prompts]
    held = [each for each in usable if int(each.prompt[:8], 16) % 5 == 0]
    rest = [each for each in usable if int(each.prompt[:8], 16) % 5]

    def fit(work: Work) -> dict[str, Any]:
        return process_reward.train(rest or usable, held, work, settings, progress)

    recipe = settings.recipe(settings.base) | {
        "solutions": content_hash([[each.identity, list(each.labels)] for each in usable])
    }
    left_out = len(everything) - len(usable)
    return carry_out(database, None, CheckpointKind.PROCESS, settings, recipe, name, fit, left_out)


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
    from trainer.scoring import RewardScorer

    given = material(database, dataset)
    recipe = settings.recipe(settings.base) | {"policy": asdict(options)}
    scorers: dict[str, RewardScorer | None] = {"reward": None, "judged": None}
    with database.read() as session:
        if options.method in policy.ONLINE:
            active = checkpoints.active(session, CheckpointKind.REWARD) if reward is None else None
            found = active or checkpoints.checkpoint(session, reward, CheckpointKind.REWARD)
            scorers["reward"] = RewardScorer(Path(found.path))
            recipe["reward"] = found.content_hash
        if judged is not None:
            second = checkpoints.checkpoint(session, judged, CheckpointKind.REWARD)
            scorers["judged"] = RewardScorer(Path(second.path))
            recipe["judged"] = second.content_hash

    def fit(work: Work) -> dict[str, Any]:
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

    return carry_out(database, given, CheckpointKind.POLICY, settings, recipe, name, fit)


def quantize(
    database: Database, name: str | None = None, how: How = "bf16", folder: Path | None = None
) -> QuantizeDone:
    """Write a smaller copy of a reward model (the newest without a name) and measure the cost.

    The copy is measured on its dataset's test and validation splits and is not promoted by itself.
    """
    from trainer.dataset import read_split
    from trainer.quantize import quantize as copy

    with database.read() as session:
        original = checkpoints.checkpoint(session, name, CheckpointKind.REWARD)
        dataset = session.get(Dataset, original.dataset_id)
    held = [
        row
        for split in ("validation", "test")
        for row in (read_split(Path(dataset.path), split) if dataset else [])
    ]
    target = (folder or Path(original.path).with_name(f"{original.name}-{how}")).absolute()
    done = copy(Path(original.path), target, how, held)
    return QuantizeDone(original.name, **asdict(done))


def serve(
    database: Database,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8600,
    folder: Path | None = None,
) -> None:
    """Serve a reward model over HTTP until interrupted: `folder`, or the named one, or the active
    one, or the newest.
    """
    from trainer.scoring import RewardScorer
    from trainer.serving import serve as run

    if folder is None:
        with database.read() as session:
            active = checkpoints.active(session, CheckpointKind.REWARD) if name is None else None
            chosen = active or checkpoints.checkpoint(session, name, CheckpointKind.REWARD)
        folder, name = Path(chosen.path), chosen.name
    run(RewardScorer(folder), name or folder.name, host, port)


def _record_export(database: Database, name: str, written: Export, selection: Selection) -> bool:
    items = [(p.preference_id, split) for split, ps in selection.splits.items() for p in ps]
    items += [(p.preference_id, "ties") for p in selection.ties]
    with database.begin() as session:
        known = stored.find_dataset(session, name)
        if known is not None:
            if known.content_hash != written.content_hash:
                raise Conflict(
                    f"dataset {name!r} exists with other content, and datasets never change; "
                    "choose another name"
                )
            return False
        made = stored.record_dataset(
            session,
            name,
            str(written.path),
            written.content_hash,
            written.manifest,
            [(preference_id, split) for preference_id, split in items if preference_id],
        )
        record(
            session,
            "tiebreak",
            "dataset.exported",
            f"dataset:{made.name}",
            {
                "content_hash": made.content_hash,
                "rows": written.manifest["rows"],
            },
        )
    return True


def _nothing(selection: Selection) -> str:
    reasons = ", ".join(f"{n} {name}" for name, n in selection.left_out.items())
    return (
        f"nothing to export: {reasons or 'there are no pairs'}; "
        "settle labels with `tiebreak merge`, or loosen the filters"
    )
