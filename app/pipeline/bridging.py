"""A new version of a judge is asked about a sample of judged pairs before it is paid for on all.

It is compared with the version that votes; then a person accepts it, or `[panel] bridge` does. The
sample's answers are ordinary votes of the new version, so nothing is paid for twice, and a killed
run goes on with what is missing. Leaves out the figures (`judges.trust.bridge`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from db import bridges
from db.answers import reference
from db.errors import BadInput, BudgetSpent, Unavailable
from db.judges import find_version
from db.progress import Progress, quiet
from db.session import Database, Session
from db.vocabulary import Choice, Order
from db.voters import pairs_of
from judges import participants
from judges.cost import costs
from judges.judge_config import JudgeConfig
from judges.panel import Panel
from judges.steps import estimate, run_judges
from judges.trust.bridge import Bridged, bridged
from judges.trust.vote_matrix import AB, BA, MISSING
from judges.vote_arrays import CODES

PAIRS = 100
"""Pairs of a bridging sample: why so many, docs/design/voters.md."""

LEAST = 20
"""Pairs the version that votes must have answered for there to be something to compare with."""

_SLOT = {Order.AB: AB, Order.BA: BA, Order.NONE: AB}


@dataclass(frozen=True)
class Waiting:
    """A judge whose configured version is not the one that votes, and not accepted yet.

    new_id: None before it was ever asked.
    """

    judge: JudgeConfig
    old_id: int
    new_id: int | None
    sample: tuple[int, ...]


@dataclass(frozen=True)
class Bridge:
    """How the new version of a judge differs, what it would cost, and what it means for promises.

    by_domain: domains with at least LEAST pairs of the sample. missing: questions of the sample
    that are not answered yet. abstains: usable votes it did not give. certificates: standing ones
    of batches that heard the old version.
    """

    judge: str
    sample: int
    missing: int
    abstains: int
    whole: Bridged
    by_domain: Mapping[str, Bridged]
    expected_usd: float
    most_usd: float
    certificates: int

    @property
    def rows(self) -> list[list[str]]:
        """A row for all pairs and one for each domain."""
        named = [("all", self.whole), *self.by_domain.items()]
        return [
            [
                name,
                str(b.pairs),
                *(_share(e) for e in (b.alike, b.before, b.now)),
                _signed(b.change),
                *(_share(e) for e in (b.turned_before, b.turned_now)),
            ]
            for name, b in named
        ]

    @property
    def summary(self) -> str:
        """One line for people."""
        told = (
            f"judge {self.judge!r} was changed; on {self.whole.pairs} of {self.sample} pairs that "
            f"it judged before, the new version answers {_share(self.whole.alike)} as the old one"
        )
        if self.whole.change.value is not None:
            told += (
                f", and agrees with humans on {_share(self.whole.now)}, the old one on "
                f"{_share(self.whole.before)} ({_signed(self.whole.change)} on "
                f"{self.whole.change.n} pairs)"
            )
        if self.abstains:
            told += f"; {self.abstains} of its answers hold no verdict"
        told += f"; asking it about the rest takes ${self.expected_usd:,.2f}"
        if self.certificates:
            one = self.certificates == 1
            told += (
                f"; {self.certificates:,} standing certificate{' rests' if one else 's rest'} on "
                "votes of the old version and stand as they are, as their labels are frozen; what "
                "is labelled from now on is certified anew"
            )
        return told


COLUMNS = (
    "domain", "pairs", "answers as before", "with humans before", "with humans now", "change",
    "reversals before", "now",
)  # fmt: skip


def waiting(session: Session, panel: Panel, beside: Path | None = None) -> list[Waiting]:
    """Judges of the panel that are to be bridged: those that cost, where another version votes."""
    found = []
    for judge in panel.asked:
        if not judge.ordered or not costs(judge):
            continue
        judge = participants.by_weights(judge, beside)
        new = find_version(session, judge.name, judge.version(panel.rules))
        old = bridges.voting_version(session, judge.name)
        if old is None or old == new:
            continue
        if new is not None and (
            bridges.accepted(session, new)
            or pairs_of(session, new) >= pairs_of(session, old)  # it was asked before: comes back
        ):
            continue
        sample = _sample(session, old, judge.name)
        if len(sample) >= LEAST:
            found.append(Waiting(judge, old, new, tuple(sample)))
    return found


def bridge(
    database: Database,
    panel: Panel,
    say: Callable[[str], None],
    *,
    among: Collection[str] | None = None,
    max_usd: float | None = None,
    progress: Progress = quiet,
    beside: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Panel, int | None]:
    """Ask changed judges (of those `among`) about their samples; settle who is asked the rest.

    Returns the panel without those that wait for a person, and the last run, whose money counts
    under the same cap (`run_judges(after=...)`). `say` hears of each. With `[panel] bridge =
    "never"` nobody waits.
    """
    if panel.panel.bridge == "never":
        return panel, None
    with database.read() as session:
        changed = waiting(session, panel, beside)
    held: set[str] = set()
    last: int | None = None
    for each in changed:
        if among is not None and each.judge.name not in among:
            continue
        try:
            done = run_judges(
                database, panel, names=[each.judge.name], within=each.sample, max_usd=max_usd,
                after=last, progress=progress, beside=beside, environ=environ,
            )  # fmt: skip
        except (BudgetSpent, Unavailable) as error:
            say(f"judge {each.judge.name!r} was changed and its sample could not be asked: {error}")
            held.add(each.judge.name)
            continue
        last = done.run_id
        told = _compared(database, panel, each, done.missing, beside)
        say(told.summary)
        if panel.panel.bridge == "always" and told.whole.not_worse and not told.missing:
            accept(database, panel, each.judge.name, beside)
            say(f"judge {each.judge.name!r} is asked about everything, as it is not worse")
            continue
        held.add(each.judge.name)
        say(_waits(told, panel.panel.bridge))
    return panel.without(held) if held else panel, last


def held_back(database: Database, panel: Panel, beside: Path | None = None) -> Panel:
    """The panel without the judges that wait to be accepted; asks nobody."""
    if panel.panel.bridge == "never":
        return panel
    with database.read() as session:
        names = {each.judge.name for each in waiting(session, panel, beside)}
    return panel.without(names) if names else panel


def told(database: Database, panel: Panel, beside: Path | None = None) -> list[str]:
    """A sentence for each judge that would be asked about its sample only; asks nobody."""
    if panel.panel.bridge == "never":
        return []
    with database.read() as session:
        return [
            f"judge {each.judge.name!r} was changed, so it is asked about a sample of "
            f"{len(each.sample)} pairs before it is asked about all"
            for each in waiting(session, panel, beside)
        ]


def shown(database: Database, panel: Panel, name: str, beside: Path | None = None) -> Bridge:
    """The comparison of one judge as it stands; asks nobody. Raises BadInput, UnknownName."""
    panel.named(name)
    each = _one(database, panel, name, beside)
    return _compared(database, panel, each, None, beside)


def accept(database: Database, panel: Panel, name: str, beside: Path | None = None) -> bool:
    """Let the configured version of a judge be asked about everything from now on; False where it
    was accepted already. Raises BadInput where there is nothing to accept, UnknownName.
    """
    judge = participants.by_weights(panel.named(name), beside)
    with database.read() as session:
        new = find_version(session, judge.name, judge.version(panel.rules))
        if new is not None and bridges.accepted(session, new):
            return False
    if _one(database, panel, name, beside).new_id is None or new is None:
        raise BadInput(
            f"judge {name!r} was not asked about its sample yet; run `tiebreak judge` first"
        )
    with database.begin() as session:
        return bridges.accept(session, new)


def _one(database: Database, panel: Panel, name: str, beside: Path | None) -> Waiting:
    with database.read() as session:
        for each in waiting(session, panel, beside):
            if each.judge.name == name:
                return each
    raise BadInput(
        f"judge {name!r} does not wait for anybody: its configured version votes, was accepted, "
        "costs nothing, or there is no earlier one with enough votes to compare it with"
    )


def _waits(told: Bridge, how: str) -> str:
    if told.missing:
        return (
            f"judge {told.judge!r} is not asked about more until the {told.missing} missing "
            "answers of its sample are there; run `tiebreak judge` again"
        )
    why = " as it is not shown to be no worse" if how == "always" else ""
    return (
        f"judge {told.judge!r} is not asked about more{why}: look at `tiebreak judges bridge "
        f"{told.judge}` and say `tiebreak judges accept {told.judge}`, or take the change back; "
        'until then its old votes count (bridge = "never" under [panel] asks without a sample)'
    )


def _sample(session: Session, version_id: int, name: str) -> list[int]:
    """Pairs to compare on: spread over domains, those with a human answer first, by hash."""
    humans = reference(session)
    domains: dict[str | None, list[tuple[bool, bytes, int]]] = defaultdict(list)
    for one in bridges.answered(session, version_id):
        drawn = hashlib.sha256(f"{name}:{one.pair_hash}".encode()).digest()
        domains[one.domain].append((one.pair_id not in humans, drawn, one.pair_id))
    queues = [sorted(each) for _, each in sorted(domains.items(), key=lambda d: str(d[0]))]
    taken: list[int] = []
    for turn in range(max(map(len, queues), default=0)):
        taken += [queue[turn][2] for queue in queues if turn < len(queue)]
        if len(taken) >= PAIRS:
            break
    return taken[:PAIRS]


def _compared(
    database: Database, panel: Panel, each: Waiting, missing: int | None, beside: Path | None
) -> Bridge:
    with database.read() as session:
        prompt, domain = _places(session, each)
        humans = reference(session, each.sample)
        new = find_version(session, each.judge.name, each.judge.version(panel.rules))
        before, _ = _codes(session, each.old_id, each.sample)
        now, abstained = _codes(session, new or 0, each.sample)
        certificates = bridges.certificates_with(session, each.old_id)
    human = np.array([CODES[humans[p]] if p in humans else MISSING for p in each.sample], np.int8)
    if missing is None:
        missing = estimate(
            database, panel, names=[each.judge.name], within=each.sample, beside=beside
        ).questions
    everything = estimate(database, panel, names=[each.judge.name], beside=beside)
    by_domain = {
        name: bridged(before[inside], now[inside], human[inside], prompt[inside])
        for name in sorted({d for d in domain if d is not None})
        if (inside := np.array([d == name for d in domain])).sum() >= LEAST
    }
    return Bridge(
        each.judge.name,
        len(each.sample),
        missing,
        abstained,
        bridged(before, now, human, prompt),
        by_domain if len(by_domain) > 1 else {},
        everything.expected_usd,
        everything.most_usd,
        certificates,
    )


def _places(session: Session, each: Waiting) -> tuple[Any, list[str | None]]:
    """Prompt and domain of each pair of the sample."""
    known = {one.pair_id: one for one in bridges.answered(session, each.old_id)}
    prompts = np.array([known[p].prompt_id for p in each.sample], dtype=np.int64)
    return prompts, [known[p].domain for p in each.sample]


def _codes(session: Session, version_id: int, sample: Sequence[int]) -> tuple[Any, int]:
    """Codes [pairs, 2] of a version, and how many of its votes abstain."""
    place = {pair: row for row, pair in enumerate(sample)}
    codes, abstained = np.full((len(sample), 2), MISSING, np.int8), 0
    for pair, order, choice in bridges.votes_of(session, version_id, sample):
        if choice is Choice.ABSTAIN:
            abstained += 1
        else:
            codes[place[pair], _SLOT[order]] = CODES[choice]
    return codes, abstained


def _share(estimate: Any) -> str:
    if estimate.value is None:
        return "-"
    inside = "" if estimate.low is None else f" [{estimate.low:.0%}, {estimate.high:.0%}]"
    return f"{estimate.value:.0%}{inside}"


def _signed(estimate: Any) -> str:
    if estimate.value is None:
        return "-"
    points = [
        100 * each for each in (estimate.value, estimate.low, estimate.high) if each is not None
    ]
    inside = f" [{points[1]:+.1f}, {points[2]:+.1f}]" if len(points) == 3 else ""
    return f"{points[0]:+.1f} points{inside}"
