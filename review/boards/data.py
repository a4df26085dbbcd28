"""The data and costs pages: pairs to browse, exports, money. Only for whom they are meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from db import annotators, figures
from db.session import Database
from db.vocabulary import Order
from review.boards.cost_forecast import CostForecast, forecast_costs
from review.roles import Action, require


@dataclass(frozen=True)
class CostsBoard:
    """Money in US dollars. per_accepted: None where no label stands without a human."""

    spent: float
    per_accepted: float | None
    accepted: int
    per_pair: float | None
    judges: list[dict[str, Any]]
    days: list[dict[str, Any]]
    forecast: CostForecast


def pairs_page(database: Database, asking_id: int, **wanted: Any) -> list[dict[str, Any]]:
    """A page of pairs; see `figures.pair_page` for the filters."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_DATA)
        return figures.pair_page(session, **wanted)


def domains(database: Database, asking_id: int) -> list[str]:
    """Every domain there is."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_DATA)
        return list(figures.domains(session))


def exports(database: Database, asking_id: int) -> list[dict[str, Any]]:
    """Every dataset, newest first."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_DATA)
        return figures.exports(session)


def costs_board(database: Database, asking_id: int) -> CostsBoard:
    """What was spent on whom, when, and for what."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_DATA)
        paid = figures.spend(session)
        judges, days = by_judge(paid), by_day(paid)
        accepted = figures.accepted_labels(session)
        spent = sum(row["usd"] for row in judges)
        voted = figures.pairs_with_votes(session)
        return CostsBoard(
            spent=spent,
            per_accepted=spent / accepted if accepted else None,
            accepted=accepted,
            per_pair=spent / voted if voted else None,
            judges=judges,
            days=days,
            forecast=forecast_costs(
                days, figures.pairs_by_judge(session), accepted, datetime.now(UTC).date()
            ),
        )


def by_judge(paid: Sequence[tuple[str, str, Order, int, float]]) -> list[dict[str, Any]]:
    """Votes and dollars by judge and order, of (day, judge, order, votes, dollars)."""
    found: dict[tuple[str, str], list[float]] = {}
    for _, judge, order, votes, usd in paid:
        cell = found.setdefault((judge, str(order)), [0, 0.0])
        cell[0] += votes
        cell[1] += usd
    return [
        {
            "judge": judge,
            "order": order,
            "votes": int(votes),
            "usd": usd,
            "usd_per_1000": 1000 * usd / votes,
        }
        for (judge, order), (votes, usd) in sorted(found.items())
    ]


def by_day(paid: Sequence[tuple[str, str, Order, int, float]]) -> list[dict[str, Any]]:
    """Dollars and votes by day and judge, both orders together."""
    found: dict[tuple[str, str], list[float]] = {}
    for day, judge, _, votes, usd in paid:
        cell = found.setdefault((day, judge), [0.0, 0])
        cell[0] += usd
        cell[1] += votes
    return [
        {"day": day, "judge": judge, "usd": usd, "votes": int(votes)}
        for (day, judge), (usd, votes) in sorted(found.items())
    ]
