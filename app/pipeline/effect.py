"""What a trained judge does for the whole: the panels it could make, priced on gold and audits.

The votes are pooled by the panel's own label model, once for every panel, each prompt measured by a
fit that saw none of its answers. The fits are thrown away and the judge's votes are never stored: a
refused judge leaves no trace in the consensus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.gate_settings import GateSettings
from app.pipeline.candidates import JudgeAnswers, PanelVotes, measured, panels_with
from db import checkpoints
from db.answers import human_work
from db.asking import PairText, pair_texts
from db.consensus import usable_votes, voted_pairs, voting_versions
from db.draws import audit_draws
from db.errors import Conflict
from db.gold import frozen
from db.models import Checkpoint, Dataset
from db.opinions import TEACHING, human_answers
from db.session import Database, Session
from db.spending import usd_a_pair
from db.vocabulary import CheckpointKind, Order
from judges.asking import Answer
from judges.constitution import Constitution
from judges.encoding import as_messages
from judges.local import LocalJudge
from judges.prompts import MENU, Template
from judges.taught import identity
from judges.trust.panel_choice import Sample
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import BA, MISSING, A, B, VoteMatrix, rename
from judges.vote_arrays import VoteTable, label_model, read_vote_table
from trainer.export.leakage import leaks
from trainer.gate.evidence import seen_through
from trainer.gate.panels import LEAST_PAIRS, LEAST_PROMPTS, TODAY, Panels, panels
from trainer.learnt import learnt_prompts
from trainer.out_of_fold import out_of_fold

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_OTHERS = 300  # pairs without any answer that the label model sees, too


@dataclass(frozen=True)
class _Context:
    """Everything read in one transaction. usd: dollars of calls a pair by rater, where known."""

    challenger: Checkpoint
    incumbent: Checkpoint | None
    datasets: Mapping[int, Dataset]
    vote_table: VoteTable
    labels_P: Codes
    truth_P: Codes
    gold_id_P: NDArray[np.int64]
    audited_P: Floats
    texts: Mapping[int, PairText]
    usd: Mapping[str, float]
    unpriced: tuple[str, ...]
    seconds: float | None
    seen_through: int


def measure_effect(
    database: Database,
    rules: Constitution,
    model: str,
    name: str | None = None,
    *,
    settings: GateSettings | None = None,
    target: float = 0.9,
    seed: int = 0,
) -> Panels:
    """The panels that a trained judge (the newest without a name) could make, priced.

    model: the panel's label model. The judge in production, which the challenger would replace, is
    in today's panel only. Raises Conflict where there is too little gold to say.
    """
    with database.read() as session:
        context = _read(session, name)
    ours = _learnt(context, context.challenger)
    truth = np.where(ours, MISSING, context.truth_P).astype(np.int8)
    decided = np.isin(truth, (A, B))
    prompts = len(np.unique(context.vote_table.vote_matrix.prompt_P[decided]))
    if decided.sum() < LEAST_PAIRS or prompts < LEAST_PROMPTS:
        raise Conflict(
            f"only {decided.sum()} decided gold pairs of {prompts} prompts, with votes, are new to "
            f"{context.challenger.name!r}, and {LEAST_PAIRS} of {LEAST_PROMPTS} are needed to "
            "compare panels; freeze more gold"
        )
    labelled = (context.truth_P != MISSING) | (context.labels_P != MISSING)
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(~labelled))[:_OTHERS]
    used = np.sort(np.concatenate([np.flatnonzero(labelled), drawn]))
    made, speaks = _panels(context, used, ours, rules)
    audited = _even(np.where(speaks, context.audited_P[used], np.nan))
    weight = np.where(truth[used] != MISSING, 1.0, audited)
    known = np.where(truth == MISSING, context.labels_P, truth)
    taught = np.where(context.labels_P == MISSING, truth, context.labels_P)[used].astype(np.int8)
    sample = Sample(
        np.where(weight > 0, known[used], MISSING).astype(np.int8),
        context.vote_table.vote_matrix.prompt_P[used],
        weight,
        (truth != MISSING)[used],
    )
    texts = _some(context.vote_table.texts, used)

    def read(vote_matrix: VoteMatrix) -> VoteMatrix:
        if model != "tiebreak":
            return vote_matrix
        from judges.trust.reading import read as with_texts

        return with_texts(vote_matrix, texts)

    candidates = [
        measured(
            panel, read, taught, sample.decided_P, lambda: label_model(model), context.usd, seed
        )
        for panel in made
    ]
    return panels(
        candidates,
        sample,
        np.array(context.vote_table.pair_ids, dtype=np.int64)[used],
        context.gold_id_P[used],
        context.seen_through,
        (settings or GateSettings()).terms(target, context.seconds),
        _notes(context),
        seed,
    )


def ask(
    folder: Path, pairs: Sequence[PairText], rules: Constitution
) -> tuple[Codes, Floats, Floats, Mask]:
    """What a trained judge says in both orders, in stored order, each [pairs, 2]: choices, how sure
    it is of them, and its probability of A over A and B; and [pairs] whether it answered out of
    fold, by judges that were not taught the prompt.
    """
    judge = LocalJudge(folder)
    template = Template(rules, output=judge.output)
    questions = [
        template.render(p.prompt, p.response_a, p.response_b, order, domain=p.domain)
        for p in pairs
        for order in (Order.AB, Order.BA)
    ]
    answers = judge.score(questions)
    shown = np.array([_row(answer) for answer in answers]).reshape(-1, 2, len(MENU))
    said_blind = np.array([answer.out_of_fold is True for answer in answers], dtype=bool)
    blind: Mask = said_blind.reshape(-1, 2).min(axis=1)
    codes_PO = shown.argmax(axis=2).astype(np.int8)
    codes_PO[:, BA] = rename(codes_PO[:, BA])  # the second order showed B first
    a_PO, b_PO = np.maximum(shown[:, :, 0], 1e-6), np.maximum(shown[:, :, 1], 1e-6)
    p_a_PO = a_PO / (a_PO + b_PO)
    p_a_PO[:, BA] = 1 - p_a_PO[:, BA]
    return codes_PO, shown.max(axis=2), p_a_PO, blind


def _read(session: Session, name: str | None) -> _Context:
    challenger = checkpoints.checkpoint(session, name, CheckpointKind.JUDGE)
    incumbent = checkpoints.active(session, CheckpointKind.JUDGE)
    if incumbent is not None and incumbent.id == challenger.id:
        incumbent = None
    versions = voting_versions(session)
    vote_table = read_vote_table(voted_pairs(session), usable_votes(session), versions)
    wanted = {c.dataset_id for c in (challenger, incumbent) if c is not None and c.dataset_id}
    gold, drawn = frozen(session), audit_draws(session)
    pair_ids, raters = vote_table.pair_ids, vote_table.vote_matrix.raters
    cost = usd_a_pair(session)
    named = dict(zip(raters, (version_id for version_id, *_ in versions), strict=True))
    decided = checkpoints.since_promotion(session, CheckpointKind.JUDGE)
    return _Context(
        challenger,
        incumbent,
        {i: session.get_one(Dataset, i) for i in wanted},
        vote_table,
        vote_table.labels(human_answers(session, TEACHING)),
        vote_table.labels({pair: one.choice for pair, one in gold.items()}),
        np.array([gold[p].id if p in gold else 0 for p in pair_ids], dtype=np.int64),
        np.array([drawn.get(p, np.nan) for p in pair_ids], dtype=np.float64),
        pair_texts(session, pair_ids),
        {rater: usd for rater, v in named.items() if (usd := cost.get(v)) is not None},
        tuple(rater for rater, v in named.items() if cost.get(v) is None),
        human_work(session).usual_seconds,
        seen_through([each.figures for each in decided]),
    )


def _even(probability_P: Floats) -> Floats:
    """Audits weigh by one over the probability they were drawn with, 1 in the mean; others 0."""
    weight = np.where(np.isfinite(probability_P), 1 / np.nan_to_num(probability_P, nan=1.0), 0.0)
    there = weight > 0
    even: Floats = weight / weight[there].mean() if there.any() else weight
    return even


def _notes(context: _Context) -> tuple[str, ...]:
    """What was guessed."""
    if not context.unpriced:
        return ()
    return (f"calls of {', '.join(context.unpriced)} came without a price and count as $0",)


def _panels(
    context: _Context, used: NDArray[np.int64], ours: Mask, rules: Constitution
) -> tuple[list[PanelVotes], Mask]:
    """The panel as it is, and those that the challenger could make, on the used pairs; and of which
    of these it speaks.
    """
    vote_table = context.vote_table
    vote_matrix = vote_table.vote_matrix.take(used)
    prompted = context.challenger.settings.get("style") == "prompted"
    name = str(context.challenger.settings["judge"]) if prompted else context.challenger.name
    today, others = vote_matrix.keep_raters(_not_by(vote_matrix, name)), vote_matrix
    if context.incumbent is not None:
        others = others.keep_raters(_not_by(others, context.incumbent.name))
    if prompted:  # it has voted under the name it is configured with
        heard = _silent(others, name, ours[used])
        return [PanelVotes(TODAY, today), PanelVotes(f"with {name}", heard)], ~ours[used]
    others = others.keep_raters(_not_by(others, name))
    judge = _answers(context, used, ours[used], rules, name)
    speaks = np.zeros(len(used), dtype=bool)
    speaks[judge.rows] = True
    return list(panels_with(today, others, judge, context.usd)), speaks


def _answers(
    context: _Context, used: NDArray[np.int64], learnt_P: Mask, rules: Constitution, name: str
) -> JudgeAnswers:
    """What the challenger says where it learnt nothing, and out of fold where it did."""
    pairs = [context.texts[context.vote_table.pair_ids[row]] for row in used]
    folder = Path(context.challenger.path)
    codes_PO, sure_PO, p_a_PO, blind_P = ask(folder, pairs, rules)
    rows = np.flatnonzero(~learnt_P | blind_P)
    p_a_PO = p_a_PO[rows]
    return JudgeAnswers(
        name,
        f"trained/{LocalJudge(folder).base}",
        rows,
        codes_PO[rows],
        sure_PO[rows],
        (np.log(p_a_PO) - np.log1p(-p_a_PO)).mean(axis=1),
        p_a_PO.mean(axis=1),
    )


def _silent(vote_matrix: VoteMatrix, name: str, pairs_P: Mask) -> VoteMatrix:
    """The same without the votes of this judge on these pairs."""
    theirs = np.setdiff1d(np.arange(len(vote_matrix.raters)), _not_by(vote_matrix, name))
    return vote_matrix.muted(theirs, pairs_P)


def _not_by(vote_matrix: VoteMatrix, name: str) -> NDArray[np.int64]:
    """Raters that are no version of this judge."""
    same = [rater == name or rater.startswith(f"{name}@") for rater in vote_matrix.raters]
    return np.flatnonzero(~np.array(same, dtype=bool))


def _learnt(context: _Context, checkpoint: Checkpoint) -> Mask:
    """Pairs whose prompts are, or nearly are, among those a checkpoint was trained on; none that it
    answers out of fold.
    """
    vote_table = context.vote_table
    trained = learnt_prompts(checkpoint, context.datasets.get(checkpoint.dataset_id or 0))
    asked = {
        f"asked {text}": as_messages(text, "user")
        for text in {context.texts[p].prompt for p in vote_table.pair_ids}
    }
    found, said = leaks(asked, trained), out_of_fold(Path(checkpoint.path))

    def no_witness(text: PairText) -> bool:
        if f"asked {text.prompt}" not in found:
            return False
        return identity(text.prompt, text.response_a, text.response_b).pair not in said

    return np.array([no_witness(context.texts[p]) for p in vote_table.pair_ids], dtype=bool)


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
