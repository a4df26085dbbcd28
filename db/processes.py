"""Which process does a piece of work, and whether it is gone; only its own machine can tell.

A number alone says little: the machine gives it out again, and a container gives the same one to
every process it starts. The moment the process began, as the kernel counts it, tells them apart.
"""

import os
from pathlib import Path
from uuid import uuid4

_PROC = Path("/proc")
_BEGAN = 19  # of the fields of /proc/PID/stat that follow the name; proc(5) calls it the 22nd
_MINE = f"this {uuid4()}"


def mark(pid: int | None = None) -> str | None:
    """A word that no other process of this machine shares, now or after a restart; None where there
    is no such process. Default: this one.

    Where the kernel does not tell (no /proc), only this very process has a mark.
    """
    own = pid is None or pid == os.getpid()
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        told = (_PROC / str(pid or os.getpid()) / "stat").read_text(errors="replace")
    except OSError:
        return _MINE if own else None
    return f"{boot} {told.rpartition(')')[2].split()[_BEGAN]}"


def is_gone(pid: int, known: str | None) -> bool:
    """Whether the process of this number and mark has ended, on this machine.

    known: its mark, None where it was not written down: then the number must do, and this
    process's own number is from before.
    """
    if pid == os.getpid():
        return known != mark()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    now = mark(pid)
    return known is not None and now is not None and now != known
