"""docs/providers.md: every block that is there to be copied is read, and asked in its dialect."""

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from dialects import DIALECTS
from protocol_server import Dialect, Script, serving
from test_judges_reach import asked

from db.vocabulary import Choice, Order, Provider
from judges import panel, verdicts
from judges.judge_config import JudgeConfig

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "providers.md").read_text(encoding="utf-8")
BLOCKS = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
JUDGES = {judge["name"]: judge for block in BLOCKS for judge in block["judge"]}


def read(section: dict[str, Any]) -> JudgeConfig:
    return panel.parse({"judge": [section]}).judge[0]


def test_all_blocks_can_stand_in_one_file() -> None:
    assert len(panel.parse({"judge": list(JUDGES.values())}).judge) == len(BLOCKS) == 19
    assert set(DIALECTS) <= set(JUDGES)


@pytest.mark.parametrize("name", JUDGES)
def test_a_copied_block_is_asked_and_its_answer_is_a_vote(name: str) -> None:
    judge = read(JUDGES[name])
    with serving(Script(dialect=DIALECTS.get(name, Dialect()))) as server:
        usual = "" if judge.provider is Provider.ANTHROPIC else "/v1"
        url = server.url + (urlsplit(judge.base_url).path if judge.base_url else usual)
        here = judge.model_copy(update={"base_url": url, "retries": 0})
        if judge.via is not None:  # credentials of the clouds are of tests/test_judges_clouds.py
            here = here.model_copy(update={"api_key_env": "MY_TOKEN"})
        keys = {here.key_env} | {v.env for v in judge.headers.values() if not isinstance(v, str)}
        client, (answer,) = asked(here, {name: "good" for name in keys if name})
    assert verdicts.read(answer, Order.AB).choice is Choice.A
    assert answer.usage is not None
    assert answer.usage.output > 0
    assert list(client.notices) == []
    if judge.logprobs:
        assert answer.probabilities is not None
