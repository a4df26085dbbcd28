"""Why a pair is left out of an export, in words."""

from collections.abc import Mapping

LEFT_OUT = {
    "erased": "of erased prompts",
    "gold": "of gold prompts",
    "near_gold": "of prompts in a group with a gold prompt",
    "gold_answer": "of prompts that hold a gold answer",
    "unsettled": "without a settled label",
    "task_gold": "answers to hidden gold",
    "task_repeat": "hidden repeats",
    "task_practice": "practice",
    "audit_waits": "audits whose batch waits for its certificate",
    "source": "of another source",
    "domain": "of another domain",
    "since": "settled before --since",
    "min_confidence": "under --min-confidence",
    "between_splits": "of prompts whose group stands in several splits of the continued dataset",
    "limit_or_balance": "over --limit or --balance",
}
"""The reason as figures bear it -> how it is said after a count; a layout's own say themselves."""


def told(left_out: Mapping[str, int]) -> str:
    """Each reason with its count, most first; nothing where nothing was left out."""
    ordered = sorted(left_out.items(), key=lambda item: -item[1])
    return ", ".join(f"{n:,} {LEFT_OUT.get(reason, reason)}" for reason, n in ordered)


def nothing(left_out: Mapping[str, int]) -> str:
    """Why there is nothing to export, and the way out."""
    return (
        f"nothing to export: {told(left_out) or 'no pair was settled as better or worse'}; "
        "settle labels with `tiebreak merge`, or loosen the filters"
    )
