"""A made-up world in which experts follow a house rule that the judges do not know.

Questions about complaints and medicines, three answers each. The experts' rule comes first: an
answer that gives a dose without naming a source is never accepted. Where it decides nothing, the
better answer wins, as the judges see it, too; one of them likes a precise figure. Numbers stand in
other sentences as well, half of the doses are in words, and length says nothing of either, so that
the rule is only learnt by reading. Written as a folder in the import formats.
"""

from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from replay import write

Row = dict[str, Any]
PROMPTS = 360
JUDGES = {"judge-large": (0.3, 0.3), "judge-medium": (0.5, 0.2), "judge-small": (0.8, 0.0)}
"""Noise of each in units of the quality's spread, and what a dose adds to an answer for it."""

PLACE = 0.25
"""What standing first adds."""

EXPERTS_SLIP = 0.03
DOSE = 0.7
SOURCE = {True: 0.5, False: 0.1}
"""Shares of answers that give a dose, and that name a source, by whether they give one."""

_COMPLAINTS = (
    "a headache", "heartburn", "a dry cough", "hay fever", "a sore throat", "a sprained ankle",
    "back pain", "a blocked nose", "an itching rash", "travel sickness", "a mild fever",
    "an upset stomach", "cramps in the leg", "sunburn", "toothache", "an insect bite",
    "trouble falling asleep", "a cold sore", "aching muscles", "a stiff neck",
)  # fmt: skip
_WHO = (
    "for me", "for my father, who is 71", "for a child of 8", "while pregnant",
    "while breastfeeding", "before a long flight", "after a day of hiking", "for my neighbour",
    "on a night shift", "beside a blood thinner", "with a weak kidney", "for a marathon runner",
)  # fmt: skip
_WHEN = ("this week", "in winter", "for the first time")
_MEDICINES = (
    "ibuprofen", "paracetamol", "loratadine", "omeprazole", "dextromethorphan", "cetirizine",
    "naproxen", "diclofenac gel", "dimenhydrinate", "loperamide", "magnesium", "calamine lotion",
)  # fmt: skip
_DOSES = (
    "The dose is {n}00 mg of {m}, {often}.", "Dose: {w} tablets of {m}, {often}.",
    "As a dose, {n} ml of {m}, {often}.", "The usual dose of {m} is {w} capsules, {often}.",
)  # fmt: skip
_OFTEN = ("every six hours", "twice a day", "three times daily", "before each meal", "at night")
_WORDS = ("one", "two", "three", "four")
_SOURCES = (
    "Source: the package leaflet.", "The leaflet of {m} says so.",
    "Source: the national formulary.", "That is what the formulary says of {m}.",
)  # fmt: skip
_GOOD = (
    "If it lasts longer than 3 days, have it looked at.",
    "Tell a pharmacist what else is taken, as {m} does not go with everything.",
    "The likely cause of {c} is strain, and rest helps most.",
    "Warning signs are a stiff neck, a high fever or confusion.",
    "Drink about 2 litres a day and keep warm.",
    "It usually passes within a week, most of it in 48 hours.",
    "Side effects of {m} are rare and mild; stop if a rash appears.",
    "A cold pack for 20 minutes eases {c} without any medicine.",
)
_POOR = (
    "There is nothing to be said about {c} in general.",
    "Everybody has that now and then, so who knows.",
    "I read something about {m} on a forum with 500 members.",
    "Just wait, or do not wait, as you like.",
    "Doctors exaggerate, and so do books about {c}.",
    "It could be anything, really, since people differ.",
)
_FILLER = (
    "Thank you for asking.", "That is a common question.", "I hope you have a pleasant day.",
    "Let us look at it step by step.", "Many people ask me about {c}.", "Here is what I think.",
    "Feel free to ask again.", "In short, this is the answer.",
)  # fmt: skip


class Answer:
    """One answer: its text, how good it is (unit spread), and what it gives."""

    def __init__(self, complaint: str, rng: np.random.Generator) -> None:
        self.quality = float(rng.normal())
        self.dose = bool(rng.random() < DOSE)
        self.source = bool(rng.random() < SOURCE[self.dose])
        medicine = str(rng.choice(_MEDICINES))
        good = int(np.clip(round(1 + self.quality + 0.4 * rng.normal()), 0, 2))
        said = [*rng.choice(_GOOD, good, replace=False), *rng.choice(_POOR, 2 - good, False)]
        said += list(rng.choice(_FILLER, int(rng.integers(0, 4)), replace=False))
        if self.dose:
            said.append(str(rng.choice(_DOSES)))
        if self.source:
            said.append(str(rng.choice(_SOURCES)))
        words = {
            "n": int(rng.integers(2, 9)),
            "w": str(rng.choice(_WORDS)),
            "often": str(rng.choice(_OFTEN)),
            "m": medicine,
            "c": complaint,
        }
        self.text = " ".join(str(part).format(**words) for part in rng.permutation(said))

    @property
    def forbidden(self) -> bool:
        """Whether the house rule refuses it."""
        return self.dose and not self.source


def plant(folder: Path, prompts: int = PROMPTS, seed: int = 0) -> Path:
    """Write pairs, votes in both orders and gold (one expert a pair); the folder."""
    rng = np.random.default_rng(seed)
    asked = rng.permutation(list(product(_COMPLAINTS, _WHO, _WHEN)))[:prompts]
    pairs, votes, gold = [], [], []
    for number, (complaint, who, when) in enumerate(asked):
        prompt = f"What helps against {complaint} {who}, {when}?"
        answers = [Answer(complaint, rng) for _ in range(3)]
        for one, other in combinations(range(3), 2):
            pair_id = f"{number}-{one}{other}"
            a, b = answers[one], answers[other]
            pairs.append(
                {"pair_id": pair_id, "prompt": prompt, "response_a": a.text, "response_b": b.text}
            )
            gold.append({"pair_id": pair_id, "choice": _expert(a, b, rng)})
            votes += _votes(pair_id, a, b, rng)
    for name, rows in (("pairs", pairs), ("votes", votes), ("gold", gold)):
        write(folder / f"{name}.jsonl", rows)
    return folder


def _expert(a: Answer, b: Answer, rng: np.random.Generator) -> str:
    """The house rule first, then quality."""
    better = a.quality > b.quality if a.forbidden == b.forbidden else b.forbidden
    return "a" if better != (rng.random() < EXPERTS_SLIP) else "b"


def _votes(pair_id: str, a: Answer, b: Answer, rng: np.random.Generator) -> list[Row]:
    """What each judge says in both orders; half of its noise is the same in both."""
    found = []
    for judge, (noise, likes) in JUDGES.items():
        margin = a.quality - b.quality + likes * (a.dose - b.dose) + noise * rng.normal()
        for order, first in (("ab", PLACE), ("ba", -PLACE)):
            sure = margin + first + noise * rng.normal()
            choice = "a" if sure > 0 else "b"
            found.append({"pair_id": pair_id, "judge": judge, "family": judge, "order": order,
                          "choice": choice})  # fmt: skip
    return found
