"""Asks for texts that are no votes (candidates, critiques): bounded, capped, stored as they come.

A few at a time are claimed, with money set aside, while others are away; each answer is stored with
its cost as it comes. Killed, a run repeats only what was in flight; two at once share the work.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby, islice
from typing import Any

from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from db.generation import has_written
from db.progress import Progress, quiet
from db.reservations import Asked, in_turn
from db.session import Database, Session
from db.text_claims import TextBlock, TextKey, release_texts, renew_texts, take_texts
from judges import verdicts
from judges.asking import Answer, Client, Lost, Question, Rejected
from judges.in_flight import InFlight
from judges.judge_session import input_bound
from judges.patience import Patience, TooLong
from judges.prices import Prices
from judges.private import Withholding
from judges.reservation import BlockReservation
from judges.whose_fault import Evidence, Trial

_RENEWED = timedelta(minutes=20)  # as long as a claim stands that is being asked for


@dataclass(frozen=True)
class TextRequest:
    """One text to ask for: which, of whom, what, at which price; `about` is for whoever stores it.

    lasts: how long a claim on it may stand.
    """

    key: TextKey
    asked: Asked
    client: Client
    question: Question
    prices: Prices
    about: Any
    lasts: timedelta = timedelta(minutes=20)
    surcharges: tuple[str, ...] = ()
    kept: bool = False

    @property
    def bound(self) -> int:
        """The most its answer can cost, in nano-dollars."""
        return self.prices.bound(
            input_bound(self.question),
            self.question.max_tokens,
            surcharges=self.surcharges,
            kept=self.kept,
        )


@dataclass(frozen=True)
class Brought:
    """A text that came back, and its price in nano-dollars. refused: the server took no request,
    and `answer` is what that amounts to.
    """

    request: TextRequest
    answer: Answer
    cost_nanousd: int
    refused: bool = False


@dataclass
class Requested:
    """How the requests of a run went. elsewhere: texts that another run asks for, or had just
    asked for; refused: how many were given up, by the server's words; lost: requests that may have
    been billed without an answer; problem: the sentence that ended them early.
    """

    brought: int = 0
    failed: int = 0
    elsewhere: int = 0
    lost: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    cost_nanousd: int = 0
    capped: bool = False
    problem: str | None = None

    @property
    def stopped(self) -> bool:
        """Whether nothing further is to be asked."""
        return self.capped or self.problem is not None


Store = Callable[[Session, Brought], None]


@dataclass(frozen=True)
class _Claimed:
    """One text that is ours to ask for."""

    request: TextRequest
    claim: int
    reserved: BlockReservation


@dataclass(frozen=True)
class TextRequests:
    """Runs requests under a cap; `store` writes an answer inside the given transaction.

    What `withholding` keeps is not asked for. patience: of each source, by its name; waits as its
    server asks.
    """

    database: Database
    run_id: int
    store: Store
    job: int | None = None
    cap_nanousd: int | None = None
    concurrency: int = 32
    progress: Progress = quiet
    label: str = "texts"
    withholding: Withholding = field(default_factory=Withholding)
    patience: Mapping[str, Patience] = field(default_factory=lambda: defaultdict(Patience))
    _open: list[BlockReservation] = field(default_factory=list, repr=False)
    _trials: dict[str, Trial[TextRequest]] = field(default_factory=dict, repr=False)

    async def run(
        self, requests: Iterable[TextRequest], total: int, outcome: Requested | None = None
    ) -> Requested:
        """Until all are done, the money is spent or the key is refused; counted in `outcome`."""
        outcome = outcome or Requested()
        places = InFlight(self.concurrency)
        slots = asyncio.Semaphore(self.concurrency)
        source = (r for r in requests if not self.withholding.keeps(r.key, r.question.user))

        async def one(claimed: _Claimed) -> None:
            async with slots:
                brought = await self._asked(claimed, outcome)
            self._keep(claimed, brought, outcome)
            places.back()
            self.progress(self.label, outcome.brought + outcome.failed, total)

        renewing = asyncio.create_task(self._renew())
        try:
            async with asyncio.TaskGroup() as group:
                left: list[TextRequest] = []
                while not outcome.stopped:
                    left = left or list(islice(source, await places.free()))
                    if not left:
                        break
                    ours, left = self._take(left, outcome)
                    places.leave(len(ours))
                    for claimed in ours:
                        group.create_task(one(claimed))
                    if left and not ours and not await places.wait():
                        outcome.capped = True
            for trial in self._trials.values():
                own, why = trial.evidence.end()
                self._give_up(own, outcome)
                outcome.problem = outcome.problem or (str(why) if why else None)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            renewing.cancel()
            self._close()
        return outcome

    def _take(
        self, head: Sequence[TextRequest], outcome: Requested
    ) -> tuple[list[_Claimed], list[TextRequest]]:
        """Claim these and set their money aside, source by source; ours, and what the cap has left
        no room for yet.
        """
        ours: list[_Claimed] = []
        at = 0
        for asked, together in groupby(head, key=lambda request: request.asked):
            some = list(together)
            block = self._block(asked, some)
            bounds = {block.claims[r.key]: r.bound for r in some if r.key in block.claims}
            reserved = BlockReservation(block.reservation_id, bounds)
            self._open.append(reserved)
            ours += [
                _Claimed(r, block.claims[r.key], reserved) for r in some if r.key in block.claims
            ]
            outcome.elsewhere += block.considered - len(bounds)
            at += block.considered
            if block.short:
                break
        return ours, list(head[at:])

    def _block(self, asked: Asked, some: Sequence[TextRequest]) -> TextBlock:
        with self.database.begin() as session:
            return take_texts(
                session,
                self.run_id,
                [(request.key, request.bound) for request in some],
                asked=asked,
                lasts=some[0].lasts,
                job=self.job,
                cap_nanousd=self.cap_nanousd,
            )

    async def _asked(self, claimed: _Claimed, outcome: Requested) -> Brought | int:
        """The text, or what an answer that never came may have cost."""
        request = claimed.request
        trial = self._trial(request)
        if not await trial.clear():
            outcome.problem = outcome.problem or str(trial.evidence.end()[1])
        if outcome.problem is not None:
            return 0
        with trial.away():
            return await self._sent(claimed, trial.evidence, outcome)

    def _trial(self, request: TextRequest) -> Trial[TextRequest]:
        """The trial of the request's source, which knows whether it wrote in an earlier run."""
        name = request.asked.name
        if name not in self._trials:
            trial = self._trials[name] = Trial()
            with self.database.read() as session:
                key = request.key
                trial.evidence.answered = has_written(session, key.kind, key.source)
        return self._trials[name]

    async def _sent(
        self, claimed: _Claimed, evidence: Evidence[TextRequest], outcome: Requested
    ) -> Brought | int:
        """Ask until something final comes."""
        request, number = claimed.request, 0

        async def send() -> Answer:
            nonlocal number
            if outcome.problem is not None:
                raise Unavailable(outcome.problem)
            number = evidence.leaves()
            with claimed.reserved.sending(claimed.claim):
                return await request.client.ask(request.question)

        try:
            answer = await self.patience[request.asked.name].answer(request.asked.name, send)
        except Rejected as why:
            self._give_up(evidence.refused(number, request, why), outcome)
            return 0
        except (KeyRefused, BadInput, TooLong) as error:
            outcome.problem = outcome.problem or str(error)
            return 0
        except Lost:
            outcome.lost += 1
            return request.bound
        except Unavailable:
            return 0
        self._give_up(evidence.answer(number), outcome)
        charge = request.prices.charge(answer, request.bound, request.surcharges)
        return Brought(request, answer, charge.nanousd)

    def _give_up(self, own: Sequence[tuple[TextRequest, Rejected]], outcome: Requested) -> None:
        """Write down that these are refused by their own fault: they are not asked for again."""
        if not own:
            return
        with self.database.begin() as session:
            in_turn(session)
            for request, why in own:
                self.store(session, Brought(request, why.answer, 0, refused=True))
        outcome.refused.update(verdicts.stopped(why.answer) for _, why in own)
        outcome.failed -= len(own)

    async def _renew(self) -> None:
        """Keep the claims of texts that wait: nobody else is to ask for them meanwhile."""
        while True:
            await asyncio.sleep(_RENEWED.total_seconds() / 4)
            claims = [claim for reserved in self._open for claim in reserved.bounds]
            if claims:
                with self.database.begin() as session:
                    in_turn(session)
                    renew_texts(session, claims, _RENEWED)

    def _keep(self, claimed: _Claimed, brought: Brought | int, outcome: Requested) -> None:
        """Store the text at once with what it cost, and give its claim back."""
        answered = isinstance(brought, Brought)
        cost = brought.cost_nanousd if isinstance(brought, Brought) else brought
        claimed.reserved.pay(claimed.claim, cost, answered=answered)
        with self.database.begin() as session:
            in_turn(session)
            if isinstance(brought, Brought):
                self.store(session, brought)
            claimed.reserved.write(session)
            release_texts(session, [claimed.claim])
        outcome.brought += answered
        outcome.failed += not answered
        outcome.cost_nanousd += cost

    def _close(self) -> None:
        """Stopped in the middle: what was never asked costs nothing."""
        left = [reserved for reserved in self._open if not reserved.is_empty]
        self._open.clear()
        if left:
            with self.database.begin() as session:
                for reserved in left:
                    reserved.close(session)


def raise_if_nothing(outcome: Requested) -> None:
    """Raise the problem where nothing at all was brought."""
    if outcome.problem is not None and not outcome.brought:
        raise TiebreakError(outcome.problem)
