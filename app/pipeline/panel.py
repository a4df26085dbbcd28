"""The panel as it is today: what is configured, and the judge that was promoted last."""

from pathlib import Path

from app.config import Config
from judges.panel import Panel


def current_panel(config: Config) -> Panel:
    """The configured judges, with the active trained judge as a member of its generation."""
    from db.checkpoints import active
    from db.vocabulary import CheckpointKind
    from judges.local import judge_config

    panel = config.panel
    with config.database.read() as session:
        promoted = active(session, CheckpointKind.JUDGE)
    if promoted is None or any(j.name == promoted.name for j in panel.judge):
        return panel
    if promoted.settings.get("style") == "prompted":
        return panel  # it is asked under the name it is configured with
    return panel.with_judges(judge_config(Path(promoted.path), promoted.name, promoted.generation))
