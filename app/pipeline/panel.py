"""The panel as it is today: what is configured, and the judge that was promoted last."""

from app.config import Config
from judges.panel import JudgeConfig, Panel


def current_panel(config: Config) -> Panel:
    """The configured judges, with the active trained judge as a member of its generation."""
    from db.checkpoints import active
    from db.vocabulary import CheckpointKind, Provider

    panel = config.panel
    with config.database.read() as session:
        promoted = active(session, CheckpointKind.JUDGE)
    if promoted is None or any(j.name == promoted.name for j in panel.judge):
        return panel
    member = JudgeConfig(
        name=promoted.name,
        provider=Provider.LOCAL,
        model=promoted.path,
        family="tiebreak",
        generation=promoted.generation,
    )
    return panel.with_judges(member)
