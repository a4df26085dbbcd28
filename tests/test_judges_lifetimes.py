"""When models end, and what the shipped prices say beside the installed SDKs' own lists."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.demo import LIVE
from db.vocabulary import Provider
from judges import lifetimes
from judges.judge_config import JudgeConfig
from judges.prices import find_model, known_models, undated
from judges.providers import sdk_models
from judges.steps import check_prices

ROOT = Path(__file__).resolve().parents[1]
LOOKED = max(model.since for model in known_models().values())
"""The newest day of the price list: what the project names is held against it."""
GPT_5 = date(2026, 12, 11)
LISTED = ("gpt-7", "gpt-7-2026-11-30", "gpt-6-luna")


def asked(model: str, provider: Provider = Provider.OPENAI, **more: str) -> JudgeConfig:
    return JudgeConfig(name="j", provider=provider, model=model, **more)


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("gpt-5", GPT_5),
        ("gpt-5-2025-08-07", GPT_5),
        ("gpt-5-2031-01-01", GPT_5),  # a snapshot nobody listed ends with its model
        ("gpt-4o", date(2027, 1, 14)),
        ("gpt-4o-2024-05-13", date(2026, 10, 23)),  # some end before
        ("claude-sonnet-4-5-20250929", date(2026, 11, 30)),
        ("claude-haiku-5-5", None),
        ("my-model", None),
    ],
)
def test_a_model_ends_on_the_day_its_vendor_has_announced(model: str, day: date | None) -> None:
    assert lifetimes.end_of(model) == day


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (61, None),
        (60, "ends on 2026-12-11, in 60 days"),
        (1, "ends on 2026-12-11, tomorrow"),
        (0, "ended on 2026-12-11"),
        (-300, "ended on 2026-12-11"),
    ],
)
def test_an_end_is_said_sixty_days_before_and_ever_after(left: int, said: str | None) -> None:
    told = lifetimes.endings([asked("gpt-5")], GPT_5 - timedelta(left))
    assert len(told) == (said is not None)
    for sentence in told:
        assert said is not None
        assert f"model 'gpt-5' of judge 'j' {said}" in sentence
        assert "`tiebreak judges bridge j`" in sentence
    assert lifetimes.ended([asked("gpt-5")], GPT_5 - timedelta(left)) == ["j"] * (left <= 0)


def test_clouds_and_other_servers_have_days_of_their_own() -> None:
    elsewhere = [
        asked("gpt-5", Provider.OPENAI_COMPATIBLE, base_url="http://localhost/v1"),
        asked("claude-sonnet-4-5", Provider.ANTHROPIC, via="bedrock"),
        JudgeConfig(name="recorded", provider=Provider.RECORDED),
    ]
    assert lifetimes.endings(elsewhere, date(2030, 1, 1)) == []


def test_the_table_says_what_the_installed_sdks_say() -> None:
    """77 days and 42 priced models stood in them when this was written; a new SDK may tell more."""
    assert len(sdk_models.told_ends()) >= 77
    found = check_prices([], LOOKED)
    assert found.otherwise_told == ()
    assert found.missing == ()
    assert found.outdated == {}
    assert not found.rings
    assert "gpt-4.1-nano" in found.ended
    assert found.ending["gpt-5"] == GPT_5
    assert "ended: gpt-4.1-nano (2026-10-23)" in found.summary


def test_a_check_rings_for_a_judge_and_for_what_the_table_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = {**sdk_models.told_ends(), "gpt-6-luna": date(2027, 2, 1)}
    del told["gpt-5"]
    monkeypatch.setattr(sdk_models, "told_ends", lambda: told)
    monkeypatch.setattr(
        sdk_models, "openai_models", lambda: ("gpt-7", "gpt-7-2026-11-30", "gpt-6-luna")
    )
    found = check_prices([asked("gpt-5")], LOOKED)
    assert found.rings
    assert found.missing == ("gpt-7", "gpt-7-2026-11-30")
    assert found.otherwise_told == (
        "gpt-5 ends on no day by its installed SDK and on 2026-12-11 by our list",
        "gpt-6-luna ends on 2027-02-01 by its installed SDK and on no day by our list",
    )
    assert len(found.judges) == 1
    assert "no price known: gpt-7, gpt-7-2026-11-30; a judge of such a model" in found.summary


def test_every_price_has_a_day_and_every_name_is_told_apart() -> None:
    for name, model in known_models().items():
        assert date(2025, 1, 1) < model.since <= LOOKED
        assert model.until is None or model.until >= model.since
        assert undated(name) == name
        assert find_model(f"{name}-20261201") is model


def test_nothing_here_names_a_model_that_ends_soon() -> None:
    """The demo, the template, the pages and their settings, as of the day of the price list."""
    texts = [ROOT / "README.md", ROOT / "app/template.toml", *(ROOT / "docs").rglob("*.md")]
    named = {name for file in texts for name in re.findall(r'model = "([^"]+)"', file.read_text())}
    named |= {model for _, _, model in LIVE.values()}
    assert {"claude-haiku-5-5", "gpt-6-luna"} <= named
    ends = {name: lifetimes.end_of(name) for name in named}
    assert not [n for n, end in ends.items() if lifetimes.is_over(end, LOOKED)]
    assert not [n for n, end in ends.items() if lifetimes.is_near(end, LOOKED)]
