"""The shipped prices beside the models that the installed SDKs of the vendors list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from judges import lifetimes
from judges.judge_config import JudgeConfig
from judges.prices import find_model, known_models, undated


@dataclass(frozen=True)
class PriceCheck:
    """What was found on the day.

    missing: models that an SDK lists, that have not ended, and whose price is not known here;
    ended, ending: priced models that are over, or are within 60 days; outdated: models whose price
    held until a day that is over; otherwise_told: sentences where an SDK tells another last day;
    judges: sentences about configured judges whose models have ended or soon do.
    """

    day: date
    priced: int
    listed: int
    missing: tuple[str, ...]
    ended: dict[str, date]
    ending: dict[str, date]
    outdated: dict[str, date]
    otherwise_told: tuple[str, ...]
    judges: tuple[str, ...]

    @property
    def rings(self) -> bool:
        """Whether somebody has to do something."""
        return bool(self.missing or self.outdated or self.otherwise_told or self.judges)

    @property
    def summary(self) -> str:
        """Everything found, a line each."""
        lines = [f"{self.priced} models have prices; the installed SDKs list {self.listed}"]
        if self.missing:
            lines.append(
                f"no price known: {', '.join(self.missing)}; a judge of such a model needs "
                "prices = { input = ..., output = ... } in its [[judge]]"
            )
        lines += _dated("ended", self.ended)
        lines += _dated("end within 60 days", self.ending)
        lines += _dated("prices that are over", self.outdated)
        return "\n".join((*lines, *self.otherwise_told, *self.judges))


def check_prices(judges: Iterable[JudgeConfig], day: date) -> PriceCheck:
    """Compare table and lists as of a day. Asks nobody."""
    from judges.providers import sdk_models  # both SDKs are slow to import

    listed = [*sdk_models.anthropic_models(), *sdk_models.openai_models()]
    known = {name: lifetimes.end_of(name) for name in known_models()}
    told = sdk_models.told_ends()
    return PriceCheck(
        day=day,
        priced=len(known),
        listed=len(listed),
        missing=tuple(name for name in listed if _is_missing(name, told.get(name), day)),
        ended={name: end for name, end in known.items() if end and lifetimes.is_over(end, day)},
        ending={name: end for name, end in known.items() if end and lifetimes.is_near(end, day)},
        outdated={
            name: model.until
            for name, model in known_models().items()
            if model.until is not None and model.until < day
        },
        otherwise_told=tuple(_otherwise(told)),
        judges=tuple(lifetimes.endings(judges, day)),
    )


def _is_missing(name: str, end: date | None, day: date) -> bool:
    over = lifetimes.is_over(end or lifetimes.end_of(name), day)
    return not over and undated(name) not in lifetimes.no_judges() and find_model(name) is None


def _otherwise(told: dict[str, date]) -> Iterable[str]:
    """Models of which an SDK and the list of ours say different last days, or one says none."""
    ours = lifetimes.ends()
    for name in sorted({*told, *ours}):
        theirs, here = told.get(name, "no day"), ours.get(name, "no day")
        if theirs != here:
            yield f"{name} ends on {theirs} by its installed SDK and on {here} by our list"


def _dated(what: str, models: dict[str, date]) -> list[str]:
    told = ", ".join(f"{name} ({day})" for name, day in sorted(models.items(), key=lambda m: m[1]))
    return [f"{what}: {told}"] if models else []
