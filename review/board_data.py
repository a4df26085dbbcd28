"""The data and costs pages: pairs to browse, exports, money. Only for whom they are meant."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from db import annotators, figures
from db.session import Database
from review.cost_forecast import CostForecast, forecast_costs
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
        judges, days = figures.spend_by_judge(session), figures.spend_by_day(session)
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
