"""What a challenger does for the whole: does the router need fewer humans with it in the panel?

The panel's votes are pooled twice by its own label model, without and with the challenger's. The
share of pairs that must go to humans for the same agreement is read off on gold that is new to the
challenger, each prompt judged by a fit that saw none of its answers. The fits are thrown away
and the challenger's votes are never stored: a refused judge leaves no trace in the consensus.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from db import checkpoints
from db.asking import PairText, pair_texts
from db.consensus import usable_votes, voted_pairs, voting_versions
from db.errors import Conflict
from db.gold import gold_labels
from db.models import Checkpoint, Dataset
from db.opinions import TEACHING, human_answers
from db.session import Database, Session
from db.vocabulary import CheckpointKind, Order
from judges.asking import Answer
from judges.constitution import Constitution
from judges.local import LocalJudge
from judges.prompts import MENU, Template
from judges.trust.calibration import human_share
from judges.trust.intervals import Estimate
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import BA, MISSING, A, B, Pooler, VoteMatrix, rename
from judges.vote_arrays import VoteTable, label_model, read_vote_table
from trainer.encoding import as_messages
from trainer.export.dataset import read_manifest, read_split, read_ties
from trainer.export.leakage import leaks
from trainer.gate.rules import Effect

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_PAIRS = 20  # decided gold pairs below which nothing is said: docs/design/gate.md
_OTHERS = 300  # pairs without any answer that the label model sees, too
# Each fold is a fit with and one without the challenger, so few; by hand.
_FOLDS, _REPEATS = 3, 400


@dataclass(frozen=True)
class Shares:
    """Human share for `target` agreement, without and with the challenger; change: after - before.

    pairs: decided gold pairs behind them, each counting alike: the change is paired, but a level is
    that of the gold and not of all pairs, where hard ones were frozen. The intervals are 95%, drawn
    by prompt.
    """

    before: Estimate
    after: Estimate
    change: Estimate
    target: float
    pairs: int

    @property
    def effect(self) -> Effect:
        """As the gate takes it."""
        return Effect(self.before.value, self.after.value, self.change, self.target)

    @property
    def summary(self) -> str:
        """One line for people."""
        alike = "each counting alike, however it came to be gold"
        return f"{self.effect} on {self.pairs} gold pairs, {alike}"


@dataclass(frozen=True)
class _Context:
    """Everything read in one transaction."""

    challenger: Checkpoint
    incumbent: Checkpoint | None
    datasets: Mapping[int, Dataset]
    vote_table: VoteTable
    labels_P: Codes
    truth_P: Codes
    texts: Mapping[int, PairText]


def measure_effect(
    database: Database,
    rules: Constitution,
    model: str,
    name: str | None = None,
    *,
    target: float = 0.9,
    seed: int = 0,
) -> Shares:
    """The effect of a trained judge (the newest without a name) on the human share.

    model: the panel's label model. The judge in production, which the challenger would replace,
    votes in the panel without it only. Raises Conflict where there is too little gold to say.
    """
    with database.read() as session:
        context = _read(session, name)
    known = context.truth_P != MISSING
    ours = _learnt(context, context.challenger)
    truth = np.where(ours, MISSING, context.truth_P).astype(np.int8)
    decided = int(np.isin(truth, (A, B)).sum())
    if decided < LEAST_PAIRS:
        raise Conflict(
            f"only {decided} decided gold pairs with votes are new to {context.challenger.name!r}, "
            f"and {LEAST_PAIRS} are needed to compare human shares; freeze more gold"
        )
    spare = np.flatnonzero(~known & (context.labels_P == MISSING))
    drawn = np.random.default_rng(seed).permutation(spare)[:_OTHERS]
    used = np.sort(np.concatenate([np.flatnonzero(known | (context.labels_P != MISSING)), drawn]))
    without, joined = _panels(context, used, ours, rules, model)
    labels = np.where(context.labels_P == MISSING, truth, context.labels_P)[used].astype(np.int8)
    return compare(
        without, joined, labels, truth[used], lambda: label_model(model), target=target, seed=seed
    )


def compare(
    without: VoteMatrix,
    joined: VoteMatrix,
    labels_P: Codes,
    truth_P: Codes,
    pooler: Callable[[], Pooler],
    *,
    target: float = 0.9,
    seed: int = 0,
) -> Shares:
    """Human shares of two panels on the same pairs, cross-fitted and bootstrapped by prompt.

    labels_P teach both fits; truth_P measures. No prompt is measured by a fit that saw an answer
    to any pair of it.
    """
    win_probabilities = [
        cross_fitted(vote_matrix, labels_P, truth_P, pooler, seed)
        for vote_matrix in (without, joined)
    ]
    kept = np.isin(truth_P, (A, B))
    truth, prompt = truth_P[kept], without.prompt_P[kept]
    before_P, after_P = win_probabilities[0][kept], win_probabilities[1][kept]

    def shares(index: NDArray[np.int64]) -> tuple[float, float]:
        return (
            human_share(before_P[index], truth[index], target),
            human_share(after_P[index], truth[index], target),
        )

    seen = shares(np.arange(len(truth)))
    drawn = np.array([shares(index) for index in _resamples(prompt, seed)])
    return Shares(
        before=_estimate(seen[0], drawn[:, 0], len(truth)),
        after=_estimate(seen[1], drawn[:, 1], len(truth)),
        change=_estimate(seen[1] - seen[0], drawn[:, 1] - drawn[:, 0], len(truth)),
        target=target,
        pairs=len(truth),
    )


def cross_fitted(
    vote_matrix: VoteMatrix,
    labels_P: Codes,
    truth_P: Codes,
    pooler: Callable[[], Pooler],
    seed: int = 0,
) -> Floats:
    """Leans of a label model on the pairs with a truth, by fits blind to their prompts."""
    win_P = np.full(len(vote_matrix), np.nan)
    prompts = np.unique(vote_matrix.prompt_P[truth_P != MISSING])
    shuffled = np.random.default_rng(seed).permutation(prompts)
    for fold in np.array_split(shuffled, min(_FOLDS, len(shuffled))):
        held = np.isin(vote_matrix.prompt_P, fold)
        labels = np.where(held, MISSING, labels_P).astype(np.int8)
        found = pooler().fit(vote_matrix, labels).predict(vote_matrix)
        measured = held & (truth_P != MISSING)
        win_P[measured] = found.win_P[measured]
    return win_P


def ask(folder: Path, pairs: list[PairText], rules: Constitution) -> tuple[Codes, Floats]:
    """What a trained judge votes in both orders, in stored order, and how sure; [pairs, 2]."""
    judge = LocalJudge(folder)
    template = Template(rules, output=judge.output)
    questions = [
        template.render(p.prompt, p.response_a, p.response_b, order, domain=p.domain)
        for p in pairs
        for order in (Order.AB, Order.BA)
    ]
    shown = np.array([_row(answer) for answer in judge.score(questions)]).reshape(-1, 2, len(MENU))
    codes_PO = shown.argmax(axis=2).astype(np.int8)
    codes_PO[:, BA] = rename(codes_PO[:, BA])  # the second order showed B first
    return codes_PO, shown.max(axis=2)


def with_rater(
    vote_matrix: VoteMatrix, rows: NDArray[np.integer], codes_PO: Codes, sure_PO: Floats, name: str
) -> VoteMatrix:
    """The votes with one more rater, of a family of its own, who voted on these rows only."""
    codes = np.full((len(vote_matrix), 1, 2), MISSING, np.int8)
    codes[rows, 0] = codes_PO
    confidence = vote_matrix.confidence_PRO
    if confidence is None:
        confidence = np.full(vote_matrix.codes_PRO.shape, np.nan, np.float32)
    sure = np.full((len(vote_matrix), 1, 2), np.nan, np.float32)
    sure[rows, 0] = sure_PO
    return replace(
        vote_matrix,
        codes_PRO=np.concatenate([vote_matrix.codes_PRO, codes], axis=1),
        raters=(*vote_matrix.raters, name),
        families=(*vote_matrix.families, "tiebreak"),
        confidence_PRO=np.concatenate([confidence, sure], axis=1),
        orderless_PR=None
        if vote_matrix.orderless_PR is None
        else np.pad(vote_matrix.orderless_PR, ((0, 0), (0, 1))),
    )


def _read(session: Session, name: str | None) -> _Context:
    challenger = checkpoints.checkpoint(session, name, CheckpointKind.JUDGE)
    incumbent = checkpoints.active(session, CheckpointKind.JUDGE)
    if incumbent is not None and incumbent.id == challenger.id:
        incumbent = None
    vote_table = read_vote_table(
        voted_pairs(session), usable_votes(session), voting_versions(session)
    )
    wanted = {c.dataset_id for c in (challenger, incumbent) if c is not None and c.dataset_id}
    datasets = {i: session.get_one(Dataset, i) for i in wanted}
    answers, gold = human_answers(session, TEACHING), gold_labels(session)
    texts = pair_texts(session, vote_table.pair_ids)
    return _Context(
        challenger,
        incumbent,
        datasets,
        vote_table,
        vote_table.labels(answers),
        vote_table.labels(gold),
        texts,
    )


def _panels(
    context: _Context, used: NDArray[np.int64], ours: Mask, rules: Constitution, model: str
) -> tuple[VoteMatrix, VoteMatrix]:
    """The panel as it is, and as it would be, on the used pairs."""
    vote_table = context.vote_table
    vote_matrix = vote_table.vote_matrix.take(used)
    if model == "tiebreak":
        from judges.trust.reading import read

        vote_matrix = read(vote_matrix, _some(vote_table.texts, used))
    prompted = context.challenger.settings.get("style") == "prompted"
    name = str(context.challenger.settings["judge"]) if prompted else context.challenger.name
    without, rest = vote_matrix.keep_raters(_not_by(vote_matrix, name)), vote_matrix
    if context.incumbent is not None:
        # On what it learnt from, the judge in production would only repeat what it was taught.
        without = _silent(
            without, context.incumbent.name, _learnt(context, context.incumbent)[used]
        )
        rest = rest.keep_raters(_not_by(rest, context.incumbent.name))
    if prompted:  # it has voted under the name it is configured with
        return without, _silent(rest, name, ours[used])
    rows = np.flatnonzero(~ours[used])
    pairs = [context.texts[vote_table.pair_ids[used[row]]] for row in rows]
    codes_PO, sure_PO = ask(Path(context.challenger.path), pairs, rules)
    rest = rest.keep_raters(_not_by(rest, name))
    return without, with_rater(rest, rows, codes_PO, sure_PO, name)


def _silent(vote_matrix: VoteMatrix, name: str, pairs_P: Mask) -> VoteMatrix:
    """The same without the votes of this judge on these pairs."""
    codes = vote_matrix.codes_PRO.copy()
    theirs = np.setdiff1d(np.arange(len(vote_matrix.raters)), _not_by(vote_matrix, name))
    codes[np.ix_(pairs_P, theirs)] = MISSING
    return replace(vote_matrix, codes_PRO=codes)


def _not_by(vote_matrix: VoteMatrix, name: str) -> NDArray[np.int64]:
    """Raters that are no version of this judge."""
    same = [rater == name or rater.startswith(f"{name}@") for rater in vote_matrix.raters]
    return np.flatnonzero(~np.array(same, dtype=bool))


def _learnt(context: _Context, checkpoint: Checkpoint) -> Mask:
    """Pairs whose prompts are, or nearly are, among those a checkpoint was trained on."""
    vote_table = context.vote_table
    dataset = context.datasets.get(checkpoint.dataset_id or 0)
    if dataset is None:
        return np.zeros(len(vote_table.pair_ids), dtype=bool)
    folder = Path(dataset.path)
    rows = [row for split in ("train", "validation") for row in read_split(folder, split)]
    trained = {
        row["meta"]["prompt_hash"]: as_messages(row["prompt"], "user")
        for row in [*rows, *read_ties(folder)]
    }
    for prompt in checkpoint.settings.get("left_out_prompts", ()):
        trained.pop(prompt, None)
    asked = {
        f"asked {text}": as_messages(text, "user")
        for text in {context.texts[p].prompt for p in vote_table.pair_ids}
    }
    read_manifest(folder)
    found = leaks(asked, trained)
    return np.array(
        [f"asked {context.texts[p].prompt}" in found for p in vote_table.pair_ids], dtype=bool
    )


def _some(texts: PairTexts, used: NDArray[np.int64]) -> PairTexts:
    """The texts of some pairs."""

    def of(column: Sequence[str | None]) -> list[str | None]:
        return [column[i] for i in used] if column else []

    return PairTexts(
        of(texts.prompts), of(texts.responses_a), of(texts.responses_b),
        of(texts.authors_a), of(texts.authors_b),
    )  # fmt: skip


def _row(answer: Answer) -> list[float]:
    given = answer.probabilities or dict.fromkeys(MENU, 1 / len(MENU))
    return [given[word] for word in MENU]


def _resamples(prompt_P: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """Pairs of whole prompts drawn with replacement, as many prompts as there are."""
    rng = np.random.default_rng(seed)
    _, group = np.unique(prompt_P, return_inverse=True)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group))[:-1])
    return [
        np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        for _ in range(_REPEATS)
    ]


def _estimate(value: float, drawn: Floats, n: int) -> Estimate:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high), n)
