"""Who somebody is: issuer and subject, never a name; an address only where it is verified."""

from typing import Any

import pytest

from db import annotators
from db.errors import NotAllowed
from db.session import Database
from db.vocabulary import Role
from review.people import by_name, by_subject, claimed
from review.settings import ReviewSettings

TOKEN: dict[str, Any] = {"iss": "https://i", "sub": "7", "name": "Ada L.", "email": "ada@x.y"}
ADMIN = ReviewSettings(admins=("ada@x.y",))


@pytest.mark.parametrize("said", ["true", "false", "True", 1, 0, 1.0, None, [], [True], {}, False])
def test_an_address_is_verified_by_the_boolean_true_alone(said: Any) -> None:
    assert claimed({**TOKEN, "email_verified": said}).email is None
    assert claimed(TOKEN).email is None
    assert claimed({**TOKEN, "email_verified": True}).email == "ada@x.y"
    assert claimed({**TOKEN, "email_verified": True, "email": ["ada@x.y"]}).email is None


@pytest.mark.parametrize(
    "changed",
    [{"iss": None}, {"iss": ""}, {"sub": None}, {"sub": 7}, {"iss": "a|b"}, {"sub": "7" * 300}],
)
def test_a_token_without_issuer_and_subject_is_nobody(changed: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed, match="ask who runs the sign-in"):
        claimed({**TOKEN, **changed})


def test_a_name_is_one_line_and_never_too_long() -> None:
    assert claimed({**TOKEN, "name": " Ada\n L. "}).name == "Ada L."
    assert claimed({**TOKEN, "name": " ", "preferred_username": 5}).name == "7"
    assert len(claimed({**TOKEN, "name": "a" * 500}).name) == 60


def test_an_unverified_address_makes_nobody_an_admin(database: Database) -> None:
    for n, said in enumerate((None, "true", "false", 1)):
        who = claimed({**TOKEN, "sub": str(n), "email_verified": said})
        assert by_subject(database, who.subject, who.name, who.email, ADMIN).role is Role.ANNOTATOR


def test_who_was_known_by_an_address_is_bound_once_to_a_verified_subject(
    any_database: Database,
) -> None:
    settings = ReviewSettings()
    old = by_name(any_database, "ada@x.y").id
    for said in ("true", False):  # not verified: somebody else
        who = claimed({**TOKEN, "sub": f"no-{said}", "email_verified": said})
        assert by_subject(any_database, who.subject, who.name, who.email, settings).id != old
    first = claimed({**TOKEN, "email_verified": True})
    assert by_subject(any_database, first.subject, first.name, first.email, settings).id == old
    second = claimed({**TOKEN, "sub": "8", "email_verified": True})
    assert by_subject(any_database, second.subject, second.name, second.email, settings).id != old
    moved = claimed({**TOKEN, "iss": "https://other", "email_verified": True})
    assert by_subject(any_database, moved.subject, moved.name, moved.email, settings).id != old
    with any_database.read() as session:
        assert annotators.by_id(session, old).subject == "https://i|7"


def test_a_name_is_never_taken_over(database: Database) -> None:
    """Three of one name, whose subjects end alike, and one who calls herself like the second."""
    settings = ReviewSettings()
    ids = [by_subject(database, f"{n}|00000000", "Zoe", None, settings).id for n in range(3)]
    ids.append(by_subject(database, "9|x", "Zoe (2)", None, settings).id)
    assert len(set(ids)) == 4
    assert by_subject(database, "1|00000000", "Zoe", None, settings).id == ids[1]
