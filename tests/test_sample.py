"""The bundled sample: written by hand, labelled with reasons, whole, and hard where it says so."""

import json
from collections import Counter, defaultdict
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from db.imports import ImportOptions, Kind, import_files
from db.pairs import resolve_names
from db.session import Database
from db.status import status

FOLDER = Path(__file__).resolve().parents[1] / "app" / "sample"
DOMAINS = {"coding", "everyday", "law", "medicine", "science", "writing"}
NEAR = 0.6  # Jaccard similarity of the sets of five-letter pieces: above it is a near-duplicate


def rows(kind: str) -> list[dict[str, Any]]:
    files = sorted(FOLDER.glob(f"{kind}_*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


PROMPTS, LABELS, GOLD = rows("candidates"), rows("labels"), rows("gold")
PAIRS = {
    f"{p['prompt_id']}:{a['id']}:{b['id']}": p
    for p in PROMPTS
    for a, b in combinations(p["responses"], 2)
}


def test_there_is_enough_of_everything() -> None:
    assert len(PROMPTS) >= 120
    per_domain = Counter(p["domain"] for p in PROMPTS)
    assert set(per_domain) == DOMAINS
    assert min(per_domain.values()) >= 15
    assert {len(p["responses"]) for p in PROMPTS} == {2, 3, 4}
    assert len(PAIRS) >= 300


def test_ids_are_unique_and_everything_speaks_of_a_pair_there_is() -> None:
    assert len({p["prompt_id"] for p in PROMPTS}) == len(PROMPTS)
    assert len({p["prompt"] for p in PROMPTS}) == len(PROMPTS)
    for prompt in PROMPTS:
        assert len({r["id"] for r in prompt["responses"]}) == len(prompt["responses"])
        assert all(r["text"].strip() for r in prompt["responses"])
    for row in [*LABELS, *GOLD]:
        assert row["pair_id"] in PAIRS


def test_every_pair_is_labelled_by_the_authors_with_a_reason_and_some_again() -> None:
    said = defaultdict(list)
    for label in LABELS:
        said[label["annotator"]].append(label["pair_id"])
        assert len(label["rationale"].split()) >= 3
        assert label["choice"] in ("a", "b", "tie")
    assert set(said) == {"author", "author-again"}
    assert sorted(said["author"]) == sorted(PAIRS)
    again = set(said["author-again"])
    assert len(again) == len(said["author-again"])
    assert 0.2 * len(PAIRS) <= len(again) < len(PAIRS)


def test_the_second_pass_agrees_mostly_and_differs_on_near_ties() -> None:
    first = {x["pair_id"]: x["choice"] for x in LABELS if x["annotator"] == "author"}
    again = {x["pair_id"]: x["choice"] for x in LABELS if x["annotator"] == "author-again"}
    same = sum(first[name] == choice for name, choice in again.items()) / len(again)
    assert 0.7 <= same < 1


def test_no_choice_and_no_position_can_be_guessed() -> None:
    choices = Counter(x["choice"] for x in LABELS if x["annotator"] == "author")
    assert set(choices) == {"a", "b", "tie"}
    assert 0.4 < choices["a"] / (choices["a"] + choices["b"]) < 0.6


def test_gold_is_part_of_what_the_authors_said_in_every_domain() -> None:
    first = {x["pair_id"]: x["choice"] for x in LABELS if x["annotator"] == "author"}
    again = {x["pair_id"]: x["choice"] for x in LABELS if x["annotator"] == "author-again"}
    names = [x["pair_id"] for x in GOLD]
    assert len(set(names)) == len(names)
    assert 0.1 * len(PAIRS) <= len(names) <= 0.5 * len(PAIRS)
    assert {PAIRS[name]["domain"] for name in names} == DOMAINS
    for row in GOLD:
        assert row["choice"] == first[row["pair_id"]]
        assert again.get(row["pair_id"], row["choice"]) == row["choice"]


def test_gold_covers_whole_prompts() -> None:
    """Gold by whole prompts keeps a prompt's other pairs from being trained on."""
    names = {x["pair_id"] for x in GOLD}
    touched = {PAIRS[name]["prompt_id"] for name in names}
    assert names == {name for name, prompt in PAIRS.items() if prompt["prompt_id"] in touched}


def test_some_preferences_run_in_a_circle() -> None:
    better = set()
    for label in LABELS:
        prompt_id, a, b = label["pair_id"].rsplit(":", 2)
        if label["annotator"] == "author" and label["choice"] != "tie":
            best, worst = (a, b) if label["choice"] == "a" else (b, a)
            better.add((prompt_id, best, worst))
    circles = {
        p["prompt_id"]
        for p in PROMPTS
        for x, y, z in permutations([r["id"] for r in p["responses"]], 3)
        if {(p["prompt_id"], *step) for step in ((x, y), (y, z), (z, x))} <= better
    }
    assert circles


TEXTS = {
    "prompts": [p["prompt"] for p in PROMPTS],
    "responses": [r["text"] for p in PROMPTS for r in p["responses"]],
    "reasons": [label["rationale"] for label in LABELS],
}


@pytest.mark.parametrize("what", TEXTS)
def test_nothing_was_written_from_a_template(what: str) -> None:
    texts = TEXTS[what]
    counted = CountVectorizer(analyzer="char", ngram_range=(5, 5), binary=True)
    pieces = counted.fit_transform(texts).astype(np.int64)
    shared = (pieces @ pieces.T).toarray()
    sizes = np.diag(shared)
    alike = shared / (sizes[:, None] + sizes[None, :] - shared)
    np.fill_diagonal(alike, 0)
    i, j = np.unravel_index(alike.argmax(), alike.shape)
    assert alike[i, j] <= NEAR, f"{texts[i]!r} and {texts[j]!r}"


def test_near_duplicates_would_be_found() -> None:
    """The measure itself: one changed word in a sentence is far above the limit."""
    one = "Write a short poem about a lighthouse that has lost its keeper in a storm"
    two = one.replace("poem", "tale")
    sets = [{text[i : i + 5] for i in range(len(text) - 4)} for text in (one, two)]
    assert len(sets[0] & sets[1]) / len(sets[0] | sets[1]) > NEAR


def test_it_imports_whole_and_a_second_time_adds_nothing(database: Database) -> None:
    kinds = {"candidates": PROMPTS, "labels": LABELS, "gold": GOLD}
    for again in (False, True):
        for kind, told in kinds.items():
            files = sorted(FOLDER.glob(f"{kind}_*.jsonl"))
            done = import_files(database, Kind(kind), files, ImportOptions(strict=True))
            assert (done.rows, done.rejected) == (len(told), 0)
            assert not (again and done.counts["new"])
    with database.read() as session:
        counts = status(session)
        assert len(resolve_names(session, PAIRS)) == len(PAIRS)
    assert (counts["pairs"], counts["labels"]) == (len(PAIRS), len(LABELS))
    assert (counts["gold"], counts["prompts"]) == (len(GOLD), len(PROMPTS))
