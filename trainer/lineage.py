"""Where a checkpoint comes from: base, dataset, labels, people, judges, parents, the gate's words.

And the other way: which datasets hold a pair and which checkpoints learnt from it. Reads alone.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from db import lineage as stored
from db.datasets import TIES
from db.models import Checkpoint, Dataset
from db.pairs import get_pair
from db.session import Session
from db.vocabulary import CheckpointKind
from trainer.export.selection import ExportOptions, split_of


@dataclass(frozen=True)
class DatasetSource:
    """A dataset as a parent. labels: split -> source -> count; people: annotator -> answers."""

    name: str
    content_hash: str
    path: str
    created_at: str
    filters: dict[str, Any]
    labels: dict[str, dict[str, int]]
    people: dict[str, dict[str, int]]
    judges: list[dict[str, Any]]


@dataclass(frozen=True)
class Lineage:
    """One checkpoint and what it comes from. `parents` are checkpoints, with their own lineage.

    A parent that is told elsewhere in the tree has `told` set and nothing below it.
    """

    checkpoint: str
    kind: str
    generation: int
    active: bool
    content_hash: str
    created_at: str
    base: str
    dataset: DatasetSource | None
    left_out_prompts: int
    evaluations: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    parents: list["Parent"] = field(default_factory=list)
    told: bool = False

    @property
    def summary(self) -> str:
        """The tree, a line a branch."""
        return "\n".join([_title(self), *_branches(list(_below(self)))])


@dataclass(frozen=True)
class Parent:
    """A checkpoint another one rests on, and how: base, reward, second judge or panel."""

    role: str
    lineage: Lineage


@dataclass(frozen=True)
class Learnt:
    """Where a pair went. `use` of a checkpoint: trained on, tuned on, not seen, or left out."""

    pair: str
    parts: list[dict[str, Any]]

    @property
    def summary(self) -> str:
        """A line a dataset, and below it a line a checkpoint."""
        if not self.parts:
            return f"pair {self.pair} stands in no dataset, so nothing has learnt from it"
        lines = [f"pair {self.pair}"]
        tree: list[_Node] = []
        for part in self.parts:
            label = f"{part['choice']} by {part['source']}" + (
                "" if part["current"] else ", replaced since"
            )
            users: list[_Node] = [
                (f"{c['kind']} {c['checkpoint']}: {c['use']}", []) for c in part["learners"]
            ]
            nobody: list[_Node] = [("nothing was trained on it", [])]
            tree.append((f"dataset {part['dataset']}, {part['split']}: {label}", users or nobody))
        return "\n".join([*lines, *_branches(tree)])


def lineage(session: Session, checkpoint: Checkpoint) -> Lineage:
    """The whole tree above a checkpoint; a checkpoint met twice is told once."""
    return _lineage(session, checkpoint, set())


def learners(session: Session, key: str) -> Learnt:
    """Datasets that hold a pair (number, name or content hash) and what was trained on them."""
    pair = get_pair(session, key)
    parts = []
    for part in stored.parts_of(session, pair.id):
        dataset = session.get_one(Dataset, part.dataset_id)
        place, _, split = part.split.partition(" ")
        if place != TIES:
            split = place
        elif not split:  # datasets of before did not say
            split = split_of(pair.prompt.content_hash, _options(dataset))
        parts.append(
            {
                "dataset": dataset.name,
                **{k: v for k, v in asdict(part).items() if k != "dataset_id"},
                "learners": [
                    {
                        "checkpoint": each.name,
                        "kind": each.kind.value,
                        "generation": each.generation,
                        "active": each.active_at is not None,
                        "use": _use(each, place, split, pair.prompt.content_hash),
                    }
                    for each in stored.trained_on(session, dataset.id)
                ],
            }
        )
    return Learnt(key, parts)


def _options(dataset: Dataset) -> ExportOptions:
    filters = dataset.manifest["filters"]
    return ExportOptions(
        seed=filters["seed"], validation=filters["validation"], test=filters["test"]
    )


def _use(checkpoint: Checkpoint, place: str, split: str, prompt: str) -> str:
    if prompt in checkpoint.settings.get("left_out_prompts", ()):
        return "left out, gold or nearly gold by then"
    if place == TIES and checkpoint.kind is not CheckpointKind.JUDGE:
        return "not seen, it does not learn from ties"
    return {"train": "trained on it", "validation": "tuned on it"}.get(split, "not seen")


def _lineage(session: Session, checkpoint: Checkpoint, seen: set[int]) -> Lineage:
    told = checkpoint.id in seen
    seen.add(checkpoint.id)
    dataset = session.get(Dataset, checkpoint.dataset_id) if checkpoint.dataset_id else None
    voices = stored.voices(session, dataset) if dataset and not told else []
    return Lineage(
        checkpoint=checkpoint.name,
        kind=checkpoint.kind.value,
        generation=checkpoint.generation,
        active=checkpoint.active_at is not None,
        content_hash=checkpoint.content_hash,
        created_at=checkpoint.created_at.isoformat(),
        base=checkpoint.base,
        dataset=_source(session, dataset, voices) if dataset and not told else None,
        left_out_prompts=len(checkpoint.settings.get("left_out_prompts", ())),
        evaluations=[] if told else _evaluations(session, checkpoint),
        decisions=[]
        if told
        else [
            {**asdict(v), "at": v.at.isoformat()} for v in stored.verdicts(session, checkpoint.id)
        ],
        parents=[] if told else list(_parents(session, checkpoint, voices, seen)),
        told=told,
    )


def _parents(
    session: Session, checkpoint: Checkpoint, voices: list[stored.Voice], seen: set[int]
) -> Iterator[Parent]:
    """Checkpoints it starts from, follows, is watched by, or whose votes taught it."""
    followed = [(role, checkpoint.settings.get(role)) for role in ("reward", "judged")]
    found = [(role, stored.by_content(session, digest)) for role, digest in followed if digest]
    found.append(("base", stored.by_path(session, str(Path(checkpoint.base).absolute()))))
    found += [("panel", stored.by_content(session, v.weights)) for v in voices if v.weights]
    for role, parent in found:
        if parent is not None and parent.id != checkpoint.id:
            yield Parent(role, _lineage(session, parent, seen))


def _source(session: Session, dataset: Dataset, voices: list[stored.Voice]) -> DatasetSource:
    return DatasetSource(
        name=dataset.name,
        content_hash=dataset.content_hash,
        path=dataset.path,
        created_at=dataset.created_at.isoformat(),
        filters=dataset.manifest["filters"],
        labels=stored.label_sources(session, dataset.id),
        people=stored.people(session, dataset.id),
        judges=[asdict(voice) for voice in voices],
    )


def _evaluations(session: Session, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    return [
        {
            "at": each.created_at.isoformat(),
            "gold": each.gold_hash,
            "pairs": each.metrics.get("pairs"),
            "unit": each.metrics.get("unit", "gold pairs"),
            "accuracy": each.metrics.get("table", {}).get(checkpoint.name, {}).get("accuracy"),
        }
        for each in stored.evaluations(session, checkpoint.id)
    ]


_Node = tuple[str, list[Any]]
"""A line and the nodes below it."""


def _title(one: Lineage) -> str:
    place = f", generation {one.generation}" if one.generation else ""
    now = ", in production" if one.active else ""
    return f"{one.kind} {one.checkpoint}{place}{now} ({one.content_hash[:12]})"


def _below(one: Lineage) -> Iterator[_Node]:
    if one.told:
        yield "told above", []
        return
    yield f"base {one.base}", []
    if one.dataset:
        yield _dataset_node(one.dataset, one.left_out_prompts)
    for parent in one.parents:
        yield f"{parent.role}: {_title(parent.lineage)}", list(_below(parent.lineage))
    for each in one.evaluations:
        value = (each["accuracy"] or {}).get("value")
        fared = f"accuracy {value:.3f}" if value is not None else "no accuracy"
        yield f"measured {each['at'][:16]}: {fared} on {each['pairs']} {each['unit']}", []
    for each in one.decisions:
        over = f" over {each['over']}" if each["over"] else ""
        reasons: list[_Node] = [(reason, []) for reason in each["reasons"]]
        yield f"{each['verdict']} {each['at'][:16]}{over}", reasons


def _dataset_node(source: DatasetSource, left_out: int) -> _Node:
    set_to = {k: v for k, v in source.filters.items() if v not in (None, (), [], False)}
    below: list[_Node] = [("filters " + ", ".join(f"{k} {v}" for k, v in set_to.items()), [])]
    if left_out:
        below.append((f"{left_out} prompts left out: gold or nearly gold by then", []))
    for split, counts in source.labels.items():
        said = ", ".join(f"{n} by {name}" for name, n in counts.items())
        below.append((f"{split}: {sum(counts.values())} labels, {said}", []))
    for name, counts in source.people.items():
        said = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
        below.append((f"annotator {name}: {said}", []))
    for judge in source.judges:
        place = "trained here, " if judge["weights"] else ""
        place += f"generation {judge['generation']}"
        below.append((f"judge {judge['judge']} ({place}): {judge['votes']} votes", []))
    return f"dataset {source.name} ({source.content_hash[:12]})", below


def _branches(nodes: list[_Node], indent: str = "") -> list[str]:
    """Lines of a tree, drawn as `tree` draws folders."""
    lines = []
    for i, (text, below) in enumerate(nodes):
        last = i == len(nodes) - 1
        lines.append(f"{indent}{'└── ' if last else '├── '}{text}")
        lines += _branches(below, indent + ("    " if last else "│   "))
    return lines
