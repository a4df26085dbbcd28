"""The benchmarks read any folder in the import formats."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from judges.trust.vote_matrix import MISSING, TIE, A, B

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from folders import load
from guarantees import frozen
from quality import promises, split


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
    assert found.vote_matrix.codes_PRO.tolist() == [[[A, A], [B, B]]]
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
    assert found.vote_matrix.codes_PRO[:, 0].tolist() == [[TIE, TIE], [MISSING] * 2, [MISSING] * 2]
    assert found.truth_P.tolist() == [TIE, MISSING, MISSING]
    assert found.vote_matrix.feature_names == ()


def test_a_folder_without_votes_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, "pairs", [{"pair_id": "1"}])
    with pytest.raises(ValueError, match="holds no votes"):
        load(tmp_path)


def test_conversations_numbers_and_other_formats_are_read_as_an_import_reads_them(
    tmp_path: Path,
) -> None:
    talk = [{"role": "user", "content": "p"}]
    said = [{"role": "assistant", "content": "y"}]
    write(
        tmp_path,
        "pairs",
        [
            {"pair_id": 1, "prompt": talk, "response_a": "x", "response_b": said},
            {"pair_id": 2, "prompt": "p", "response_a": "y", "response_b": "x"},
        ],
    )
    (tmp_path / "votes.csv").write_text(
        "pair_id,judge,order,choice,note\n1,j,ab,a,\n2,j,ab,a,second\n", encoding="utf-8"
    )
    write(tmp_path, "gold", [{"pair_id": "1", "choice": "a"}])
    found = load(tmp_path)
    assert found.vote_matrix.codes_PRO.tolist() == [
        [[A, B]]
    ]  # y first and chosen: b, in the order ba
    assert found.truth_P.tolist() == [A]


def test_rows_that_cannot_be_used_are_told_once_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "pairs", [{"pair_id": "1"}, {"prompt": "without an id"}])
    votes = [{"pair_id": "1", "judge": "j", "choice": c} for c in ("a", "A", "first")]
    write(tmp_path, "votes", votes)
    assert load(tmp_path).vote_matrix.codes_PRO.tolist() == [[[A, A]]]
    told = capsys.readouterr().err
    assert "votes.jsonl line 2: choice is 'A'; it must be one of a, b, tie, abstain" in told
    assert "2 such rows left out" in told
    assert "pairs.jsonl line 2: pair_id is missing" in told


def of_one_prompt(folder: Path, choice: str) -> Path:
    ids = [str(number) for number in range(220)]
    write(folder, "pairs", [{"pair_id": n, "prompt": "p", "domain": "d"} for n in ids])
    write(folder, "votes", [{"pair_id": n, "judge": "j", "choice": choice} for n in ids])
    write(folder, "gold", [{"pair_id": n, "choice": "ab"[int(n) % 2]} for n in ids])
    return folder


def test_one_prompt_alone_is_split_by_its_pairs(tmp_path: Path) -> None:
    test, pool = split(load(of_one_prompt(tmp_path, "a")), seed=0)
    assert len(test) == 88  # 40% of 220
    assert len(pool) == 132
    assert not set(test) & set(pool)


def test_a_set_delivered_as_ties_has_no_batch_to_audit(tmp_path: Path) -> None:
    folder = of_one_prompt(tmp_path, "tie")
    gold = [{"pair_id": str(n), "choice": "tie" if n > 200 else "ab"[n % 2]} for n in range(220)]
    write(folder, "gold", gold)
    found = load(folder)
    batches, answers = frozen(found)
    assert answers == 50
    assert batches == []
    assert list(promises(found, trials=3)) == []
