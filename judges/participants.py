"""Who takes part: judges chosen from the panel, connected, and known to the database by version."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from db import abstains, voters
from db.asking import count_wanted
from db.batch_jobs import open_jobs
from db.errors import UnknownName
from db.judges import judge_version
from db.models import JudgeVersion
from db.session import Session
from db.vocabulary import Order, Provider
from judges import prompts
from judges.asking import Client, Scorer
from judges.circuit import Circuit, RateLimiter
from judges.connect import local
from judges.constitution import Constitution
from judges.judge_config import JudgeConfig
from judges.judge_session import JudgeSession, Show, as_stored
from judges.panel import Panel
from judges.patience import Patience, Say
from judges.private import Withholding


@dataclass(frozen=True)
class Wanted:
    """A judge's part in a run. missing: votes not there yet; in_batches: some lie in batch jobs."""

    judge: JudgeConfig
    version_id: int
    orders: tuple[Order, ...]
    samples: tuple[int, ...]
    missing: int
    in_batches: bool


def chosen(panel: Panel, tier: int | None, names: Sequence[str] | None) -> list[JudgeConfig]:
    """The judges of a tier, those named, or all that can be asked. Raises UnknownName."""
    judges = list(panel.asked if tier is None else panel.of_tier(tier))
    if names is not None:
        judges = [panel.named(name) for name in names]
    if not judges:
        raise UnknownName("the panel has no judges to ask; add a [[judge]] to tiebreak.toml")
    return judges


def by_weights(judge: JudgeConfig, beside: Path | None) -> JudgeConfig:
    """A trained judge is known by its weights, not by its path; others stay as they are."""
    if judge.provider is not Provider.LOCAL:
        return judge
    weights = local(judge, beside).content_hash
    return judge.model_copy(update={"options": {**judge.options, "content_hash": weights}})


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


def wanted(
    session: Session,
    rules: Constitution,
    judge: JudgeConfig,
    orders: Sequence[Order] | None,
    samples: Sequence[int] | None,
    within: Sequence[int] | None,
    retry: Collection[str] = (),
) -> Wanted:
    """What a judge is asked for in a run, and how much of it is missing.

    retry: kinds of its abstains that are missing from now on, beside what was cut off with less
    room than it has now.
    """
    version = version_of(session, judge, rules)
    voters.stand(session, version.id)
    if judge.ordered:
        abstains.ask_cut_again(session, version.id, judge.room)
        if retry:
            abstains.ask_again(session, version.id, retry)
    asked, times = wanted_orders(judge, orders), wanted_samples(judge, samples)
    return Wanted(
        judge=judge,
        version_id=version.id,
        orders=asked,
        samples=times,
        missing=count_wanted(session, version.id, asked, times, within),
        in_batches=judge.batches and bool(open_jobs(session, version.id)),
    )


def judge_sessions(
    panel: Panel,
    judges: Sequence[tuple[Wanted, Client | Scorer]],
    pauses: Sequence[float],
    withholding: Withholding,
    say: Say,
    show: Show = as_stored,
) -> list[JudgeSession]:
    """A session for each judge; one account of a provider shares a circuit, one limit a rate
    limiter and its waits, which `say` hears of. show: what is shown of a pair.
    """
    circuits: dict[tuple[str, str | None, frozenset[str]], Circuit] = {}
    patience: dict[tuple[str | None, ...], Patience] = {}
    shared = {
        name: _paces(limit.requests_per_minute, limit.tokens_per_minute)
        for name, limit in panel.limits.items()
    }
    made = []
    for want, asked in judges:
        judge = want.judge
        where = judge.base_url or judge.provider.value if judge.remote else judge.name
        account = where, judge.via, judge.secrets
        circuit = circuits.setdefault(account, Circuit(where, pauses=pauses, say=say))
        limit = (judge.limit,) if judge.limit else (where, judge.key_env, judge.model)
        waits = patience.setdefault(limit, Patience(judge.longest_wait, judge.retries, say))
        own = _paces(judge.requests_per_minute, judge.tokens_per_minute)
        common = shared[judge.limit] if judge.limit is not None else ((), ())
        judge_session = JudgeSession(
            judge=judge,
            version_id=want.version_id,
            rules=panel.rules,
            asked=asked,
            circuit=circuit,
            orders=want.orders,
            samples=want.samples,
            requests=own[0] + common[0],
            tokens=own[1] + common[1],
            patience=waits,
            withholding=withholding,
            show=show,
        )
        judge_session.tally.wanted = want.missing
        made.append(judge_session)
    return made


def _paces(
    requests: int | None, tokens: int | None
) -> tuple[tuple[RateLimiter, ...], tuple[RateLimiter, ...]]:
    """Paces of so many requests and tokens a minute; none where there is no limit."""
    return (RateLimiter(requests),) if requests else (), (RateLimiter(tokens),) if tokens else ()


def wanted_orders(judge: JudgeConfig, orders: Sequence[Order] | None) -> tuple[Order, ...]:
    """The orders to ask in: those configured, or those of them asked for."""
    own = judge.asked_orders
    return tuple(o for o in own if orders is None or o in orders or o is Order.NONE)


def wanted_samples(judge: JudgeConfig, samples: Sequence[int] | None) -> tuple[int, ...]:
    """The samples to ask for."""
    return tuple(samples) if samples is not None else tuple(range(1, judge.samples + 1))
