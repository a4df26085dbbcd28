"""Verbs about what models cost and when they end: list, check."""

import typer

from app.output import show, table
from app.verbs.options import AsJson, ConfigPath, configuration

prices = typer.Typer(help="What models cost, and when they end.", no_args_is_help=True)


@prices.command("list")
def prices_list(as_json: AsJson = False) -> None:
    """The shipped prices, since when they hold, and each model's last day where it has one.

    A judge's own `prices` go before them.

    Example: tiebreak prices list
    """
    from judges.lifetimes import end_of
    from judges.prices import known_models

    known = known_models()
    if as_json:
        models = {n: m.model_dump() | {"ends": end_of(n)} for n, m in known.items()}
        show({"models": models}, True)
        return
    columns = ["model", "input", "cached", "written", "output", "since", "ends"]
    rows = [
        [n, *map(_dollars, (m.input, m.cached, m.written, m.output)), m.since, end_of(n) or ""]
        for n, m in known.items()
    ]
    table("Dollars per million tokens (--json tells those of long requests, too)", columns, rows)


@prices.command("check")
def prices_check(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Compare prices and ends of models with the lists in the installed SDKs. Asks nobody.

    Exit 3 where a model has no price, an SDK tells another last day than is shipped, or a judge's
    model has ended or ends within 60 days.

    Example: tiebreak prices check
    """
    from db.types import now
    from judges.steps import check_prices

    found = check_prices(configuration(config).panel.asked, now().date())
    show(found, as_json)
    if found.rings:
        raise typer.Exit(3)


def _dollars(price: float | None) -> str:
    return "" if price is None else f"${price:g}"
