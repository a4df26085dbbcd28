"""From a table of votes to labels, without a database: records or a data frame in, records out.

    from judges.trust.table import label_votes
    found = label_votes(votes, answers={"p1": "a"})

Leaves out: storing anything, and which pairs to ask a human about.
"""

import math
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from judges.trust.families import guessed_family, told_guesses
from judges.trust.label_model import LabelModel
from judges.trust.reading import read
from judges.trust.reliability import Reliability, reliability
from judges.trust.tallies import NO_ORDER, count_votes, mean_confidence, most_frequent
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, Pooler, VoteMatrix

_CHOICES = {"a": A, "b": B, "tie": TIE, "abstain": MISSING}
_ORDERS = {"ab": AB, "ba": BA, "none": NO_ORDER}
_WORDS = {A: "a", B: "b", TIE: "tie"}
_TEXTS = ("prompt", "response_a", "response_b", "domain", "model_a", "model_b")

Record = Mapping[str, Any]


class Frame(Protocol):
    """What `label_votes` needs of a data frame; pandas has it."""

    def to_dict(self, orient: Any, /) -> Any:
        """The rows as dicts, given "records"."""
        ...


Table = Iterable[Record] | Frame


class Answers(Protocol):
    """What people said by pair_id: a dict, or a series of pandas."""

    def items(self) -> Iterable[tuple[Any, Any]]:
        """Each pair_id with its answer."""
        ...


@dataclass(frozen=True)
class Label:
    """One pair: probabilities of a, tie and b that sum to 1, the likeliest, and how likely it is.

    answered: its answer was given. Its probabilities are still those of everything else: they are
    made without its own answer.
    """

    pair_id: Any
    p_a: float
    p_tie: float
    p_b: float
    choice: str
    confidence: float
    answered: bool


@dataclass(frozen=True)
class Labels:
    """What the votes say: one label a pair, in the order pairs were first voted on, and how each
    judge fares beside them.
    """

    pairs: tuple[Label, ...]
    judges: tuple[Reliability, ...]
    answers: int

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{len(self.pairs)} pairs by {len(self.judges)} judges and {self.answers} answers"

    def records(self) -> list[dict[str, Any]]:
        """One dict a pair, as `pandas.DataFrame` takes them."""
        return [asdict(pair) for pair in self.pairs]


def label_votes(
    votes: Table,
    answers: Answers | None = None,
    pairs: Table | None = None,
    model: Pooler | None = None,
) -> Labels:
    """Probabilities of a, tie and b for every pair that was voted on.

    votes: pair_id, judge and choice (a, b, tie, abstain; in stored order), and where known order
    (ab, ba, none), confidence in [0, 1] and the judge's family (else guessed from its name, with a
    warning). Votes of one judge on one pair in one order are samples of it. answers: what people
    said, by pair_id; others than of voted pairs are not used. pairs: pair_id and any of prompt,
    response_a, response_b, domain, model_a, model_b. model: the label model; default
    `LabelModel()`, or any other `Pooler`.
    Raises ValueError that names the row and the value it cannot use.
    """
    cast = [_vote(row, at) for at, row in enumerate(_rows(votes, "votes"), 1)]
    if not cast:
        raise ValueError("votes has no row; give at least one vote")
    pair_at = _numbered(vote.pair_id for vote in cast)
    judge_at = _numbered(vote.judge for vote in cast)
    texts = _texts(pairs, list(pair_at))
    vote_matrix = _matrix(cast, pair_at, judge_at, texts)
    labels_P = np.full(len(pair_at), MISSING, np.int8)
    for pair_id, said in _said(answers):
        code = _known(said, _CHOICES, f"answers[{pair_id!r}]", "it")
        if pair_id in pair_at:
            labels_P[pair_at[pair_id]] = code
    chosen = LabelModel() if model is None else model
    if isinstance(chosen, LabelModel):
        vote_matrix = read(vote_matrix, _pair_texts(texts))
    consensus = chosen.fit(vote_matrix, labels_P).predict(vote_matrix)
    return Labels(
        pairs=tuple(
            Label(
                pair_id=pair_id,
                p_a=float(consensus.p_PK[p, A]),
                p_tie=float(consensus.p_PK[p, TIE]),
                p_b=float(consensus.p_PK[p, B]),
                choice=_WORDS[int(consensus.choice_P[p])],
                confidence=float(consensus.confidence_P[p]),
                answered=bool(labels_P[p] != MISSING),
            )
            for pair_id, p in pair_at.items()
        ),
        judges=tuple(reliability(vote_matrix, consensus, labels_P)),
        answers=int((labels_P != MISSING).sum()),
    )


@dataclass(frozen=True)
class _Vote:
    pair_id: Any
    judge: str
    family: str
    order: int
    choice: int
    confidence: float


def _rows(table: Table, name: str) -> Iterable[Record]:
    rows = table.to_dict("records") if hasattr(table, "to_dict") else table
    if isinstance(rows, Mapping | str) or not isinstance(rows, Iterable):
        raise ValueError(
            f"{name} is a {type(table).__name__}; give records (dicts, one a row) or a data frame"
        )
    return rows


def _said(answers: Answers | None) -> Iterable[tuple[Any, Any]]:
    if answers is None:
        return ()
    if not hasattr(answers, "items") or hasattr(answers, "columns"):
        raise ValueError(
            f"answers is a {type(answers).__name__}; give a dict or a series of answers by pair_id"
        )
    return answers.items()


def _vote(row: Record, at: int) -> _Vote:
    where = f"votes row {at}"
    judge = str(_needed(row, "judge", where))
    return _Vote(
        pair_id=_pair_id(row, where),
        judge=judge,
        family=str(_given(row, "family", "")),
        order=_known(_given(row, "order", "none"), _ORDERS, where, "order"),
        choice=_known(_needed(row, "choice", where), _CHOICES, where, "choice"),
        confidence=_share(_given(row, "confidence", math.nan), where),
    )


def _given(row: Record, name: str, default: Any) -> Any:
    """The value, or the default where it is absent, None, NaN or NA, as data frames write it."""
    value = row.get(name)
    return default if _absent(value) else value


def _absent(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas' NA does not tell whether it is itself
        return True
    except ValueError:  # an array
        return False


def _needed(row: Record, name: str, where: str) -> Any:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where} is {row!r}; a dict with pair_id, judge and choice is needed")
    value = _given(row, name, None)
    if value is None:
        raise ValueError(f"{where} has no {name}; it has {sorted(map(str, row))}")
    return value


def _pair_id(row: Record, where: str) -> Hashable:
    found = _needed(row, "pair_id", where)
    if not isinstance(found, Hashable):
        raise ValueError(f"{where}: pair_id is {found!r}; a name or a number is needed")
    return found


def _known(value: Any, words: Mapping[str, int], where: str, name: str) -> int:
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{where}: {name} is {value!r}; {', '.join(words)} are allowed")
    return words[value]


def _share(value: Any, where: str) -> float:
    if isinstance(value, float | int | np.floating | np.integer) and (
        math.isnan(value) or 0 <= value <= 1
    ):
        return float(value)
    raise ValueError(f"{where}: confidence is {value!r}; a number from 0 to 1 is allowed")


def _numbered(names: Iterable[Any]) -> dict[Any, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _texts(pairs: Table | None, wanted: list[Any]) -> list[dict[str, str | None]]:
    """What is known of every wanted pair, in that order; a pair told of twice must say the same."""
    told: dict[Any, dict[str, str | None]] = {}
    for at, row in enumerate(_rows(pairs, "pairs") if pairs is not None else (), 1):
        where = f"pairs row {at}"
        pair_id = _pair_id(row, where)
        known = {name: _text(row, name, where) for name in _TEXTS}
        if told.setdefault(pair_id, known) != known:
            raise ValueError(f"{where}: pair {pair_id!r} is told of twice, and not the same")
    nothing = dict[str, str | None].fromkeys(_TEXTS)
    return [told.get(pair_id, nothing) for pair_id in wanted]


def _text(row: Record, name: str, where: str) -> str | None:
    value = _given(row, name, None)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{where}: {name} is {value!r}; text is needed")
    return value


def _pair_texts(texts: list[dict[str, str | None]]) -> PairTexts:
    prompt, a, b, _, model_a, model_b = ([each[name] for each in texts] for name in _TEXTS)
    return PairTexts(prompt, a, b, model_a, model_b)


def _matrix(
    votes: list[_Vote],
    pair_at: Mapping[Any, int],
    judge_at: Mapping[str, int],
    texts: list[dict[str, str | None]],
) -> VoteMatrix:
    """Pairs without a known prompt count as pairs of different prompts."""
    pair_V = np.array([pair_at[vote.pair_id] for vote in votes], np.int64)
    judge_V = np.array([judge_at[vote.judge] for vote in votes], np.int64)
    order_V = np.array([vote.order for vote in votes], np.int64)
    choice_V = np.array([vote.choice for vote in votes], np.int64)
    said_V = np.array([vote.confidence for vote in votes], np.float64)
    said_V[choice_V == MISSING] = np.nan
    size = len(pair_at), len(judge_at)
    families = _families(votes, judge_at)
    prompts = [each["prompt"] or ("pair", p) for p, each in enumerate(texts)]
    domains = tuple(sorted({each["domain"] for each in texts if each["domain"]}))
    prompt_at, domain_at = _numbered(prompts), _numbered(domains)
    return VoteMatrix(
        codes_PRO=most_frequent(count_votes(pair_V, judge_V, order_V, choice_V, *size)),
        raters=tuple(judge_at),
        families=families,
        prompt_P=np.array([prompt_at[prompt] for prompt in prompts], np.int64),
        domain_P=np.array([domain_at.get(each["domain"], -1) for each in texts], np.int64),
        domains=domains,
        confidence_PRO=mean_confidence(pair_V, judge_V, order_V, said_V, *size),
    )


def _families(votes: Sequence[_Vote], judges: Iterable[str]) -> tuple[str, ...]:
    """The first family given of each judge, else what its name says, else its own.

    Warns of guesses that make relatives of judges; the others change nothing.
    """
    given = {vote.judge: vote.family for vote in reversed(votes) if vote.family}
    untold = [judge for judge in judges if judge not in given]
    guessed = {judge: guessed_family(judge) or judge.split("/")[0] for judge in untold}
    families = tuple((guessed | given)[judge] for judge in judges)
    if len(set(families)) < len(families) and (guesses := told_guesses(untold)):
        warnings.warn(guesses, stacklevel=4)
    return families
