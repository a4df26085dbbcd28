"""An order being built key by key, best first; kept with the claim, so a reload finds it again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Draft:
    """Candidates in one group are equally good. equal: the next one joins the last group."""

    groups: Groups = ()
    equal: bool = False

    @property
    def placed(self) -> frozenset[int]:
        """Candidates that have a place."""
        return frozenset(one for group in self.groups for one in group)

    def then(self, candidate: int) -> "Draft":
        """The order with one more candidate: after the last one, or equal to it."""
        if candidate in self.placed:
            return self
        if self.equal and self.groups:
            return Draft((*self.groups[:-1], (*self.groups[-1], candidate)))
        return Draft((*self.groups, (candidate,)))

    def with_equal(self) -> "Draft":
        """Say that the next candidate is an equal of the last, or take that back."""
        return replace(self, equal=not self.equal and bool(self.groups))

    def without_last(self) -> "Draft":
        """The order before its last step."""
        if self.equal or not self.groups:
            return replace(self, equal=False)
        last = self.groups[-1][:-1]
        return Draft((*self.groups[:-1], last) if last else self.groups[:-1])

    def stored(self) -> dict[str, Any]:
        """As the database keeps it."""
        return {"groups": [list(group) for group in self.groups], "equal": self.equal}


def read(stored: Mapping[str, Any] | None) -> Draft:
    """The draft the database keeps; an empty one where there is none."""
    if stored is None:
        return Draft()
    return Draft(tuple(map(tuple, stored["groups"])), bool(stored["equal"]))
