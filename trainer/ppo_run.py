"""A whole PPO training: updates in order, a snapshot every few of them, exact after a kill.

A snapshot holds all that the next update depends on: weights, value head, optimiser, random states,
and what was seen so far. Leaves out the update itself (`trainer.ppo`) and who scores.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.ppo import PpoOptions, step
from trainer.workspace import Workspace, mark_complete

_STATE = "state.pt"
_KEPT = 2  # the newest, and the one before in case a kill came while it was written


@dataclass
class PpoRun:
    """A training between two updates. done: updates so far; kl: mean of the last one, in nats."""

    model: Any
    reference: Any
    head: Any
    optimizer: Any
    draw: Any
    done: int = 0
    kl: float | None = None

    def save(self, work: Workspace, seen: dict[str, Any]) -> None:
        """Write a snapshot; older ones but one go. `seen` is the caller's own state, plain data."""
        import torch

        folder = work.snapshots / f"checkpoint-{self.done}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        state = {
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "draw": self.draw.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "done": self.done,
            "kl": self.kl,
            "seen": seen,
        }
        torch.save(state, folder / _STATE)
        mark_complete(folder)
        older = sorted(work.snapshots.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
        for each in older[:-_KEPT]:
            shutil.rmtree(each)

    def resume(self, work: Workspace) -> dict[str, Any] | None:
        """Go back to the newest complete snapshot; what its caller had seen, None without one."""
        import torch

        newest = work.newest_snapshot()
        if newest is None:
            return None
        state = torch.load(Path(newest) / _STATE, weights_only=True, map_location="cpu")
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.draw.set_state(state["draw"])
        torch.set_rng_state(state["random"])
        if state["random_cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["random_cuda"])
        self.done, self.kl = state["done"], state["kl"]
        seen: dict[str, Any] = state["seen"]
        return seen


def begin(
    folder: str, rate: float, seed: int, loading: dict[str, Any], adapter: Any = None
) -> PpoRun:
    """The base as policy and as fixed reference, a value head of zeros, an optimiser over both.

    loading: keyword arguments of `from_pretrained`. adapter: a LoraConfig where the policy's own
    weights stay as they are.
    """
    import torch
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, reference = (
        AutoModelForCausalLM.from_pretrained(folder, **loading).to(device) for _ in range(2)
    )
    if adapter is not None:
        from peft import get_peft_model

        model = get_peft_model(model, adapter)
    head = torch.nn.Linear(model.config.hidden_size, 1).to(device)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    learnt = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([*learnt, *head.parameters()], lr=rate)
    draw = torch.Generator().manual_seed(seed)
    return PpoRun(model.eval(), reference.eval(), head, optimizer, draw)


def update(
    run: PpoRun,
    tokenizer: Any,
    asked: Sequence[list[int]],
    batch_size: int,
    score: Callable[[Sequence[int], list[str], float | None], list[float]],
    length: int,
    options: PpoOptions,
) -> float:
    """One update on drawn prompts; the mean reward.

    score: numbers of the prompts, responses and the last KL -> rewards.
    """
    import torch

    at = torch.randint(len(asked), (batch_size,), generator=run.draw).tolist()
    before = run.kl
    _, scores, run.kl = step(
        run.model,
        run.reference,
        run.head,
        run.optimizer,
        tokenizer,
        [asked[i] for i in at],
        lambda texts: score(at, texts, before),
        length,
        options,
    )
    run.done += 1
    return sum(scores) / len(scores)
