"""How good a reward model or a judge is, on frozen gold, beside cheap baselines and the panel.

Accuracy is on pairs whose gold is a or b, with an interval from a bootstrap that draws whole
prompts. Leaves out parts of the gold (`trainer.gate.slices`) and what follows
from it (`trainer.gate.rules`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from db.gold import GoldPair
from db.panel import PanelAnswers
from db.probabilities import Probabilities
from db.vocabulary import Order
from judges.asking import Answer
from judges.constitution import Constitution
from judges.local import LocalJudge
from judges.prompts import MENU, Template
from judges.trust.calibration import brier, ece, log_loss, reliability
from judges.trust.intervals import Estimate, by_prompt, mean_by_prompt
from judges.trust.vote_matrix import TIE, A, B
from judges.vote_arrays import CODES
from trainer.encoding import said_text
from trainer.gate.baselines import LONGER, TFIDF, TfidfBradleyTerry, longer_wins
from trainer.gate.rules import GateAnswers, as_figures, right
from trainer.serving.scoring import RewardScorer

_EVEN = Probabilities(0.5, 0.0, 0.5)


@dataclass(frozen=True)
class GoldTable:
    """Frozen pairs as arrays, and the hash that names them."""

    pairs: Sequence[GoldPair]
    truth_P: NDArray[np.int8]
    prompt_P: NDArray[np.int64]

    @property
    def hash(self) -> str:
        """Names this very set of pairs and choices."""
        lines = "\n".join(f"{p.pair_hash} {p.choice.value}" for p in self.pairs)
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def a(self) -> list[str]:
        """Responses A."""
        return [pair.a for pair in self.pairs]

    @property
    def b(self) -> list[str]:
        """Responses B."""
        return [pair.b for pair in self.pairs]


def gold_table(pairs: Sequence[GoldPair]) -> GoldTable:
    """Arrays over gold pairs, in their order."""
    return GoldTable(
        pairs,
        np.array([CODES[pair.choice] for pair in pairs], dtype=np.int8),
        np.array([pair.prompt_id for pair in pairs], dtype=np.int64),
    )


def reward_answers(folder: Path, gold: GoldTable) -> GateAnswers:
    """A reward model's win probabilities; seeing one response a time, it is never reversed."""
    rows = [(p.messages, said, p.tools) for p in gold.pairs for said in (p.a, p.b)]
    read = RewardScorer(folder).read(rows)
    scores, cut = read.scores.reshape(-1, 2), read.cut.reshape(-1, 2)
    win_probability = expit(scores[:, 0] - scores[:, 1])
    none = np.zeros(len(gold.pairs))
    return GateAnswers(win_probability, none, none, int(cut.any(axis=1).sum()))


def judge_answers(folder: Path, gold: GoldTable, rules: Constitution) -> GateAnswers:
    """A trained judge's mean over both orders; reversed where one says a and the other b."""
    judge = LocalJudge(folder)
    template = Template(rules, output=judge.output, per_principle=False)
    asked = [
        template.render(p.prompt, p.a, p.b, order, domain=p.domain)
        for p in gold.pairs
        for order in (Order.AB, Order.BA)
    ]
    answers = judge.score(asked)
    unread = np.array([answer.stop == "too long" for answer in answers]).reshape(-1, 2)
    shown = np.array([_row(answer) for answer in answers]).reshape(-1, 2, 3)
    p_POK = shown.copy()
    p_POK[:, 1] = shown[:, 1][:, [1, 0, 2]]  # the second order showed B first
    p_PK = p_POK.mean(axis=1)
    decided = np.where(p_POK.argmax(2) == TIE, np.nan, p_POK.argmax(2))
    turned = (np.abs(decided[:, 0] - decided[:, 1]) == 1).astype(np.float64)
    win_P = p_PK[:, A] / (p_PK[:, A] + p_PK[:, B])
    return GateAnswers(win_P, p_PK[:, TIE], turned, int(unread.any(axis=1).sum()))


def panel_table(said: PanelAnswers, gold: GoldTable) -> GateAnswers:
    """Generation 0 as one rater: the consensus, and the share of its judges that reversed."""
    p_P = [said.p.get(pair.id, _EVEN) for pair in gold.pairs]
    turned = [said.reversed_share.get(p.id, np.nan) for p in gold.pairs]
    return GateAnswers(
        np.array([p.win_probability for p in p_P], dtype=np.float64),
        np.array([p.p_tie for p in p_P], dtype=np.float64),
        np.array(turned, dtype=np.float64),
    )


def baseline_answers(
    gold: GoldTable, train_rows: Sequence[Mapping[str, Any]]
) -> dict[str, GateAnswers]:
    """`longer wins`, and TF-IDF Bradley–Terry fitted on the checkpoint's own rows."""
    none = np.zeros(len(gold.pairs))
    found = {LONGER: GateAnswers(longer_wins(gold.a, gold.b), none, none)}
    if train_rows:
        fitted = TfidfBradleyTerry().fit(
            [said_text(row["chosen"]) for row in train_rows],
            [said_text(row["rejected"]) for row in train_rows],
        )
        found[TFIDF] = GateAnswers(fitted.win_probability(gold.a, gold.b), none, none)
    return found


def measure(answers: GateAnswers, gold: GoldTable, seed: int = 0) -> dict[str, Any]:
    """Accuracy with interval, log-loss, Brier, ECE, reliability, reversals, pairs behind them, and
    how many pairs were too long for the rater.
    """
    hits = right(answers.win_P, gold.truth_P)
    turned = answers.reversed_P[np.isfinite(answers.reversed_P)]
    return {
        "accuracy": as_figures(mean_by_prompt(hits, gold.prompt_P, np.random.default_rng(seed))),
        "length_controlled": as_figures(length_controlled(answers.win_P, gold, seed)),
        "log_loss": log_loss(answers.win_P, gold.truth_P),
        "brier": brier(answers.win_P, gold.truth_P),
        "ece": ece(answers.win_P, gold.truth_P),
        "reversals": float(turned.mean()) if len(turned) else None,
        "reliability": [vars(bin_) for bin_ in reliability(answers.win_P, gold.truth_P)],
        "pairs": int(np.isfinite(hits).sum()),
        "ties": int((gold.truth_P == TIE).sum()),
        "too_long": answers.too_long,
    }


def length_controlled(win_P: NDArray[np.float64], gold: GoldTable, seed: int = 0) -> Estimate:
    """Mean of the accuracies where the better response is the longer and where it is the shorter.

    A rater that reads nothing but length has one half of it, whatever the data prefer.
    """
    hits, apart = right(win_P, gold.truth_P), relative_length(gold)
    better = np.where(gold.truth_P == A, apart, -apart)
    known = np.isfinite(hits) & (apart != 0)
    longer, shorter = known & (better > 0), known & (better < 0)
    filled = np.where(np.isfinite(hits), hits, 0.0)
    parts = np.stack([filled * longer, longer, filled * shorter, shorter], axis=1).astype(float)

    def halves(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: NDArray[np.float64] = (sums[:, 0] / sums[:, 1] + sums[:, 2] / sums[:, 3]) / 2
        return mean

    rng = np.random.default_rng(seed)
    why = "the better response is always the longer, or always the shorter"
    return by_prompt(parts, gold.prompt_P, halves, rng, why=why)


def relative_length(gold: GoldTable) -> NDArray[np.float64]:
    """(|A| - |B|) / max(|A|, |B|) in characters, in [-1, 1]."""
    sizes = np.array([[len(p.a), len(p.b)] for p in gold.pairs], dtype=np.float64).reshape(-1, 2)
    longest = np.maximum(sizes.max(axis=1), 1.0)
    apart: NDArray[np.float64] = (sizes[:, 0] - sizes[:, 1]) / longest
    return apart


def _row(answer: Answer) -> list[float]:
    given = answer.probabilities or dict.fromkeys(MENU, 1 / len(MENU))
    return [given[word] for word in MENU]
