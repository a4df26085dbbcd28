"""The prompts a checkpoint has learnt from: of its dataset's labels, and of what it distilled.

What it says there measures nothing of it, but where it answers out of fold (`judges.taught`).
"""

from pathlib import Path

from db.conversation import Messages
from db.models import Checkpoint, Dataset
from judges.encoding import as_messages
from judges.taught import taught
from trainer.distilling import unsettled
from trainer.export.dataset import read_manifest, read_split, read_ties


def learnt_prompts(checkpoint: Checkpoint | None, dataset: Dataset | None) -> dict[str, Messages]:
    """Content hash -> messages; nothing of a checkpoint without a dataset.

    Raises BadInput where the dataset was changed since.
    """
    if checkpoint is None or dataset is None:
        return {}
    folder = Path(dataset.path)
    manifest = read_manifest(folder)
    rows = [row for split in ("train", "validation") for row in read_split(folder, split)]
    found: dict[str, Messages] = {
        row["meta"]["prompt_hash"]: as_messages(row["prompt"], "user")
        for row in [*rows, *read_ties(folder)]
    }
    if checkpoint.settings.get("distil"):
        prompts = taught(Path(checkpoint.path)).prompts
        shown = unsettled(folder, manifest["filters"])
        found |= {r["prompt_hash"]: r["prompt"] for r in shown if r["prompt_hash"] in prompts}
    for prompt in checkpoint.settings.get("left_out_prompts", ()):
        found.pop(prompt, None)
    return found
