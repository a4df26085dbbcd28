"""Small worlds for the trainer's tests: pairs and settled labels written straight to tables.

A world that takes long to make is made once for a file, as a folder with `tiebreak.db` and what
was exported and trained beside it; each test works on a copy of its own.
"""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from db.identity import candidate_hash, pair_hash, prompt_hash
from db.models import (
    Candidate,
    Checkpoint,
    Dataset,
    Gold,
    Pair,
    PairName,
    Preference,
    Prompt,
)
from db.probabilities import Probabilities
from db.session import Database
from db.vocabulary import Choice, Source

TOPICS = [
    "rivers",
    "bridges",
    "taxes",
    "bread",
    "winter",
    "engines",
    "gardens",
    "courts",
    "fevers",
    "maps",
    "sails",
    "clocks",
]
GOOD = ["clear", "careful", "exact", "honest", "useful", "sound"]
BAD = ["vague", "sloppy", "wrong", "rude", "useless", "broken"]


def add_pair(
    session: Session,
    prompt: str,
    a: str,
    b: str,
    *,
    name: str | None = None,
    domain: str | None = None,
    source: str | None = "test",
) -> Pair:
    """One pair, found again by content."""
    messages = [{"role": "user", "content": prompt}]
    key = prompt_hash(messages)
    found = session.query(Prompt).filter_by(content_hash=key).one_or_none()
    if found is None:
        found = Prompt(content_hash=key, messages=messages)
        session.add(found)
        session.flush()
    candidates = []
    for text in (a, b):
        digest = candidate_hash(key, text)
        candidate = (
            session.query(Candidate)
            .filter_by(prompt_id=found.id, content_hash=digest)
            .one_or_none()
        )
        if candidate is None:
            candidate = Candidate(prompt_id=found.id, content_hash=digest, text=text)
            session.add(candidate)
            session.flush()
        candidates.append(candidate)
    pair = Pair(
        prompt_id=found.id,
        candidate_a_id=candidates[0].id,
        candidate_b_id=candidates[1].id,
        content_hash=pair_hash(candidates[0].content_hash, candidates[1].content_hash),
        domain=domain,
        source=source,
    )
    session.add(pair)
    session.flush()
    session.add(PairName(external_id=name or f"p{pair.id}", pair_id=pair.id, mirrored=False))
    session.flush()
    return pair


def settle(
    session: Session,
    pair: Pair,
    choice: str,
    *,
    p: Probabilities | None = None,
    source: Source = Source.REVIEW,
    task_kind: str | None = None,
) -> Preference:
    """A settled label; where it is not told how sure, quite sure."""
    usual = {"a": (0.9, 0.0, 0.1), "b": (0.1, 0.0, 0.9), "tie": (0.1, 0.8, 0.1)}
    p = p or Probabilities(*usual[choice])
    made = Preference(
        pair_id=pair.id,
        choice=Choice(choice),
        **asdict(p),
        source=source,
        task_kind=task_kind,
        review_ids=[],
    )
    session.add(made)
    session.flush()
    return made


def texts(rng: random.Random, topic: str) -> tuple[str, str, str]:
    """A prompt and a good and a bad response: the good one uses good words. Lengths do not tell."""
    filler = [rng.choice(TOPICS) for _ in range(rng.randint(3, 6))]
    good = [*filler, rng.choice(GOOD), rng.choice(GOOD), topic]
    bad = [*filler, rng.choice(BAD), rng.choice(BAD), topic]
    rng.shuffle(good)
    rng.shuffle(bad)
    number = rng.randint(0, 10**6)
    return f"Tell me about {topic} number {number}", " ".join(good), " ".join(bad)


def learnable(database: Database, pairs: int, gold: int = 0, seed: int = 0) -> None:
    """Pairs whose better response a small model can learn to tell; the last `gold` are gold."""
    rng = random.Random(seed)
    domains = ("law", "care", "code")
    with database.begin() as session:
        for i in range(pairs + gold):
            prompt, good, bad = texts(rng, rng.choice(TOPICS))
            choice = rng.choice("ab")
            a, b = (good, bad) if choice == "a" else (bad, good)
            pair = add_pair(session, prompt, a, b, domain=domains[i % 3])
            if i < pairs:
                settle(session, pair, choice)
            else:
                session.add(Gold(pair_id=pair.id, choice=Choice(choice), how={"test": True}))


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    """The database of a folder."""
    database = Database(f"sqlite:///{folder / 'tiebreak.db'}")
    yield database
    database.dispose()


@contextmanager
def copied(world: Path, folder: Path) -> Iterator[Database]:
    """A whole world, as if it had been made in this folder."""
    shutil.copytree(world, folder, dirs_exist_ok=True)
    with opened(folder) as database:
        with database.begin() as session:
            for table in (Dataset, Checkpoint):
                moved = func.replace(table.path, str(world), str(folder))
                session.execute(update(table).values(path=moved))
        yield database
