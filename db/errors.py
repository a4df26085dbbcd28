"""The one error tree. Each class is also the stdlib type it stands for.

TiebreakError                  every error a user can meet; exit code 1, one clear sentence
├── BadInput (ValueError)      a file, row, option or configuration that cannot be used
│   └── UnknownName (LookupError)   a pair, judge, dataset, checkpoint ... that is not there
├── NotAllowed (PermissionError)    a role, a lease or a gate says no
│   └── LeaseLost (NotAllowed)      the lease expired, is someone else's, or is decided already
├── Conflict (RuntimeError)    the stored state forbids it (two cycles at once, frozen gold ...)
│   └── SchemaOutdated         the database is not at head, or its tables are not head's
├── Damaged (RuntimeError)     the file or the server's data is broken; a backup mends it
├── Diverged (ArithmeticError)     a training came to what is no number; it recorded nothing
├── BudgetSpent (RuntimeError) the money allowed for this run is used up
├── Unfinished (RuntimeError)  a cycle stopped before its end, for lack of votes; it goes on later
├── MissingExtra (ImportError)      an optional package is not installed
└── Unavailable (ConnectionError)   a provider, a database or a file system does not answer
    └── KeyRefused             a provider refuses the key; nothing further is asked of it
"""


class TiebreakError(Exception):
    """Base of every error shown to a user as one sentence."""


class BadInput(TiebreakError, ValueError):
    """A value from outside that cannot be used; the message names it and the way out."""


class UnknownName(BadInput, LookupError):
    """A named thing that is not in the database or on disk."""


class NotAllowed(TiebreakError, PermissionError):
    """The rules refuse this action for this person or artefact."""


class LeaseLost(NotAllowed):
    """The caller no longer holds the lease it acts on; nothing was stored."""


class Conflict(TiebreakError, RuntimeError):
    """The stored state forbids the action."""


class SchemaOutdated(Conflict):
    """The database schema is not the one this version of the code needs."""


class Damaged(TiebreakError, RuntimeError):
    """The database itself is damaged; trying again cannot help, a backup can."""


class Diverged(TiebreakError, ArithmeticError):
    """A training came to weights or a loss that are no numbers, and recorded nothing."""


class BudgetSpent(TiebreakError, RuntimeError):
    """The spending cap would be passed by the next request."""


class Unavailable(TiebreakError, ConnectionError):
    """Something outside does not answer; trying again later can help."""


class Unfinished(TiebreakError, RuntimeError):
    """A cycle stopped where going on would treat what is missing as if it were there."""


class MissingExtra(TiebreakError, ImportError):
    """An optional package is not installed. `extra` is the part of the project that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(self.sentence("this"))

    def sentence(self, what: str) -> str:
        """Who needs it, what is missing, and the command that brings it."""
        return (
            f"{what} needs the extra {self.extra!r} ({self.package!r} is not installed): "
            f"pip install 'tiebreak[{self.extra}]'"
        )


class KeyRefused(Unavailable):
    """A provider refuses the API key; trying again cannot help."""
