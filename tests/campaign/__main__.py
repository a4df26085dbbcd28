"""The campaign: what a hostile or unlucky world does to Tiebreak, part after part, as tables.

    make campaign [KILLS=150]

Each part is a program of its own and says what it does; this one runs them one after another, ends
with 1 where one of them found something broken, and says how long each took.
"""

import argparse
import subprocess
import sys
import time


def parts(kills: int) -> dict[str, list[str]]:
    """The parts by what they do, as words of the command line."""
    return {
        "Verdicts forged by what a model quotes": ["campaign.forgeries"],
        "Orders to a judge, half of them held back from the training": ["campaign.hostile_texts"],
        "Rows of every kind, mutated": ["campaign.rows"],
        "Files nobody meant": ["campaign.odd_files"],
        "Every verb against itself": ["campaign.races"],
        "Kills over every verb": ["campaign.kills", "--kills", str(kills)],
    }


def main() -> int:
    """Run the parts and tell of each; 1 where one of them failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=150, help="over both databases")
    options.add_argument("--only", action="append", help="a part by the name of its module")
    chosen = options.parse_args()
    broken = []
    for title, words in parts(chosen.kills).items():
        if chosen.only and words[0].removeprefix("campaign.") not in chosen.only:
            continue
        print(f"\n## {title}\n", flush=True)
        began = time.monotonic()
        if subprocess.run([sys.executable, "-m", *words], check=False).returncode:
            broken.append(title)
        print(f"\n{time.monotonic() - began:.0f} s", flush=True)
    print(f"\n{'broken: ' + '; '.join(broken) if broken else 'nothing broke'}")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
