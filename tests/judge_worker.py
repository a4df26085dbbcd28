"""One `tiebreak judge` as a process of its own, to be killed: URL, panel (JSON), cap in dollars."""

import json
import sys

from db.session import Database
from judges import panel, steps


def main() -> None:
    """Ask until nothing is missing."""
    url, sections, cap = sys.argv[1:4]
    judges = panel.parse(json.loads(sections), allow_fake=True)
    done = steps.run_judges(
        Database(url),
        judges,
        max_usd=float(cap) if cap != "none" else None,
        environ={"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"},
        pauses=(0.05, 0.1),
    )
    print(done.summary, *done.problems, sep="\n")


if __name__ == "__main__":
    main()
