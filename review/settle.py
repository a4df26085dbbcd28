"""Which answer a pair ends with: adjudication before review before consensus. Pure.

A lone review that the votes make improbable does not become truth: it asks for a second one.
What a certificate in force accepts stays the label until humans have settled the pair.
What an order over several candidates implies for a pair counts only where nobody answered the pair
itself, and is never added to such answers; where another choice stays more probable, the pair is
asked by itself.
Leaves out the database (`merge`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from db.opinions import Binding, Opinion, majority
from db.preferences import PairEvidence
from db.probabilities import FLAT, Probabilities
from db.rankings import Implied
from db.vocabulary import Choice, Source, TaskKind
from review.settings import ReviewSettings

_FLOOR = 0.02  # no panel is believed beyond this against a human; by hand, as an adjudicator errs


@dataclass(frozen=True)
class Label:
    """A settled label with all it rests on; the fields are those of a preference."""

    pair_id: int
    choice: Choice
    strength: int | None
    both_bad: bool
    p: Probabilities
    source: Source
    fit_id: int | None = None
    batch_id: int | None = None
    adjudication_id: int | None = None
    review_ids: tuple[int, ...] = ()
    ranking_ids: tuple[int, ...] = ()
    task_kind: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What the evidence comes to: a label, or none yet; and the task to ask once more.

    asks_pair: orders disagree, or one is improbable, and the pair wants an answer of its own.
    """

    label: Label | None = None
    doubtful_task: int | None = None
    asks_pair: bool = False


def settle(
    known: PairEvidence, settings: ReviewSettings, accuracy: Mapping[int, float] | None = None
) -> Outcome:
    """The label of one pair, if its evidence settles it.

    accuracy: of annotators by id, where measured; the settings' assumption for the others.
    """
    if known.binding is not None:
        return Outcome(_adjudicated(known, known.binding, settings))
    certified = _pooled(known) if known.certified else None
    settled = [o for o in known.opinions if o.settled]
    if len(settled) < len(known.opinions):  # a task still asks: nobody's answer is truth yet
        return Outcome(certified)
    choice = majority(o.choice for o in settled)
    if choice is not None:
        outcome = _reviewed(known, choice, settled, settings, accuracy or {})
    elif known.implied and not settled:
        outcome = _ranked(known, settings, accuracy or {})
    else:
        outcome = Outcome(None if settled else _pooled(known))
    return outcome if outcome.label is not None else replace(outcome, label=certified)


def posterior(prior: Probabilities, said: Sequence[tuple[Choice, float]]) -> Probabilities:
    """Bayes: `prior` after people of an accuracy said what they said.

    A person is right with probability `accuracy` and otherwise says either other choice alike.
    """

    def weight(truth: Choice) -> float:
        factors = (right if choice is truth else (1 - right) / 2 for choice, right in said)
        return max(prior.of(truth), _FLOOR) * prod(sorted(factors))

    return Probabilities.of_weights(a=weight(Choice.A), tie=weight(Choice.TIE), b=weight(Choice.B))


def _weighed(
    known: PairEvidence,
    opinions: Iterable[Opinion | Implied],
    settings: ReviewSettings,
    accuracy: Mapping[int, float],
) -> tuple[list[tuple[Choice, float]], Probabilities]:
    """What was said, each with its person's accuracy, and the posterior after all of it."""
    assumed = settings.reviewer_accuracy
    said = [(one.choice, accuracy.get(one.annotator_id, assumed)) for one in opinions]
    return said, posterior(known.consensus or FLAT, said)


def _reviewed(
    known: PairEvidence,
    choice: Choice,
    opinions: Sequence[Opinion],
    settings: ReviewSettings,
    accuracy: Mapping[int, float],
) -> Outcome:
    said, after = _weighed(known, opinions, settings, accuracy)
    lone = opinions[0] if len(opinions) == 1 else None
    if lone is not None and lone.kind is TaskKind.ESCALATION:
        if after.of(choice) < settings.doubt_below:
            return Outcome(doubtful_task=lone.task_id)
    return Outcome(
        _label(
            known,
            choice,
            _agreeing(after, choice, said),
            Source.REVIEW,
            strength=_strength(opinions, choice),
            both_bad=_both_bad(opinions, choice),
            batch_id=max((o.batch_id for o in opinions if o.batch_id), default=None),
            review_ids=tuple(o.review_id for o in opinions),
            task_kind=_kind(o.kind for o in opinions),
        )
    )


def _ranked(
    known: PairEvidence, settings: ReviewSettings, accuracy: Mapping[int, float]
) -> Outcome:
    if not all(said.settled for said in known.implied):
        return Outcome()
    choice = majority(said.choice for said in known.implied)
    of_queue = any(said.kind is TaskKind.ESCALATION for said in known.implied)
    said, after = _weighed(known, known.implied, settings, accuracy)
    lone = len(said) == 1 and of_queue
    probable = 0.0 if choice is None else after.of(choice)
    if choice is None or (lone and probable < min(settings.doubt_below, after.confidence)):
        panels = _pooled(known)
        return Outcome(asks_pair=of_queue) if panels is None else Outcome(panels)
    return Outcome(
        _label(
            known,
            choice,
            _agreeing(after, choice, said),
            Source.REVIEW,
            batch_id=max((one.batch_id for one in known.implied if one.batch_id), default=None),
            ranking_ids=tuple(sorted(one.ranking_id for one in known.implied)),
            task_kind=_kind(one.kind for one in known.implied),
        )
    )


def _adjudicated(known: PairEvidence, binding: Binding, settings: ReviewSettings) -> Label:
    said = [(binding.choice, settings.adjudicator_accuracy)]
    after = posterior(known.consensus or FLAT, said)
    return _label(
        known,
        binding.choice,
        _agreeing(after, binding.choice, said),
        Source.ADJUDICATION,
        strength=binding.strength,
        both_bad=binding.both_bad,
        batch_id=binding.batch_id,
        adjudication_id=binding.adjudication_id,
        review_ids=tuple(o.review_id for o in known.opinions),
        task_kind=_kind([binding.kind, *(o.kind for o in known.opinions)]),
    )


def _pooled(known: PairEvidence) -> Label | None:
    """The panel's label, where its word may be delivered."""
    p = known.consensus
    if p is None or not known.panel:
        return None
    return _label(known, p.choice, p, Source.ENSEMBLE, batch_id=known.batch_id)


def _label(
    known: PairEvidence, choice: Choice, p: Probabilities, source: Source, **provenance: Any
) -> Label:
    shared = {"strength": None, "both_bad": False} | provenance
    return Label(
        pair_id=known.pair_id,
        choice=choice,
        p=p,
        source=source,
        fit_id=known.fit_id,
        **shared,
    )


def _agreeing(
    after: Probabilities, choice: Choice, said: Sequence[tuple[Choice, float]]
) -> Probabilities:
    """Probabilities that agree with the settled choice; without the votes where they do not."""
    return after if after.of(choice) == after.confidence else posterior(FLAT, said)


def _strength(opinions: Sequence[Opinion], choice: Choice) -> int | None:
    given = [o.strength for o in opinions if o.choice is choice and o.strength is not None]
    if not given:
        return None
    return 2 if 2 * given.count(2) > len(given) else 1


def _both_bad(opinions: Sequence[Opinion], choice: Choice) -> bool:
    same = [o for o in opinions if o.choice is choice]
    return choice is Choice.TIE and 2 * sum(o.both_bad for o in same) > len(same)


def _kind(kinds: Iterable[TaskKind | None]) -> str | None:
    """The strictest kind: who may not learn from an audit may not learn from a mixture."""
    found = set(kinds)
    for kind in (TaskKind.AUDIT, TaskKind.ESCALATION):
        if kind in found:
            return str(kind)
    return None
