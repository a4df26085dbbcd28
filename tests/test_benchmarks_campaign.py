"""The parts of the campaign that need no hours, at a size for every run of the tests."""

from pathlib import Path

from campaign.__main__ import parts
from campaign.rows import KINDS, fuzz


def test_mutated_rows_are_stored_or_rejected_with_a_reason(tmp_path: Path) -> None:
    found = list(fuzz(tmp_path, 900, seed=5))
    assert [one.kind for one in found] == list(KINDS)
    assert [one.added_again for one in found] == [0] * len(KINDS)
    assert all(0 < one.rejected < one.rows == 150 for one in found)


def test_every_part_of_the_campaign_is_there() -> None:
    folder = Path(__file__).parent / "campaign"
    for words in parts(1).values():
        assert (folder / f"{words[0].removeprefix('campaign.')}.py").is_file()
