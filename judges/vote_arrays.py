"""From stored votes to the arrays a label model reads, and from its answer back to rows.

Samples of one judge in one order are pooled first: the most frequent choice, a draw is a tie.
Leaves out the database (`db.consensus`) and the mathematics (`judges.trust`).
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.consensus import UsableVote, VotedPair
from db.errors import BadInput
from db.probabilities import Probabilities
from db.vocabulary import Choice, Order
from judges.kept_texts import KeptTexts
from judges.trust.families import guessed_family
from judges.trust.reliability import reliability
from judges.trust.tallies import NO_ORDER, count_votes, mean_confidence, most_frequent
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, Consensus, Pooler, VoteMatrix

MODELS = ("majority", "dawid-skene", "tiebreak")
CODES = {Choice.A: A, Choice.B: B, Choice.TIE: TIE}
"""An answer as the number that arrays hold, and its place on axis K, that of probabilities."""

_SURE = 1e-6
"""Least probability that is turned into log-odds; the label model cuts them far below."""

_SLOT = {Order.AB: AB, Order.BA: BA, Order.NONE: NO_ORDER}


@dataclass(frozen=True)
class VoteTable:
    """All votes on P pairs by R judge versions as arrays, with the texts of the pairs and the
    letters of the longer response of each.
    """

    pair_ids: tuple[int, ...]
    version_ids: tuple[int, ...]
    vote_matrix: VoteMatrix
    texts: PairTexts
    letters: Sequence[int]
    votes: int
    digest: str

    def labels(self, answers: Mapping[int, Choice]) -> NDArray[np.int8]:
        """Human answers by pair id as codes [P]; MISSING where there is none."""
        return np.array(
            [CODES[answers[p]] if p in answers else MISSING for p in self.pair_ids], dtype=np.int8
        )


def read_vote_table(
    pairs: Iterable[VotedPair],
    votes: Iterable[UsableVote],
    versions: Sequence[tuple[int, str, str, str]],
) -> VoteTable:
    """Arrays from rows. `versions`: id, judge's name, family and version of every rater.

    A judge that is its own family, because nobody has told one, gets that of its name.
    """
    pair_ids, numbers, domains, texts, letters = _of_pairs(pairs)
    row_of = {pair_id: p for p, pair_id in enumerate(pair_ids)}
    column_of = {version_id: r for r, (version_id, *_) in enumerate(versions)}
    cells, said, weighed = _cells(votes, row_of, column_of)
    pair_V, rater_V, order_V, choice_V = cells.T
    size = len(pair_ids), len(versions)
    counts_PROK = count_votes(pair_V, rater_V, order_V, choice_V, *size)
    names = tuple(sorted({name for name in domains if name}))
    place = {name: d for d, name in enumerate(names)}
    vote_matrix = VoteMatrix(
        codes_PRO=most_frequent(counts_PROK),
        raters=_names(versions),
        families=tuple(
            family if family != name else guessed_family(name) or name
            for _, name, family, _ in versions
        ),
        prompt_P=np.array(numbers, dtype=np.int64),
        domain_P=np.array([place.get(name or "", -1) for name in domains], dtype=np.int64),
        domains=names,
        confidence_PRO=mean_confidence(pair_V, rater_V, order_V, said, *size),
        orderless_PR=_orderless(cells, size),
        log_odds_PR=_log_odds(cells, weighed, size),
    )
    digest = hashlib.sha256(repr([v[0] for v in versions]).encode())
    digest.update(np.array(list(row_of), dtype=np.int64).tobytes())
    digest.update(counts_PROK.tobytes())
    if vote_matrix.log_odds_PR is not None:
        digest.update(vote_matrix.log_odds_PR.tobytes())
    return VoteTable(
        tuple(row_of), tuple(column_of), vote_matrix, texts, letters, len(cells), digest.hexdigest()
    )


def _of_pairs(
    pairs: Iterable[VotedPair],
) -> tuple[Sequence[int], Sequence[int], Sequence[str | None], PairTexts, Sequence[int]]:
    """Ids, numbers of the prompts by appearance, domains, texts and letters of the longer response;
    no row is held.
    """
    pair_ids, numbers, number_of = array("q"), array("q"), dict[int, int]()
    letters = array("q")
    prompts, texts_a, texts_b = KeptTexts(), KeptTexts(), KeptTexts()
    domains, authors_a, authors_b = list[str | None](), list[str | None](), list[str | None]()
    known: dict[str | None, str | None] = {}  # each name once, however many rows bring it
    for pair in pairs:
        pair_ids.append(pair.pair_id)
        numbers.append(number_of.setdefault(pair.prompt_id, len(number_of)))
        prompts.append(pair.prompt)
        texts_a.append(pair.response_a)
        texts_b.append(pair.response_b)
        letters.append(max(len(pair.response_a), len(pair.response_b)))
        domains.append(known.setdefault(pair.domain, pair.domain))
        authors_a.append(known.setdefault(pair.model_a, pair.model_a))
        authors_b.append(known.setdefault(pair.model_b, pair.model_b))
    texts = PairTexts(prompts, texts_a, texts_b, authors_a, authors_b)
    return pair_ids, numbers, domains, texts, letters


def _orderless(cells: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Where a vote without an order was cast; None where none was."""
    alone = cells[(cells[:, 2] == NO_ORDER) & (cells[:, 3] != MISSING)]
    if not len(alone):
        return None
    found = np.zeros(size, dtype=bool)
    found[alone[:, 0], alone[:, 1]] = True
    return found


def _log_odds(
    cells: NDArray[np.int64], weighed_V: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32] | None:
    """Mean log-odds over the votes of each judge that gives them; None where none does."""
    known = np.isfinite(weighed_V)
    if not known.any():
        return None
    p = np.clip(weighed_V[known], _SURE, 1 - _SURE)
    place = cells[known, 0] * size[1] + cells[known, 1]
    cast = np.bincount(place, minlength=size[0] * size[1])
    total = np.bincount(place, np.log(p) - np.log1p(-p), minlength=size[0] * size[1])
    mean = np.divide(total, cast, out=np.full(len(cast), np.nan), where=cast > 0)
    log_odds: NDArray[np.float32] = mean.reshape(size).astype(np.float32)
    return log_odds


def check_model(name: str) -> None:
    """Raises BadInput where there is no label model of that name."""
    if name not in MODELS:
        raise BadInput(f"label model {name!r} does not exist; choose one of {list(MODELS)}")


def label_model(name: str) -> Pooler:
    """The label model of that name. Raises BadInput."""
    check_model(name)
    if name == "majority":
        from judges.trust.majority import Majority

        return Majority()
    if name == "dawid-skene":
        from judges.trust.dawid_skene import DawidSkene

        return DawidSkene()
    from judges.trust.label_model import LabelModel

    return LabelModel()


def consensus_rows(
    vote_table: VoteTable, consensus: Consensus, fit_id: int
) -> Iterator[dict[str, Any]]:
    """One row a pair; contributions in log-odds, rounded, nothing for a contributor of zero."""
    p_PK, parts = consensus.p_PK, consensus.contributions_PC
    for p, pair_id in enumerate(vote_table.pair_ids):
        shares = None
        if parts is not None:
            rounded = (
                (name, round(float(x), 4))
                for name, x in zip(consensus.contributors, parts[p], strict=True)
            )
            shares = {name: x for name, x in rounded if x}
        yield {
            "fit_id": fit_id,
            "pair_id": pair_id,
            "p_a": float(p_PK[p, A]),
            "p_tie": float(p_PK[p, TIE]),
            "p_b": float(p_PK[p, B]),
            "contributions": shares,
        }


def axis_K(p: Probabilities) -> tuple[float, float, float]:
    """Probabilities as a row of an array, in the order of `CODES`."""
    return p.p_a, p.p_b, p.p_tie


def stored_consensus(vote_table: VoteTable, rows: Mapping[int, Probabilities]) -> Consensus:
    """The stored probabilities by pair as arrays, without contributions."""
    p_PK = np.array([axis_K(rows[p]) for p in vote_table.pair_ids], dtype=np.float64).reshape(-1, 3)
    small = np.finfo(float).tiny
    logit_P = np.log(np.maximum(p_PK[:, A], small)) - np.log(np.maximum(p_PK[:, B], small))
    return Consensus(p_PK, logit_P)


def rater_figures(vote_table: VoteTable, consensus: Consensus) -> list[dict[str, Any]]:
    """Per judge version the figures of `judges.trust.reliability`, shares in four digits."""
    figures = []
    for version_id, found in zip(
        vote_table.version_ids, reliability(vote_table.vote_matrix, consensus), strict=True
    ):
        shares = {"ties": found.ties, "agreement": found.agreement, "flips": found.flips}
        rounded = {n: None if x is None else round(x, 4) for n, x in shares.items()}
        figures.append(
            {"judge_version_id": version_id, "judge": found.judge, "pairs": found.pairs, **rounded}
        )
    return figures


def _cells(
    votes: Iterable[UsableVote], row_of: Mapping[int, int], column_of: Mapping[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """[V, 4] pair, rater, slot (2: no order) and choice of every vote; its confidence and its p_a,
    both [V], NaN where it has none.
    """
    cells, said, weighed = array("q"), array("d"), array("d")
    for vote in votes:
        row = row_of.get(vote.pair_id)
        if row is None:
            continue
        cells.extend((row, column_of[vote.version_id], _SLOT[vote.order], CODES[vote.choice]))
        said.append(np.nan if vote.confidence is None else vote.confidence)
        weighed.append(np.nan if vote.p_a is None else vote.p_a)
    return (
        np.frombuffer(cells, np.int64).reshape(-1, 4),
        np.frombuffer(said, np.float64),
        np.frombuffer(weighed, np.float64),
    )


def _names(versions: Sequence[tuple[int, str, str, str]]) -> tuple[str, ...]:
    """Names of the raters; a judge with several versions is told apart by the start of each."""
    names = [name for _, name, _, _ in versions]
    return tuple(
        name if names.count(name) == 1 else f"{name}@{version[:8]}"
        for _, name, _, version in versions
    )
