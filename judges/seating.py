"""Who takes part: judges chosen from the panel, connected, and known to the database by version."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from db.errors import UnknownName
from db.judges import judge_version
from db.models import JudgeVersion
from db.session import Session
from db.vocabulary import Order
from judges import prompts
from judges.asking import Asker, Scorer
from judges.circuit import Circuit
from judges.connect import connect
from judges.constitution import Constitution
from judges.panel import JudgeConfig, Panel
from judges.seats import Seat

Connected = tuple[JudgeConfig, Asker | Scorer]


def chosen(panel: Panel, tier: int | None, names: Sequence[str] | None) -> list[JudgeConfig]:
    """The judges of a tier, those named, or all that can be asked. Raises UnknownName."""
    judges = list(panel.asked if tier is None else panel.of_tier(tier))
    if names is not None:
        judges = [panel.named(name) for name in names]
    if not judges:
        raise UnknownName("the panel has no judges to ask; add a [[judge]] to tiebreak.toml")
    return judges


def connected(judge: JudgeConfig, environ: Mapping[str, str], beside: Path | None) -> Connected:
    """The judge and whoever answers; a trained one is known by its weights, not by its path."""
    asked = connect(judge, environ, beside)
    weights = getattr(asked, "content_hash", None)
    if weights is not None:
        judge = judge.model_copy(update={"options": {**judge.options, "content_hash": weights}})
    return judge, asked


def version_of(session: Session, judge: JudgeConfig, rules: Constitution) -> JudgeVersion:
    """The judge's stored version, made where it is new."""
    return judge_version(
        session,
        name=judge.name,
        family=judge.relatives,
        version=judge.version(rules),
        provider=judge.provider,
        model=judge.model,
        prompt_version=prompts.VERSION if judge.ordered else None,
        constitution_version=rules.only(judge.principles).version if judge.ordered else None,
        generation=judge.generation,
        config=judge.model_dump(mode="json", exclude_none=True),
    )


def seats(
    session: Session,
    rules: Constitution,
    judges: Sequence[Connected],
    orders: Sequence[Order] | None,
    samples: Sequence[int] | None,
    pauses: Sequence[float],
) -> list[Seat]:
    """A seat for each judge; judges of one provider share its circuit."""
    circuits: dict[str, Circuit] = {}
    made = []
    for judge, asked in judges:
        where = judge.base_url or judge.provider.value if judge.remote else judge.name
        circuit = circuits.setdefault(where, Circuit(where, pauses=pauses))
        made.append(
            Seat(
                judge=judge,
                version_id=version_of(session, judge, rules).id,
                rules=rules,
                asked=asked,
                circuit=circuit,
                orders=wanted_orders(judge, orders),
                samples=wanted_samples(judge, samples),
            )
        )
    return made


def wanted_orders(judge: JudgeConfig, orders: Sequence[Order] | None) -> tuple[Order, ...]:
    """The orders to ask in: those configured, or those of them asked for."""
    own = judge.asked_orders
    return tuple(o for o in own if orders is None or o in orders or o is Order.NONE)


def wanted_samples(judge: JudgeConfig, samples: Sequence[int] | None) -> tuple[int, ...]:
    """The samples to ask for."""
    return tuple(samples) if samples is not None else tuple(range(1, judge.samples + 1))
