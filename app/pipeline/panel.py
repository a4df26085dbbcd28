"""The panel as it is today: what is configured, and the judge that was promoted last."""

from collections.abc import Callable
from pathlib import Path

from app.config import Config
from db import checkpoints, voters
from db.session import Session
from db.types import now
from db.vocabulary import CheckpointKind
from judges.panel import Panel


def current_panel(config: Config) -> Panel:
    """The configured judges that nobody retired and whose place the active trained judge has not
    taken, with that judge as a member of its generation.
    """
    from judges.local import judge_config

    with config.database.read() as session:
        promoted = checkpoints.active(session, CheckpointKind.JUDGE)
        panel = config.panel.without(voters.retired(session) | _replaced(session).keys())
    if promoted is None or any(j.name == promoted.name for j in config.panel.judge):
        return panel
    if promoted.settings.get("style") == "prompted":
        return panel  # it is asked under the name it is configured with
    return panel.with_judges(judge_config(Path(promoted.path), promoted.name, promoted.generation))


def panel_for(config: Config, name: str) -> Panel:
    """The panel as it is today with a judge by its name: also a retired one, and a trained one that
    is not in the panel yet.
    """
    from db.checkpoints import find_checkpoint
    from db.vocabulary import CheckpointKind
    from judges.local import judge_config

    panel = current_panel(config)
    if any(judge.name == name for judge in panel.judge):
        return panel
    if any(judge.name == name for judge in config.panel.judge):
        return config.panel
    with config.database.read() as session:
        made = find_checkpoint(session, name)
    if made is None or made.kind is not CheckpointKind.JUDGE:
        return panel
    if made.settings.get("style") == "prompted":
        return panel  # it is asked under the name it is configured with
    return panel.with_judges(judge_config(Path(made.path), made.name, made.generation))


def not_heard(config: Config) -> list[str]:
    """A sentence about the judges that a required probe keeps from voting, where there are any."""
    from db.versions import silenced

    with config.database.read() as session:
        silent = silenced(session)
    told = ", ".join(f"{name!r} ({why})" for name, why in silent.items())
    said = (
        f"asked and not voting, as require_probe under [panel] has it: {told}; run `tiebreak probe "
        "JUDGE`, with --show for what was found"
    )
    return [said] if silent else []


def enrolled_panel(config: Config, say: Callable[[str], None]) -> Panel:
    """The panel as it is today; which judges are configured is written down, as only those vote.
    `say` hears of each that votes no more, is not asked, or whose model ends.
    """
    from judges.lifetimes import endings

    panel = current_panel(config)
    configured = {judge.name for judge in (*config.panel.judge, *panel.judge)}
    keep = panel.panel.count_history
    with config.database.begin() as session:
        gone = (
            voters.configure(
                session, configured, history_votes=keep, require_probe=panel.panel.require_probe
            )
            if configured
            else []
        )
        retired = sorted(configured & voters.retired(session))
        replaced = _replaced(session)
    for name in gone:
        say(
            f"judge {name!r} is configured no longer: its votes are kept and do not count (they do "
            "with count_history = true under [panel])"
        )
    for name in retired:
        say(f"judge {name!r} is retired, so it is not asked and does not vote")
    for name in sorted(configured & replaced.keys()):
        say(
            f"judge {name!r} is not asked: {replaced[name]!r} has taken its place, which costs "
            "less at the same quality (`tiebreak rollback judge` brings it back)"
        )
    for sentence in endings(panel.asked, now().date()):
        say(sentence)
    return panel


def _replaced(session: Session) -> dict[str, str]:
    """Judges whose place the active trained judge has taken, and its name; their votes stay."""
    promoted = checkpoints.active(session, CheckpointKind.JUDGE)
    told = checkpoints.seat(session, CheckpointKind.JUDGE)
    return {} if promoted is None else dict.fromkeys(told.get("instead_of", ()), promoted.name)
