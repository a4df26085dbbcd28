"""Process rewards: import, training on step ends, best of n by the lowest step."""

import json
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.imports import Kind, import_files
from db.session import Database
from db.step_labels import Solution, all_solutions
from trainer import steps
from trainer.process_reward import StepScorer, _first_wrong, encode_steps, evaluate_steps
from trainer.settings import TrainerSettings


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def write_solutions(path: Path, count: int = 200) -> None:
    rng = random.Random(0)
    with path.open("w") as out:
        for i in range(count):
            labels = [rng.random() < 0.6 for _ in range(3)]
            made = [f"{'right' if ok else 'wrong'} step {rng.randint(0, 99)}" for ok in labels]
            row = {"prompt": f"Task {i}", "steps": made, "labels": labels}
            out.write(json.dumps(row) + "\n")


def test_steps_are_imported_once_and_learnt(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "steps.jsonl"
    write_solutions(file)
    import_files(database, Kind.STEPS, [file])
    chosen = TrainerSettings(base="tiny", folder=tmp_path / "c", epochs=6, max_length=96)
    done = steps.train_process(database, chosen)
    assert done.validation["accuracy"] > 0.95
    assert done.validation["auc"] > 0.95
    assert done.validation["always_right_accuracy"] < 0.75
    scorer = StepScorer(Path(done.path))
    prompt = [{"role": "user", "content": "Task 5"}]
    good, bad = ["right step 3", "right step 9"], ["right step 3", "wrong step 9"]
    assert scorer.best_of(prompt, [bad, good, bad]) == 1
    assert steps.train_process(database, chosen).new is False
    with database.read() as session:
        assert len(all_solutions(session)) == 200


def test_a_step_ends_at_its_last_token() -> None:
    class Letters:
        def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
            return {"input_ids": [ord(c) for c in text]}

    prompt = [{"role": "user", "content": "Q"}]
    ids, ends = encode_steps(Letters(), prompt, ["ab", "c"], 100)
    # "Q\n\n" is 3 letters, "ab\n" ends at 5, "c\n" at 7.
    assert "".join(map(chr, ids)) == "Q\n\nab\nc\n"
    assert ends == [5, 7]
    assert encode_steps(Letters(), prompt, ["ab", "c"], 7)[1] == [5]


def test_a_neutral_or_unrated_step_is_neither_learnt_nor_counted() -> None:
    class Half(StepScorer):
        def score(self, asked: object) -> list[list[float]]:
            return [[0.9, 0.1, 0.2, 0.1]]

    said = Solution([{"role": "user", "content": "Q"}], ("a", "b", "c", "d"), (1, 0, None, -1))
    # Steps a (0.9, right) and d (0.1, wrong) count, and both are told; b and c are left out.
    found = evaluate_steps(Half(None), [said])
    assert (found["steps"], found["accuracy"], found["auc"]) == (2, 1.0, 1.0)
    assert (found["always_right_accuracy"], found["first_error_found"]) == (0.5, 1.0)
    assert (_first_wrong([True, False]), _first_wrong([True])) == (1, 1)
