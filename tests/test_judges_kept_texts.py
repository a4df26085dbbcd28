"""Texts on disk read as the texts in memory do."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.kept_texts import KeptTexts

TEXTS = st.lists(st.none() | st.text(st.characters(), max_size=30), max_size=40)


@given(TEXTS, st.sampled_from((0, 1, 7, 1_000_000)))
def test_what_was_appended_is_read_in_its_order(texts: list[str | None], held: int) -> None:
    kept = KeptTexts(held)
    for text in texts:
        kept.append(text)
    assert list(kept) == texts
    assert len(kept) == len(texts)
    assert kept[1:9:2] == texts[1:9:2]
    assert texts == [] or kept[-1] == texts[-1]


def test_reading_and_appending_take_turns_and_half_a_surrogate_is_kept() -> None:
    kept = KeptTexts(held=0)
    for n in range(5):
        kept.append("\ud800 é" * n)
        assert kept[n] == "\ud800 é" * n
    with pytest.raises(IndexError):
        kept[5]


def test_more_than_is_held_lies_in_a_file_that_goes_with_the_texts() -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list a process's open files")
    gc.collect()
    before = len(os.listdir(descriptors))
    kept = KeptTexts(held=100)
    for n in range(300):
        kept.append(f"text {n} " * 1000)
    assert len(os.listdir(descriptors)) == before + 1
    assert kept[299] == "text 299 " * 1000
    del kept
    gc.collect()
    assert len(os.listdir(descriptors)) == before
