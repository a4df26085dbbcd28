"""The label model's peers behind its own interface: crowd-kit, cleanlab, scikit-learn on votes.

crowd-kit and cleanlab are the optional extra `bench`. Every peer may read all votes; human answers
only those it is given. Leaves out: the baselines that are part of the package.
"""

import contextlib
import io
import warnings
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from judges.trust.majority import Majority
from judges.trust.patterns import mean_votes
from judges.trust.text_features import ODD_NAMES
from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, Pooler, VoteMatrix, consensus_of

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
LEAST_ANSWERS = 5
MOST_DOMAINS = 12


@contextlib.contextmanager
def quiet() -> Any:
    """Peers warn about their own dependencies and print progress; neither is ours to show."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def crowd_kit(name: str, vote_matrix: VoteMatrix) -> Consensus:
    """DawidSkene, GLAD or MACE of crowd-kit on all votes, each order one answer of its worker."""
    import pandas as pd
    from crowdkit import aggregation

    pair, rater, order = np.nonzero(vote_matrix.codes_PRO != MISSING)
    table = pd.DataFrame(
        {"task": pair, "worker": rater, "label": vote_matrix.codes_PRO[pair, rater, order]}
    )
    options: dict[str, dict[str, int]] = {"MACE": {"n_restarts": 3}, "GLAD": {"n_iter": 20}}
    with quiet():
        found = getattr(aggregation, name)(**options.get(name, {})).fit_predict_proba(table)
    p = np.zeros((len(vote_matrix), 3))
    p[:] = 1 / 3
    p[found.index.to_numpy()] = found.reindex(columns=[A, B, TIE], fill_value=0.0).to_numpy()
    p = np.clip(p, 1e-6, 1)
    p /= p.sum(axis=1, keepdims=True)
    return Consensus(p, np.log(p[:, A]) - np.log(p[:, B]))


@dataclass
class Fixed:
    """An answer that needs no human ones and was computed once for the whole set."""

    found: Consensus

    def fit(
        self, vote_matrix: VoteMatrix, labels_P: Codes | None = None, weight_P: Floats | None = None
    ) -> Self:
        """Nothing is learned."""
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """The stored answer; only for the pairs it was computed on."""
        return self.found


def signed_votes(vote_matrix: VoteMatrix) -> Floats:
    """One column for each rater and order: +1 for A, −1 for B, else 0."""
    sign: Floats = np.array([1.0, -1.0, 0.0, 0.0])[vote_matrix.codes_PRO]
    return sign.reshape(len(vote_matrix), -1)


def texts_only(vote_matrix: VoteMatrix, names: tuple[str, ...] = ODD_NAMES) -> Floats:
    """Plain text features in units of their root mean square; nothing the panel taught."""
    kept = [i for i, name in enumerate(vote_matrix.feature_names) if name in names]
    columns = vote_matrix.features_PF[:, kept].astype(np.float64)
    unit = np.sqrt(np.mean(columns**2, axis=0)) if len(columns) else np.ones(len(kept))
    return columns / np.where(unit > 0, unit, 1.0)


def mirrored_rows(columns: Floats, labels: Codes) -> tuple[Floats, NDArray[np.bool_]]:
    """Decided rows and their mirror images, so that a learner cannot prefer a name."""
    known = (labels == A) | (labels == B)
    x, y = columns[known], labels[known] == A
    return np.concatenate([x, -x]), np.concatenate([y, ~y])


@dataclass
class VotesModel:
    """Logistic regression or gradient boosting on votes (boosting: and length and domain)."""

    boosted: bool = False

    learner_: Any = field(init=False, default=None)

    def fit(
        self, vote_matrix: VoteMatrix, labels_P: Codes | None = None, weight_P: Floats | None = None
    ) -> Self:
        """Learn from the decided answers; with fewer than 5 the majority stands in."""
        self.learner_ = None
        decided = 0 if labels_P is None else int(np.isin(labels_P, (A, B)).sum())
        if labels_P is None or decided < LEAST_ANSWERS:
            return self
        x, y = mirrored_rows(self._odd(vote_matrix), labels_P)
        if self.boosted:
            known = np.isin(labels_P, (A, B))
            even = np.tile(self._even(vote_matrix)[known], (2, 1))
            self.learner_ = HistGradientBoostingClassifier(
                max_iter=60,
                max_leaf_nodes=6,
                learning_rate=0.08,
                min_samples_leaf=max(5, min(20, decided // 10)),
                early_stopping=False,
                random_state=0,
            ).fit(np.concatenate([x, even], axis=1), y)
        else:
            self.learner_ = LogisticRegression(fit_intercept=False).fit(x, y)
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Log-odds, symmetric in A and B."""
        if self.learner_ is None:
            return Majority().predict(vote_matrix)
        odd = self._odd(vote_matrix)
        if not self.boosted:
            return consensus_of(self.learner_.decision_function(odd), 0.0)
        even = self._even(vote_matrix)
        p = self.learner_.predict_proba(np.concatenate([odd, even], axis=1))[:, 1]
        q = self.learner_.predict_proba(np.concatenate([-odd, even], axis=1))[:, 1]
        return consensus_of(np.log(p + 1 - q) - np.log(q + 1 - p), 0.0)

    def _odd(self, vote_matrix: VoteMatrix) -> Floats:
        votes = signed_votes(vote_matrix)
        return (
            np.concatenate([votes, texts_only(vote_matrix, ("length",))], axis=1)
            if (self.boosted)
            else votes
        )

    def _even(self, vote_matrix: VoteMatrix) -> Floats:
        domains = np.arange(min(len(vote_matrix.domains), MOST_DOMAINS))
        return (vote_matrix.domain_P[:, None] == domains).astype(np.float64)


@dataclass
class BestJudge:
    """The rater that agrees most with the human answers; votes of the others are not used."""

    rater_: int = field(init=False, default=0)

    def fit(
        self, vote_matrix: VoteMatrix, labels_P: Codes | None = None, weight_P: Floats | None = None
    ) -> Self:
        """Pick by agreement with the decided answers, the first rater without any."""
        mean, _ = mean_votes(vote_matrix.codes_PRO)
        self.rater_ = 0
        if labels_P is not None:
            side = np.where(labels_P == A, 1.0, np.where(labels_P == B, -1.0, 0.0))
            self.rater_ = int(np.argmax(side @ mean))
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Twice its mean vote as log-odds."""
        return consensus_of(2.0 * mean_votes(vote_matrix.codes_PRO)[0][:, self.rater_], 0.0)


@dataclass
class CrowdLab:
    """CROWDLAB of cleanlab: judges as annotators, and a classifier fitted out of fold by prompt.

    The classifier is a logistic regression on text features, taught by the majority of the judges
    and, where there are any, by the human answers instead; without texts it reads the votes. Human
    answers are no annotator, so that no answered pair judges itself. (A classifier taught by a few
    human answers alone was tried and is worse.)
    """

    folds: int = 5
    active: bool = False
    scores_P: Floats = field(init=False, repr=False)
    _found: Consensus = field(init=False, repr=False)

    def fit(
        self, vote_matrix: VoteMatrix, labels_P: Codes | None = None, weight_P: Floats | None = None
    ) -> Self:
        """Run on the whole set; `active` leaves ActiveLab's scores (low: ask next) in scores_P."""
        from cleanlab.multiannotator import (
            get_active_learning_scores,
            get_label_quality_multiannotator,
        )

        mean, _ = mean_votes(vote_matrix.codes_PRO)
        annotators = np.where(mean > 0, 0.0, np.where(mean < 0, 1.0, np.nan))
        voted = ~np.isnan(annotators).all(axis=1)
        p_a = self._classifier(vote_matrix, labels_P)
        p = np.stack([p_a, 1 - p_a], axis=1)
        win_probability, self.scores_P = p_a.copy(), np.abs(p_a - 0.5) + 0.5
        usable = ~np.isnan(annotators[voted]).all(axis=0)
        given = annotators[voted][:, usable]
        with quiet():
            info = get_label_quality_multiannotator(
                given, p[voted], return_detailed_quality=False, verbose=False
            )["label_quality"]
            if self.active:
                self.scores_P[voted], _ = get_active_learning_scores(given, p[voted])
        quality = info["consensus_quality_score"].to_numpy()
        win_probability[voted] = np.where(
            info["consensus_label"].to_numpy() == 0, quality, 1 - quality
        )
        win_probability = np.clip(win_probability, 1e-4, 1 - 1e-4)
        self._found = consensus_of(np.log(win_probability) - np.log(1 - win_probability), 0.0)
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """The answer for the fitted set."""
        return self._found

    def _classifier(self, vote_matrix: VoteMatrix, labels_P: Codes | None) -> Floats:
        """Out-of-fold P(A) of every pair, within [.02, .98]."""
        majority = Majority().predict(vote_matrix).win_P
        decided = 0 if labels_P is None else int(np.isin(labels_P, (A, B)).sum())
        texts = texts_only(vote_matrix)
        target = np.where(majority > 0.5, A, np.where(majority < 0.5, B, MISSING))
        columns = texts
        if labels_P is not None and not texts.shape[1] and decided >= LEAST_ANSWERS:
            columns, target = signed_votes(vote_matrix), labels_P
        elif labels_P is not None:
            target = np.where(labels_P == MISSING, target, labels_P)
        p = majority.copy()
        fold_P = vote_matrix.prompt_P % self.folds
        for fold in range(self.folds):
            inside = fold_P == fold
            x, y = mirrored_rows(columns[~inside], target[~inside].astype(np.int8))
            if columns.shape[1] and len(y) >= LEAST_ANSWERS and inside.any():
                learner = LogisticRegression(fit_intercept=False).fit(x, y)
                p[inside] = learner.predict_proba(columns[inside])[:, 1]
        return np.clip(p, 0.02, 0.98)


def unlabelled(vote_matrix: VoteMatrix) -> dict[str, Pooler]:
    """The peers that read votes alone, run once on the set."""
    names = {"dawid_skene": "DawidSkene", "glad": "GLAD", "mace": "MACE"}
    return {ours: Fixed(crowd_kit(theirs, vote_matrix)) for ours, theirs in names.items()}
