"""How a run is stopped: SIGTERM and SIGHUP end it as Ctrl-C does, and the exit code says which.

What is under way settles what has come in, gives back what never left and says how to go on.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

from app.output import warn

_ALIKE = (signal.SIGTERM, signal.SIGHUP)  # systemd, Kubernetes; a terminal or ssh that went away
CTRL_C = 130  # what typer makes of it: 128 and the number of the signal, as a shell counts
_came: list[int] = []


def listen() -> None:
    """From here on the signals mean Ctrl-C. One that is ignored (nohup) stays ignored."""
    for number in _ALIKE:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def leave() -> NoReturn:
    """The end of a run that was stopped: its sentence, and 128 and the number of the signal."""
    warn("tiebreak: stopped; run the same command again to go on")
    sys.exit(128 + _came[0] if _came else CTRL_C)


def _stop(number: int, _: FrameType | None) -> None:
    """The first one counts: a terminal that closes sends several, and what settles must end."""
    if not _came:
        _came.append(number)
        signal.raise_signal(signal.SIGINT)
