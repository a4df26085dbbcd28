"""Who may do what. Asked by every service before it answers; a hidden page is no protection."""

from enum import StrEnum

from db.errors import NotAllowed
from db.models import Annotator
from db.vocabulary import Role


class Action(StrEnum):
    """Something a person may want to do."""

    REVIEW = "review pairs"
    ADJUDICATE = "settle disputed pairs"
    SEE_QUALITY = "see everybody's progress and quality"
    SEE_DATA = "see pairs, judges, exports and costs"
    CERTIFY = "end the wait for audits"
    MANAGE = "manage people and leases"


_ALLOWED = {
    Role.ANNOTATOR: {Action.REVIEW},
    Role.ADJUDICATOR: {Action.REVIEW, Action.ADJUDICATE, Action.SEE_QUALITY},
    Role.ENGINEER: {Action.SEE_QUALITY, Action.SEE_DATA, Action.CERTIFY},
    Role.ADMIN: set(Action),
}


def may(role: Role, action: Action) -> bool:
    """Whether this role includes the action."""
    return action in _ALLOWED[role]


def require(person: Annotator, action: Action) -> None:
    """Raise NotAllowed unless the person's role includes the action."""
    if may(person.role, action):
        return
    able = ", ".join(role for role in Role if may(role, action))
    raise NotAllowed(
        f"{person.name!r} has the role {str(person.role)!r} and may not {action}; "
        f"allowed roles are {able}: ask an admin"
    )
