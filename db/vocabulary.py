"""The project's words as types: one word, one meaning. Leaves out every rule about them."""

from enum import StrEnum

HELD_BACK = "held back: "
"""Begins the reason of an abstain that was stored in place of asking; kinds and counts follow."""

CANARY_SAMPLE = HOLD_OUT_SAMPLE = 1_000_000  # far above the 100 samples a judge may have
"""Votes with this sample or a higher one are no opinion on the pair: this very one is that of a
judge asked with a principle held out, those above answer canary pairs, up to the next number.
"""

PROBE_SAMPLE = 500_000_000
"""Votes with this sample or a higher one answer pairs that a probe has changed (`db.probes`)."""

ASKED_AGAIN_SAMPLE = 1_000_000_000
"""Added to the id of an abstain whose question was asked again, as its sample."""


class Choice(StrEnum):
    """A rater's answer about a pair, always in stored order."""

    A = "a"
    B = "b"
    TIE = "tie"
    ABSTAIN = "abstain"

    def mirrored(self) -> "Choice":
        """The same answer after A and B exchange names."""
        return {Choice.A: Choice.B, Choice.B: Choice.A}.get(self, self)


class Order(StrEnum):
    """Which response the rater saw first; `none` where there is no order or it is unknown."""

    AB = "ab"
    BA = "ba"
    NONE = "none"

    def mirrored(self) -> "Order":
        """The same presentation after A and B exchange names."""
        return {Order.AB: Order.BA, Order.BA: Order.AB}.get(self, self)


class Route(StrEnum):
    """What happens to a pair after the consensus."""

    ACCEPT = "accept"
    ESCALATE = "escalate"
    AUDIT = "audit"


class TaskKind(StrEnum):
    """Why a task exists; never shown to the annotator before the answer is stored."""

    ESCALATION = "escalation"
    AUDIT = "audit"
    GOLD = "gold"
    REPEAT = "repeat"
    PRACTICE = "practice"


class TaskStatus(StrEnum):
    """Where a task stands."""

    OPEN = "open"  # may be claimed
    DISPUTED = "disputed"  # reviews disagree; waits for an adjudicator
    SETTLED = "settled"  # answered
    CLOSED = "closed"  # withdrawn without an answer


class LeaseStatus(StrEnum):
    """How a timed claim on a task stands or ended."""

    ACTIVE = "active"
    DECIDED = "decided"
    EXPIRED = "expired"
    RELEASED = "released"
    SKIPPED = "skipped"


class Role(StrEnum):
    """What a person may do."""

    ANNOTATOR = "annotator"
    ADJUDICATOR = "adjudicator"
    ENGINEER = "engineer"
    ADMIN = "admin"


class Source(StrEnum):
    """Where a settled label comes from, weakest first."""

    ENSEMBLE = "ensemble"
    REVIEW = "review"
    ADJUDICATION = "adjudication"


class Provider(StrEnum):
    """How a judge is asked."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    OPENAI_COMPATIBLE = "openai-compatible"
    LOCAL = "local"
    VERIFIER = "verifier"
    BASELINE = "baseline"
    RECORDED = "recorded"
    FAKE = "fake"


class CheckpointKind(StrEnum):
    """What a trained artefact is."""

    REWARD = "reward"
    JUDGE = "judge"
    POLICY = "policy"
    PROCESS = "process"


class RunStatus(StrEnum):
    """How a run of a verb stands or ended; a killed run stays `running` until it is noticed."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # clean stop before the end: cap reached, interrupted
    FAILED = "failed"


class Standing(StrEnum):
    """How a judge stands: asked and voting, kept for the record, or sent away by a person."""

    CONFIGURED = "configured"
    HISTORY = "history"
    RETIRED = "retired"
