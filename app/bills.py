"""What a provider says it has billed: the sum of a file of its usage or costs, CSV or JSON.

Vendors word their columns differently; a column is known by its letters and digits alone, whatever
its case and marks. Leaves out what is done with the sum (`db.reconciling`).
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from db.errors import BadInput, UnknownName

COST = (
    "costusd", "amountusd", "amountvalue", "billedcost", "totalcostusd", "costinusd", "totalcost",
    "cost", "amount", "usd",
)  # fmt: skip
TIME = (
    "usagedateutc", "usagedate", "dateutc", "date", "day", "starttimeiso", "starttime",
    "startingat", "chargeperiodstart", "timestamp",
)  # fmt: skip
MODEL = ("model", "modelname", "lineitem", "resourcename", "chargedescription")
CURRENCY = ("currency", "amountcurrency", "billingcurrency")
_LONGEST = 64 * 2**20  # bytes; a year of daily rows is far below


@dataclass(frozen=True)
class Bill:
    """A sum in nano-dollars, its rows, the first day and the one after the last that they are of
    (None where no row tells), and how many credits were left out.
    """

    nanousd: int
    rows: int
    first: datetime | None
    after: datetime | None
    credits: int


def read_bill(
    path: Path,
    model: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Bill:
    """Sum the rows of a period (since included, until not) and of models whose name begins so.

    Raises UnknownName where there is no file, and BadInput where it tells no costs in dollars.
    """
    total = Decimal(0)
    days: list[datetime] = []
    counted = credits = 0
    for number, row in enumerate(_rows(path), 1):
        cost, moment = _cost(path, number, row), _time(path, number, row)
        if model is not None and not str(_told(row, MODEL) or "").lower().startswith(model.lower()):
            continue
        if moment is not None and ((since and moment < since) or (until and moment >= until)):
            continue
        if moment is None and (since or until):
            raise BadInput(
                f"{str(path)!r} row {number} names no day; leave out --since and --until, and give "
                "a file of that period alone"
            )
        if cost < 0:  # given back later, and billed all the same
            credits += 1
            continue
        total, counted = total + cost, counted + 1
        days += [moment] if moment is not None else []
    if not counted:
        raise BadInput(
            f"{str(path)!r} has no row of that model and period; the bill of nothing is typed: "
            "--billed-usd 0"
        )
    after = max(days) + timedelta(days=1) if days else None
    return Bill(round(total * 10**9), counted, min(days, default=None), after, credits)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise UnknownName(f"there is no file {str(path)!r}; give a vendor's CSV or JSON of costs")
    if path.stat().st_size > _LONGEST:
        raise BadInput(f"{str(path)!r} has more than {_LONGEST:,} bytes; export a shorter period")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if text.lstrip()[:1] in ("{", "["):
            yield from _of_json(_values(text))
        else:
            yield from (_plain(row) for row in csv.DictReader(text.splitlines(), strict=True))
    except (ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            f"{str(path)!r} cannot be read as CSV or JSON ({error}); export it again"
        ) from None


def _values(text: str) -> Any:
    """One JSON value, or one a line."""
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line, parse_float=Decimal) for line in lines]


def _of_json(value: Any) -> Iterator[dict[str, Any]]:
    """Rows of a list, or of the pages of the vendors' own interfaces: buckets that hold results."""
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, dict):
            raise BadInput(f"{str(each)[:40]!r} stands where a row of costs should")
        row = _plain(each)
        if isinstance(row.get("data"), list):
            yield from _of_json(row["data"])
        elif isinstance(row.get("results"), list):
            for result in _of_json(row["results"]):
                yield {"starttime": _told(row, TIME)} | _in_dollars(result, row)
        else:
            yield _in_dollars(row, {})


def _in_dollars(row: dict[str, Any], bucket: Mapping[str, Any]) -> dict[str, Any]:
    amount = row.get("amount")
    if isinstance(amount, dict):  # OpenAI: {"value": dollars, "currency": "usd"}
        return row | {"amount": amount.get("value"), "currency": amount.get("currency")}
    if "startingat" in bucket and amount is not None:  # Anthropic: in cents, as a string
        return row | {"amount": _number(amount) / 100}
    return row


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    named = {"".join(filter(str.isalnum, str(key).lower())): value for key, value in row.items()}
    return {key: value for key, value in named.items() if value not in (None, "")}


def _told(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if name in row), None)


def _cost(path: Path, number: int, row: Mapping[str, Any]) -> Decimal:
    currency = str(_told(row, CURRENCY) or "usd")
    if currency.lower() not in ("usd", "$"):
        raise BadInput(f"{str(path)!r} row {number} is in {currency!r}; give costs in dollars")
    told = _told(row, COST)
    if told is None:
        raise BadInput(
            f"{str(path)!r} row {number} has no cost; a column cost_usd, cost, amount or "
            "BilledCost tells it"
        )
    try:
        return _number(told)
    except InvalidOperation:
        raise BadInput(f"{str(path)!r} row {number}: the cost {told!r} is no number") from None


def _number(told: Any) -> Decimal:
    value = Decimal(str(told).strip().lstrip("$").replace(",", ""))
    if not value.is_finite():
        raise InvalidOperation
    return value


def _time(path: Path, number: int, row: Mapping[str, Any]) -> datetime | None:
    told = _told(row, TIME)
    if told is None:
        return None
    try:
        text = str(told).strip()
        if text.replace(".", "", 1).isdigit() and len(text) > 8:
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise BadInput(f"{str(path)!r} row {number}: {told!r} is no day or time") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
