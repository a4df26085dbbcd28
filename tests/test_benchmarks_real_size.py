"""The benchmark of models of real size runs whole, at a small one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from real_size import measured


def test_training_and_judging_are_measured_at_a_small_size() -> None:
    found = measured("tiny", batch=4, length=64, steps=3)
    assert found["shape"] == "tiny"
    # Three steps of four pairs: pairs a second are four times steps a second.
    assert found["pairs_per_second"] == found["steps_per_second"] * 4 > 0
    speeds = ("judged_per_second_1", "judged_per_second_4")
    assert all(found[name] > 0 for name in (*speeds, "training_peak_mb", "judging_peak_mb"))
