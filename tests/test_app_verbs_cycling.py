"""What `tiebreak cycle` refuses before it begins."""

from pathlib import Path

import pytest

from app.verbs.cycling import cycle
from db.errors import BadInput


def test_an_inbox_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no-inbox' is no folder; make it, or name another"):
        cycle(dry_run=True, inbox=tmp_path / "no-inbox", webhook=None)


def test_a_webhook_that_is_no_address_is_said_and_not_shown() -> None:
    with pytest.raises(BadInput, match="does not begin with http:// or https://") as error:
        cycle(webhook="hooks.example/s3cret", inbox=None)
    assert "s3cret" not in str(error.value)
