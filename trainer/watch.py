"""The reward as trainers of policies call it: scores, notes what it saw, and says when to stop.

What was seen is kept with every snapshot, so that a training that goes on after a kill compares
with its own beginning. Leaves out what is a mark of reward hacking (`trainer.hacking`).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from db.conversation import content_text
from trainer.hacking import Monitor, Observation, observe
from trainer.tensorboard import Board
from trainer.workspace import Workspace

Score = Callable[[Sequence[tuple[Any, str]]], Iterable[float]]
"""Scores of (prompt, response); higher is better."""

_SEEN = "watched.json"


@dataclass
class Watch:
    """A reward, a second judge that training never follows, what both saw, and where it is drawn.

    Seen are the batches of responses, oldest first.
    """

    monitor: Monitor
    reward: Score | None
    judged: Score | None
    board: Board
    alarm: str | None = None
    __name__: str = "reward_model"  # TRL calls a reward function by its name

    def __call__(self, prompts: Any, completions: Any, **_: Any) -> list[float]:
        """Rewards of completions, as TRL asks for them."""
        texts = [c if isinstance(c, str) else content_text(c[-1]["content"]) for c in completions]
        return self.scores(list(zip(prompts, texts, strict=True)))

    def scores(self, answered: Sequence[tuple[Any, str]], kl: float | None = None) -> list[float]:
        """Rewards, noted."""
        found = [float(value) for value in self.reward(answered)] if self.reward else []
        second = list(self.judged(answered)) if self.judged else None
        self.monitor.seen.append(observe([text for _, text in answered], found, kl, second))
        self.alarm = self.alarm or self.monitor.alarm()
        return found

    def far(self, kl: float) -> None:
        """Note how far from the reference the newest responses are: nats a response."""
        if self.monitor.seen:
            self.monitor.seen[-1] = replace(self.monitor.seen[-1], kl=kl)
            self.alarm = self.alarm or self.monitor.alarm()

    @property
    def seen(self) -> list[dict[str, Any]]:
        """Every observation as plain data, oldest first."""
        return [vars(each) for each in self.monitor.seen]

    def recall(self, seen: Sequence[dict[str, Any]]) -> None:
        """Go on from what was seen before."""
        self.monitor.seen = [Observation(**each) for each in seen]
        self.alarm = self.monitor.alarm()

    def draw(self, step: int) -> None:
        """The newest observation as points of the curves `watched/...`."""
        if self.monitor.seen:
            newest = vars(self.monitor.seen[-1])
            self.board.add(step, {f"watched/{name}": value for name, value in newest.items()})


def watch_callback(watch: Watch, work: Workspace) -> Any:
    """Keeps the watch of a TRL training: stops it, saves and restores what was seen."""
    from transformers import TrainerCallback

    class Keep(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            newest = work.newest_snapshot()
            if newest is not None and (kept := Path(newest) / _SEEN).is_file():
                watch.recall(json.loads(kept.read_text(encoding="utf-8")))

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            watch.draw(state.global_step)
            control.should_training_stop |= watch.alarm is not None

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any
        ) -> None:
            token, length = logs.get("kl"), logs.get("completions/mean_length")
            if token is not None and length is not None:  # TRL tells the mean of a token
                watch.far(token * length)
                control.should_training_stop |= watch.alarm is not None

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (folder / _SEEN).write_text(json.dumps(watch.seen), encoding="utf-8")

    return Keep()
