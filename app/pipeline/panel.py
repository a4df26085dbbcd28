"""The panel as it is today: what is configured, and the judge that was promoted last."""

from collections.abc import Callable
from pathlib import Path

from app.config import Config
from db import voters
from judges.panel import Panel


def current_panel(config: Config) -> Panel:
    """The configured judges that nobody retired, with the active trained judge as a member of its
    generation.
    """
    from db.checkpoints import active
    from db.vocabulary import CheckpointKind
    from judges.local import judge_config

    with config.database.read() as session:
        promoted = active(session, CheckpointKind.JUDGE)
        panel = config.panel.without(voters.retired(session))
    if promoted is None or any(j.name == promoted.name for j in config.panel.judge):
        return panel
    if promoted.settings.get("style") == "prompted":
        return panel  # it is asked under the name it is configured with
    return panel.with_judges(judge_config(Path(promoted.path), promoted.name, promoted.generation))


def enrolled_panel(config: Config, say: Callable[[str], None]) -> Panel:
    """The panel as it is today; which judges are configured is written down, as only those vote.
    `say` hears of each that votes no more or is not asked.
    """
    panel = current_panel(config)
    configured = {judge.name for judge in (*config.panel.judge, *panel.judge)}
    keep = panel.panel.count_history
    with config.database.begin() as session:
        gone = voters.configure(session, configured, history_votes=keep) if configured else []
        retired = sorted(configured & voters.retired(session))
    for name in gone:
        say(
            f"judge {name!r} is configured no longer: its votes are kept and do not count (they do "
            "with count_history = true under [panel])"
        )
    for name in retired:
        say(f"judge {name!r} is retired, so it is not asked and does not vote")
    return panel
