"""A reward or process model is put to use: behind `tiebreak quantize` and `tiebreak serve`."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from db import checkpoints
from db.models import Dataset
from db.session import Database
from db.vocabulary import CheckpointKind
from trainer.serving.quantize import Quantized
from trainer.vocabulary import Precision


@dataclass(frozen=True, kw_only=True)
class QuantizeDone(Quantized):
    """A smaller copy beside its original; agreement is the share of decisions that stayed."""

    original: str

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


def quantize(
    database: Database, name: str | None = None, how: Precision = "bf16", folder: Path | None = None
) -> QuantizeDone:
    """Write a smaller copy of a reward model (the active one without a name, else the newest).

    The cost is measured on its dataset's test and validation splits; nobody promotes the copy.
    """
    from trainer.export.dataset import read_split
    from trainer.serving.quantize import quantize as copy

    with database.read() as session:
        original = checkpoints.in_use(session, name, CheckpointKind.REWARD)
        dataset = session.get(Dataset, original.dataset_id)
    held = [
        row
        for split in ("validation", "test")
        for row in (read_split(Path(dataset.path), split) if dataset else [])
    ]
    target = (folder or Path(original.path).with_name(f"{original.name}-{how}")).absolute()
    done = copy(Path(original.path), target, how, held)
    return QuantizeDone(**asdict(done), original=original.name)


def serve(
    database: Database,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8600,
    folder: Path | None = None,
    names: tuple[str, ...] = (),
    announce: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a reward or process model over HTTP until interrupted: `folder`, or the named one, or
    the active reward model, or the newest. `names`: what the service is called beside its address.
    Raises NotAllowed where others could reach it without a key.
    """
    from trainer.serving.guard import Guard
    from trainer.serving.scoring import RewardScorer
    from trainer.serving.server import serve as run
    from trainer.step_scorer import StepScorer
    from trainer.workspace import read_metadata

    guard = Guard.of(host, os.environ, names)
    if folder is None:
        with database.read() as session:
            chosen = checkpoints.in_use(session, name, CheckpointKind.REWARD)
        folder, name = Path(chosen.path), chosen.name
    stepped = read_metadata(folder)["kind"] == CheckpointKind.PROCESS.value
    scorer = StepScorer(folder) if stepped else RewardScorer(folder)
    run(scorer, name or folder.name, host, port, announce=announce, guard=guard)
