"""How often Python looks for circles among objects while a verb works.

The interpreter's own pace (every 700 new objects, and all objects every 70,000) is for programs
that hold little. A verb that streams a million rows makes no circles and would spend a tenth to a
sixth of its time on looking (docs/design/size.md).
"""

import gc

_PACE = (10_000, 50, 50)


def collect_rarely() -> None:
    """What is loaded by now is never looked at, all else at a slower pace."""
    gc.freeze()
    gc.set_threshold(*_PACE)
