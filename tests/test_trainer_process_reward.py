"""Process rewards: import, training on step ends, measured on the unseen, best of n."""

import json
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.errors import BadInput, Conflict
from db.imports import Kind, import_files
from db.session import Database
from db.step_labels import Solution, all_solutions
from trainer import steps
from trainer.process_reward import _first_wrong, evaluate_steps
from trainer.settings import TrainerSettings
from trainer.step_scorer import StepScorer, encode_steps, worth


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
    measured = steps.evaluate_process(database, done.checkpoint)
    # Of 200 prompts about a tenth was left for this, and 3 steps of each are rated.
    assert 5 < measured.solutions < 40
    assert measured.steps == 3 * measured.solutions
    ours, always = measured.table[done.checkpoint], measured.table["every step is right"]
    assert ours["accuracy"]["value"] > 0.9 > always["accuracy"]["value"]
    assert (always["auc"], always["accuracy"]["n"]) == (None, measured.steps)
    assert steps.evaluate_process(database, done.checkpoint).new is False
    rows = tmp_path / "several.jsonl"
    rows.write_text(
        json.dumps({"prompt": "Task 5", "solutions": [bad, good]}) + "\n"
        + json.dumps({"prompt": "Task 6", "responses": ["wrong step 1", "right step 1\n\n"]}) + "\n"
        + json.dumps({"prompt": "Task 7", "solutions": []}) + "\n"
        + json.dumps({"prompt": "Task 8", "solutions": [good * 40, bad]}) + "\n"
    )  # fmt: skip
    picked = steps.best_of(database, rows, tmp_path / "best.jsonl", rule="product")
    told = [json.loads(line) for line in (tmp_path / "best.jsonl").read_text().splitlines()]
    assert [each["best"] for each in told[:2]] == [1, 1]
    assert told[1]["solution"] == "right step 1\n\n"  # as it was given
    assert told[0]["worth"][1] == pytest.approx(told[0]["steps"][1][0] * told[0]["steps"][1][1])
    assert (picked.rows, picked.solutions, picked.cut, picked.rejected) == (3, 6, 1, 1)
    assert told[2]["cut"] == [True, False]
    assert "1 rows left out (first: line 3: a row needs prompt" in picked.summary
    rows.write_text('{"prompt": "Q"}\n')
    with pytest.raises(BadInput, match="no row with a prompt and solutions or responses"):
        steps.best_of(database, rows, tmp_path / "none.jsonl")
    assert not (tmp_path / "none.jsonl").exists()
    write_solutions(file, 40)  # what it has seen, or chose its stopping point
    (Path(done.path) / "prompts.json").write_text(
        json.dumps({"learnt": [each.prompt for each in read(database)], "validated": []})
    )
    with pytest.raises(Conflict, match=r"every labelled solution was seen by .* import some"):
        steps.evaluate_process(database, done.checkpoint)


def read(database: Database) -> list[Solution]:
    with database.read() as session:
        return all_solutions(session)


def test_a_solution_is_worth_its_lowest_step_or_the_product() -> None:
    assert worth([0.9, 0.5, 0.8]) == 0.5
    assert worth([0.9, 0.5, 0.8], "product") == pytest.approx(0.36)
    assert worth([]) == worth([], "product") == 0.0


def test_a_solution_that_is_longer_than_it_reads_is_told() -> None:
    class Even(StepScorer):
        def load(self) -> tuple[object, object]:
            return None, Letters()

    import trainer.step_scorer as module

    whole = module._forward
    module._forward = lambda _m, _t, made: [[0.9] * len(ends) for _, ends in made]
    try:
        found = Even(None, max_length=7).read([("Q", ["ab", "c"]), ("Q", ["a"])])
    finally:
        module._forward = whole
    # As below: of the first only "ab" ends within 7 letters; of the second step nothing is known.
    assert [list(row) for row in found.scores] == [[0.9, 0.5], [0.9]]
    assert found.cut.tolist() == [True, False]


class Letters:
    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) for c in text]}


def test_a_step_ends_at_its_last_token() -> None:
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
