"""The note on the label model's numbers says what the code holds, and a script can vary them."""

import re
import sys
from dataclasses import replace
from pathlib import Path

from trust_worlds import panel

from judges.trust import evidence, likeness, ratios, stacking

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from constant_groups import GROUPS, Constant
from constants import short

NOTE = Path(__file__).resolve().parents[1] / "docs" / "design" / "label-model-constants.md"
MODEL = {
    str(constant): short(constant.chosen)
    for group in GROUPS
    if group not in ("learners", "certificates", "drift", "ordering")
    for constant in GROUPS[group]
}
"""Every constant of the label model that a script can vary, and its value in the code."""


def test_the_note_on_the_constants_lists_them_all_with_their_values() -> None:
    noted = re.findall(
        r"^\| `([^`]+)` \| ([^|]+) \|", NOTE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert dict(noted) == MODEL


def test_a_constant_is_varied_wherever_it_is_used_and_comes_back() -> None:
    relatives, _ = panel(10)
    relatives = replace(relatives, families=("x", "x", "y"))
    with Constant(likeness, "RELATIVE", ()).set_to(0.0):
        assert list(evidence.independence(relatives)) == [1.0, 1.0, 1.0]
    assert list(evidence.independence(relatives)) == [1 / 1.2, 1 / 1.2, 1.0]
    with Constant(ratios, "Ratios.kappa", ()).set_to(50.0):
        assert evidence.Ratios().kappa == 50.0
    with Constant(stacking, "PRIOR_MEANS[author]", ()).set_to(0.0):
        assert stacking.PRIOR_MEANS["author"] == 0.0
    assert (evidence.Ratios().kappa, stacking.PRIOR_MEANS["author"]) == (25.0, 0.4)
