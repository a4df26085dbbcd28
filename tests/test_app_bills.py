"""A provider's own words for what it has billed, summed; what cannot be read is one sentence."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.bills import Bill, read_bill
from db.errors import BadInput, UnknownName

DAY = 10**9
OPENAI = """{"object": "page", "data": [
 {"object": "bucket", "start_time": 1730419200, "end_time": 1730505600, "results": [
  {"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"},
   "line_item": "gpt-small, input"},
  {"object": "organization.costs.result", "amount": {"value": 1.5, "currency": "usd"},
   "line_item": "other, input"}]},
 {"object": "bucket", "start_time": 1730505600, "end_time": 1730592000, "results": []}]}"""
ANTHROPIC = """{"data": [
 {"starting_at": "2025-08-01T00:00:00Z", "ending_at": "2025-08-02T00:00:00Z", "results": [
  {"currency": "USD", "amount": "123.45", "model": "claude-a-20250514"}]},
 {"starting_at": "2025-08-02T00:00:00Z", "ending_at": "2025-08-03T00:00:00Z", "results": [
  {"currency": "USD", "amount": "0.55", "model": "claude-a-20250514"}]}], "has_more": false}"""
CONSOLE = """usage_date_utc,model,workspace,token_type,cost_usd
2026-01-05,claude-a,Default,input_no_cache,0.10
2026-01-06,claude-a,Default,output,0.25
2026-01-06,claude-b,Default,output,1.00
2026-01-07,claude-a,Default,output,-0.05
"""
FOCUS = """BilledCost,BillingCurrency,ChargePeriodStart,ChargeDescription
"$1,000.5",USD,2026-01-05T00:00:00Z,gpt
"""


def read(tmp_path: Path, text: str, *given: object) -> Bill:
    (tmp_path / "bill").write_text(text, encoding="utf-8")
    return read_bill(tmp_path / "bill", *given)  # type: ignore[arg-type]


def day(month: int, number: int, year: int = 2026) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def test_the_vendors_own_files_are_summed(tmp_path: Path) -> None:
    """OpenAI tells dollars, Anthropic's interface cents: 123.45 + 0.55 of them are $1.24."""
    first = datetime.fromtimestamp(1730419200, UTC)
    openai = read(tmp_path, OPENAI)
    assert (openai.nanousd, openai.rows, openai.first) == (1_560_000_000, 2, first)
    assert read(tmp_path, OPENAI, "gpt-small").nanousd == 60_000_000
    claude = read(tmp_path, ANTHROPIC)
    assert claude == Bill(1_240_000_000, 2, day(8, 1, 2025), day(8, 3, 2025), 0)
    console = read(tmp_path, CONSOLE)
    assert (console.nanousd, console.rows, console.credits) == (1_350_000_000, 3, 1)
    assert read(tmp_path, CONSOLE, "Claude-A").nanousd == 350_000_000
    assert read(tmp_path, CONSOLE, None, day(1, 6)).nanousd == 1_250_000_000
    assert read(tmp_path, CONSOLE, None, None, day(1, 6)).nanousd == 100_000_000
    assert read(tmp_path, FOCUS).nanousd == 1_000_500_000_000
    lines = '{"date": "2026-01-05", "Cost": 0.5}\n{"date": "2026-01-05", "Cost": "0.25"}\n'
    assert read(tmp_path, lines).nanousd == 750_000_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("day,price\n2026-01-05,1\n", "row 1 has no cost; a column cost_usd"),
        ("day,cost\n2026-01-05,much\n", "row 1: the cost 'much' is no number"),
        ("day,cost\n2026-01-05,NaN\n", "row 1: the cost 'NaN' is no number"),
        ("day,cost\nMonday,1\n", "row 1: 'Monday' is no day or time"),
        ("day,cost,currency\n2026-01-05,1,EUR\n", "row 1 is in 'EUR'; give costs in dollars"),
        ("day,cost\n", "has no row of that model and period; .* --billed-usd 0"),
        ("[1, 2]", "'1' stands where a row of costs should"),
        ("{", "cannot be read as CSV or JSON"),
        ("[" * 100_000, "cannot be read as CSV or JSON"),
        ('day,"cost\n1,2', "cannot be read as CSV or JSON"),
    ],
)
def test_what_tells_no_bill_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read(tmp_path, text)


def test_a_period_needs_days_and_a_file_a_place(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="row 1 names no day; leave out --since and --until"):
        read(tmp_path, "cost\n1\n", None, day(1, 1))
    with pytest.raises(UnknownName, match="there is no file"):
        read_bill(tmp_path / "none.csv")
