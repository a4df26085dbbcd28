"""The command line: gathers the verbs and turns every error into one sentence.

Exit 0 done, 1 one clear sentence, 2 usage, 3 done and something rang, 4 a cycle stopped for lack of
votes; stopped from outside 128 and the signal's number (130 Ctrl-C, 143 SIGTERM, 129 SIGHUP).
Nothing heavy is imported before a verb needs it.
"""

import os
import sys

import typer
from typer.main import get_command

from app import stops
from app.garbage import collect_rarely
from app.output import take_any_letter, warn
from app.private import keep_private
from app.verbs import (
    batching,
    cycling,
    data,
    generating,
    importing,
    judges,
    judging,
    keeping,
    money,
    pricing,
    probing,
    project,
    promoting,
    reporting,
    reviewing,
    serving,
    training,
)
from db.errors import MissingExtra, TiebreakError
from db.extras import told

app = typer.Typer(
    name="tiebreak",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _begin() -> None:
    """Preference labels from a panel of AI judges, and the experts who break its ties."""
    keep_private(os.environ)
    collect_rarely()


app.command()(project.init)
app.add_typer(importing.imports, name="import")
app.command()(judging.estimate)
app.command()(judging.judge)
app.command()(probing.probe)
app.command()(generating.generate)
app.command()(generating.revise)
app.add_typer(batching.batches, name="batches")
app.add_typer(judges.judges, name="judges")
app.add_typer(judging.canaries, name="canaries")
app.add_typer(judging.principles, name="principles")
app.command()(reviewing.route)
app.add_typer(reviewing.escalate, name="escalate")
app.command()(reviewing.review)
app.add_typer(reviewing.replay, name="replay")
app.add_typer(data.gold, name="gold")
app.command()(data.merge)
app.command()(data.export)
app.add_typer(training.train, name="train")
app.command()(promoting.evaluate)
app.command()(promoting.promote)
app.command()(promoting.rollback)
app.command()(promoting.history)
app.command()(promoting.lineage)
app.command()(serving.quantize)
app.command("best-of")(serving.best_of)
app.command()(serving.serve)
app.command()(cycling.cycle)
app.command()(reporting.report)
app.add_typer(reporting.certificate, name="certificate")
app.add_typer(money.money, name="money")
app.add_typer(pricing.prices, name="prices")
app.command()(project.status)
app.command("show")(project.show_pair)
app.command()(project.doctor)
app.add_typer(project.db, name="db")
app.command()(keeping.backup)
app.command()(keeping.restore)
app.add_typer(keeping.people, name="people")
app.add_typer(keeping.prompts, name="prompts")
app.command()(keeping.retention)


def main() -> None:
    """Run one verb."""
    stops.listen()
    take_any_letter()
    try:
        try:
            with told():
                app()
        finally:
            sys.stdout.flush()  # a full disk is told here, and not by the interpreter's end
    except MissingExtra as error:
        warn(f"tiebreak: {error.sentence(f'`{_verb(sys.argv[1:])}`')}")
        sys.exit(1)
    except TiebreakError as error:
        warn(f"tiebreak: {error}")
        sys.exit(1)
    except OSError as error:
        _drop_output()
        where = f" {error.filename!r}" if error.filename else ""
        warn(
            f"tiebreak: {error.strerror or error}{where}; mend that and run the same command again"
        )
        sys.exit(1)
    except KeyboardInterrupt:
        stops.leave()
    except Exception as error:
        from db.reachable import raced

        lost = raced(error)
        if lost is None:
            raise
        warn(f"tiebreak: {lost}")
        sys.exit(1)
    except SystemExit as ended:
        if ended.code != stops.CTRL_C:
            raise
        stops.leave()


def _verb(words: list[str]) -> str:
    """The command as far as it names a verb: `tiebreak train reward`."""
    named, known = ["tiebreak"], get_command(app)
    for word in words:
        inner = getattr(known, "commands", {})
        if word not in inner:
            break
        named, known = [*named, word], inner[word]
    return " ".join(named)


def _drop_output() -> None:
    """Where standard output takes no more, what is left for it is dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
