"""Which of the labels that passed every filter an export takes: `--limit` and `--balance`. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from db.errors import BadInput

Mask = NDArray[np.bool_]


def drawn(draws: NDArray[np.uint64], limit: int | None) -> Mask:
    """At most `limit` of the rows, those drawn first; all without a limit.

    draws: a random number a row; the smallest are first, and of equal ones the earlier row.
    """
    taken = np.zeros(len(draws), dtype=bool)
    _take(taken, draws, np.arange(len(draws)), limit)
    return taken


def balanced(
    draws: NDArray[np.uint64],
    groups: NDArray[np.int64],
    ties: Mask,
    names: Sequence[str],
    limit: int | None,
) -> tuple[Mask, str]:
    """As many preferences of each group as the smallest has, and together at most `limit`; a note.

    groups: index into `names`, a row. Ties count in no group: all are taken, or with a limit as
    many as it leaves. Raises BadInput for a limit under the number of groups.
    """
    preferences = np.flatnonzero(~ties)
    sizes = np.bincount(groups[preferences], minlength=len(names))
    there = [int(group) for group in np.flatnonzero(sizes)]
    told = ", ".join(names[i] for i in there)
    if limit is not None and limit < len(there):
        raise BadInput(
            f"limit {limit} cannot be shared by {len(there)} groups ({told}); "
            f"give at least {len(there)}"
        )
    size = int(sizes[there].min(initial=len(draws)))
    note = f"{size:,} of each of {told}, as many as the smallest has"
    if limit is not None and limit < size * len(there):
        size = limit // len(there)
        note = f"{size:,} of each of {told}, together {size * len(there):,} (limit {limit:,})"
    taken = np.zeros(len(draws), dtype=bool)
    for group in there:
        _take(taken, draws, preferences[groups[preferences] == group], size)
    _take(taken, draws, np.flatnonzero(ties), None if limit is None else limit - int(taken.sum()))
    return taken, note if len(there) else ""


def _take(
    taken: Mask, draws: NDArray[np.uint64], among: NDArray[np.intp], size: int | None
) -> None:
    """Mark those of some rows that are drawn first."""
    taken[among[np.argsort(draws[among], kind="stable")[:size]]] = True
