"""The panel's configuration, constitutions and prices: what is accepted, and what is said."""
# ruff: noqa: E501 (tables of cases, a row a line)

import hashlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from db.errors import BadInput, KeyRefused
from db.expected import arithmetic, outcome, schemas
from db.vocabulary import Order, Provider
from judges import constitution, judge_config, panel, prices
from judges.asking import Usage
from judges.connect import connect
from judges.judge_config import JudgeConfig
from judges.prices import Prices, find_model, tokens_at_most
from judges.providers import baseline, demands, schema_process, verifier

CLAUDE: dict[str, Any] = {"name": "c", "provider": "anthropic", "model": "claude-haiku-4-5"}


def one(**more: Any) -> JudgeConfig:
    return panel.parse({"judge": [{**CLAUDE, **more}]}).judge[0]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"judge": [{**CLAUDE, "temprature": 1}]}, "unknown key 'judge.0.temprature'; did you mean 'temperature'"),
        ({"panel": {"label_modle": "majority"}}, "did you mean 'label_model'"),
        ({"judge": [{**CLAUDE, "provider": "antropic"}]}, "judge.0.provider, which is a text: input should be 'anthropic'"),
        ({"judge": [{**CLAUDE, "model": "claude-nope"}]}, "no prices are known for model 'claude-nope'"),
        ({"judge": [{**CLAUDE, "tier": 2}]}, "tier 1 has no judges but tier 2 does"),
        ({"judge": [CLAUDE, CLAUDE]}, "two judges are named 'c'"),
        ({"judge": [CLAUDE, {**CLAUDE, "name": "d"}]}, "ask exactly the same question"),
        ({"judge": [{**CLAUDE, "principles": ["kindness"]}]}, "principle 'kindness' is not in the constitution"),
        ({"judge": [{**CLAUDE, "model": "claude-haiku-5-5", "temperature": 0}]}, "refuses a temperature"),
        ({"judge": [{**CLAUDE, "logprobs": True}]}, "no token probabilities"),
        ({"judge": [{"name": "v", "provider": "openai-compatible", "model": "m"}]}, "no base_url"),
        ({"judge": [{"name": "f", "provider": "fake", "model": "m"}]}, "for tests"),
        ({"judge": [{**CLAUDE, "concurrency": 0}]}, "judge.0.concurrency = 0"),
        ({"panel": {"constitution": ["stater"]}}, "constitution 'stater' is neither a file nor one of"),
    ],
)  # fmt: skip
def test_a_bad_setting_gets_one_sentence(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        panel.parse(sections)
    assert "\n" not in str(caught.value)


def test_a_version_hashes_what_can_change_an_answer_and_nothing_else() -> None:
    rules = constitution.load(["starter"])
    base = one().version(rules)
    for same in ({"concurrency": 9}, {"timeout": 3}, {"name": "x"}, {"tier": 1}, {"samples": 4},
                 {"family": "f"}, {"prices": {"input": 1, "output": 1}}, {"retries": 0}, {"explain": "full"},
                 {"max_tokens": 9}, {"base_url": "http://x"}):  # fmt: skip
        assert one(**same).version(rules) == base
    for other in ({"temperature": 0.5}, {"output": "text"}, {"effort": "low"},
                  {"per_principle": False}, {"explain": "brief"}, {"model": "claude-sonnet-4-6"},
                  {"principles": ["does-the-task"]}):  # fmt: skip
        assert one(**other).version(rules) != base
    assert one().version(constitution.load(["starter", "code"])) != base


def test_pointwise_judges_have_no_order_and_read_no_constitution() -> None:
    made = panel.parse({"judge": [{"name": "b", "provider": "baseline", "model": "detail"}]})
    judge = made.judge[0]
    assert judge.asked_orders == (Order.NONE,)
    assert judge.version(made.rules) == judge.version(constitution.load(["law"]))


def test_a_missing_key_is_named() -> None:
    with pytest.raises(KeyRefused, match="'MY_KEY'"):
        connect(one(api_key_env="MY_KEY"), {})
    with pytest.raises(BadInput, match="baseline 'nope' does not exist"):
        connect(JudgeConfig(name="b", provider="baseline", model="nope"), {})


def test_shipped_constitutions_are_of_use() -> None:
    starter = constitution.load(["starter"])
    assert 12 <= len(starter.principles) <= 16
    assert {p.group for p in starter.principles} == {"helpfulness", "honesty", "harmlessness"}
    whole = constitution.load(["starter", "medicine", "law", "code"])
    assert len({p.id for p in whole.principles}) == len(whole.principles)
    assert len({p.text for p in whole.principles}) == len(whole.principles)
    assert len(whole.for_domain("code")) == len(starter.principles) + 4
    assert len(whole.for_domain(None)) == len(starter.principles)


def test_a_constitution_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\ntitle = "Mine"\n[[principle]]\nid = "be-short"\ngroup = "style"\n'
        'text = "Prefer the shorter of two good answers."\n'
    )
    mine = constitution.load(["starter", "mine.toml"], tmp_path)
    assert mine.principles[-1].id == "be-short"
    assert mine.version != constitution.load(["starter"]).version
    assert len(mine.without("be-short").principles) == len(mine.principles) - 1
    file.write_text(file.read_text().replace('title = "Mine"', 'title = "Another title"'))
    assert constitution.load(["starter", "mine.toml"], tmp_path).version == mine.version
    file.write_text(file.read_text().replace("be-short", "does-the-task"))
    with pytest.raises(BadInput, match="'does-the-task' is in 'starter' and again in 'mine'"):
        constitution.load(["starter", "mine.toml"], tmp_path)
    file.write_text("name = ")
    with pytest.raises(BadInput, match="not valid TOML"):
        constitution.load(["mine.toml"], tmp_path)


def test_costs_are_counted_as_billed() -> None:
    prices = Prices(input=2.0, cached=0.2, written=2.5, output=10.0)
    # 1000 fresh at 2, 500 cached at .2, 100 written at 2.5 and 50 out at 10 dollars a million:
    # .002 + .0001 + .00025 + .0005 = .00285 dollars = 2,850,000 nano-dollars.
    usage = Usage(input=1000, cached=500, written=100, output=50)
    assert prices.cost(usage) == 2_850_000
    assert prices.cost(usage, batched=True) == 1_425_000
    assert prices.bound(1600, 50) >= prices.cost(usage)


def test_long_requests_are_billed_by_the_long_prices_as_a_whole() -> None:
    luna = find_model("gpt-6-luna")
    assert luna is not None
    assert luna.cost(Usage(input=272_000, output=10)) == 272_000 * 100 + 10 * 500
    assert luna.cost(Usage(input=272_001, output=10)) == 272_001 * 200 + 10 * 750


def test_dated_names_have_the_price_of_their_model() -> None:
    assert find_model("claude-haiku-4-5-20251001") == find_model("claude-haiku-4-5")
    assert find_model("gpt-4o-mini-2024-07-18") == find_model("gpt-4o-mini")
    assert find_model("claude-haiku-9") is None


def test_no_price_list_is_upside_down() -> None:
    for model in prices.known_models().values():
        assert 0 <= (model.cached or 0) <= model.input <= model.output


def test_no_tokenizer_makes_more_tokens_than_bytes() -> None:
    assert tokens_at_most("naïve 😀") == 11


def test_a_changed_computation_is_another_judge() -> None:
    sources = [
        Path(inspect.getsourcefile(m) or "").read_bytes()
        for m in (baseline, demands, verifier, schema_process, outcome, schemas, arithmetic)
    ]
    digests = [hashlib.sha256(source).hexdigest()[:8] for source in sources]
    # Where this fails and answers can differ: raise the number in judge_config._COMPUTED.
    assert (judge_config._COMPUTED, digests) == (
        {Provider.BASELINE: 2, Provider.VERIFIER: 2},
        ["c9daa156", "31e7f546", "4f68e8af", "b4fea709", "e83fb8ac", "407b4d41", "a469cf1f"],
    )


def test_a_shared_limit_must_exist_and_say_something() -> None:
    judge = {"name": "j", "provider": "baseline", "model": "detail", "limit": "keys"}
    with pytest.raises(
        BadInput, match=r"judge 'j' shares limit 'keys', which is none of \['key'\]"
    ):
        panel.parse({"judge": [judge], "limits": {"key": {"requests_per_minute": 5}}})
    with pytest.raises(
        BadInput, match=r"limits.keys, which is a table: it limits nothing; add requests_per_"
    ):
        panel.parse({"judge": [judge], "limits": {"keys": {}}})
    with pytest.raises(BadInput, match="did you mean 'requests_per_minute'"):
        panel.parse({"judge": [judge], "limits": {"keys": {"request_per_minute": 5}}})
