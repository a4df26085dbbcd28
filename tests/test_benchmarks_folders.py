"""The benchmarks read any folder in the import formats."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from judges.trust.ballots import MISSING, TIE, A, B

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from folders import load


def write(folder: Path, name: str, rows: list[dict[str, object]], packed: bool = False) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if packed:
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("packed", [False, True])
def test_mirrored_pairs_fold_and_their_votes_are_turned(tmp_path: Path, packed: bool) -> None:
    write(
        tmp_path,
        "pairs",
        [
            {"pair_id": "1", "prompt": "p", "response_a": "x", "response_b": "y"},
            {"pair_id": "2", "prompt": "p", "response_a": "y", "response_b": "x"},
        ],
        packed,
    )
    votes = [
        {"pair_id": "1", "judge": "j", "order": "ab", "choice": "a"},
        {"pair_id": "2", "judge": "j", "order": "ab", "choice": "b"},  # x again, shown second
        {"pair_id": "2", "judge": "k", "order": "none", "choice": "a", "confidence": 0.7},
    ]
    write(tmp_path, "votes", votes, packed)
    write(tmp_path, "labels", [{"pair_id": "2", "annotator": "n", "choice": "b"}], packed)
    found = load(tmp_path)
    assert found.ballots.codes_PRO.tolist() == [[[A, A], [B, B]]]
    assert found.truth_P.tolist() == [A]


def test_missing_texts_orders_domains_and_answers_are_fine(tmp_path: Path) -> None:
    write(tmp_path, "pairs", [{"pair_id": str(number)} for number in range(3)])
    write(
        tmp_path,
        "votes",
        [
            {"pair_id": "0", "judge": "j", "choice": "tie"},
            {"pair_id": "1", "judge": "j", "order": "ba", "choice": "abstain"},
        ],
    )
    labels = [{"pair_id": "0", "annotator": n, "choice": c} for n, c in (("n", "a"), ("m", "b"))]
    write(tmp_path, "labels", labels)
    found = load(tmp_path)
    assert found.ballots.codes_PRO[:, 0].tolist() == [[TIE, TIE], [MISSING] * 2, [MISSING] * 2]
    assert found.truth_P.tolist() == [TIE, MISSING, MISSING]
    assert found.ballots.feature_names == ()


def test_a_folder_without_votes_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, "pairs", [{"pair_id": "1"}])
    with pytest.raises(ValueError, match="holds no votes"):
        load(tmp_path)
