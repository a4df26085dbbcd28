"""Forgetting people and prompts, by hand or by age, and where erased texts still lie on disk."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from app.retention_settings import RetentionSettings
from db import erased_people, erased_prompts
from db.annotators import last_answers
from db.erased_prompts import Held
from db.errors import BadInput, UnknownName
from db.events import record
from db.pairs import get_pair
from db.session import Database, Session
from db.types import now

_SURE = "nothing was changed; add --yes to erase for good"
_BUSY = (
    "The database was busy, so its free pages may hold what was removed still: run `tiebreak "
    "retention` once nobody is at work."
)


@dataclass(frozen=True)
class PersonErased:
    """What `people erase` did, or would do. words: texts of theirs removed, by kind."""

    name: str
    answers: int
    words: dict[str, int]
    done: bool
    purged: bool = True

    @property
    def summary(self) -> str:
        """For people."""
        words = ", ".join(f"{count:,} {kind}" for kind, count in self.words.items()) or "none"
        if not self.done:
            return f"{self.answers:,} answers would stay under a pseudonym, words: {words}; {_SURE}"
        return (
            f"erased; {self.answers:,} answers stay under {self.name!r}; words removed: {words}\n"
            "Files written before are not reached: reports and cycle pages may show the name, "
            "imported files and old backups hold it."
        ) + ("" if self.purged else f"\n{_BUSY}")


@dataclass(frozen=True)
class PromptsErased:
    """What `prompts erase` did, or would do. removed: rows by kind. held: what holds the texts."""

    prompts: int
    removed: dict[str, int]
    held: tuple[Held, ...]
    done: bool
    purged: bool = True

    @property
    def summary(self) -> str:
        """For people."""
        if not self.prompts:
            return "nothing to erase: these prompts are erased already"
        removed = ", ".join(f"{count:,} {kind}" for kind, count in self.removed.items())
        lines = [
            f"{self.prompts:,} prompts erased ({removed})"
            if self.done
            else f"{self.prompts:,} prompts would be erased; {_SURE}"
        ]
        lines += [f"still in {one.kind} {one.name}: {one.path}" for one in self.held]
        lines.append(
            "Not reached: files you imported (also in the inbox's done/), their reject files, "
            "copies of datasets elsewhere, old backups, and what providers keep."
        )
        if self.done and not self.purged:
            lines.append(_BUSY)
        return "\n".join(lines)


@dataclass(frozen=True)
class Aged:
    """What retention removed, or would remove."""

    raw_answers: int = 0
    prompts: int = 0
    people: int = 0
    held: tuple[Held, ...] = field(default=())
    done: bool = True
    why_not: str = ""
    purged: bool = True

    @property
    def summary(self) -> str:
        """For people."""
        busy = [] if self.purged else [_BUSY]
        if self.why_not:
            return "\n".join([f"retention: {self.why_not}", *busy])
        told = (
            f"{self.raw_answers:,} raw answers, the texts of {self.prompts:,} prompts and "
            f"{self.people:,} names"
        )
        lines = [f"retention: {told} {'removed' if self.done else 'would be removed'}"]
        lines += [f"still in {one.kind} {one.name}: {one.path}" for one in self.held]
        return "\n".join([*lines, *busy])


def erase_person(
    database: Database, name: str, reason: str, actor: str, *, sure: bool
) -> PersonErased:
    """Pseudonymise a person everywhere. Raises UnknownName, Conflict, or BadInput for no reason."""
    _require_reason(reason)
    with database.begin() as session:
        person = erased_people.find(session, name)
        if not sure:
            words = erased_people.words_of(session, person.id)
            return PersonErased(name, erased_people.answers_of(session, person.id), words, False)
        done = erased_people.erase_person(session, person, actor, reason.strip())
    purged = erased_prompts.purge(database)
    return PersonErased(done.pseudonym, done.answers, done.words, True, purged)


def erase_prompts(
    database: Database, keys: Collection[str], reason: str, actor: str, *, sure: bool
) -> PromptsErased:
    """Erase the prompts of these pairs (by number, pair_id or hash) or of these prompts' hashes.

    All or nothing. Raises UnknownName where a key is not known, BadInput for no reason.
    """
    _require_reason(reason)
    with database.begin() as session:
        prompts = {_prompt_of(session, key) for key in keys}
        held = tuple(erased_prompts.still_held(session, prompts))
        if not sure:
            left = erased_prompts.unerased_among(session, prompts)
            return PromptsErased(len(left), {}, held, False)
        counts = erased_prompts.erase_prompts(session, prompts, actor, reason.strip())
    number = counts.pop("prompts", 0)
    return PromptsErased(
        number, dict(counts), held, True, not number or erased_prompts.purge(database)
    )


def apply_retention(
    database: Database,
    settings: RetentionSettings,
    actor: str,
    *,
    sure: bool = True,
    purge: bool = False,
) -> Aged:
    """Remove what is older than the settings allow. Safe to repeat.

    purge: free pages of the database are emptied even where nothing is removed now, since an
    erasure before may have met a busy database.
    """
    if settings.keeps_all:
        purged = not (sure and purge) or erased_prompts.purge(database)
        return Aged(why_not="[retention] sets no age, so everything is kept", purged=purged)
    with database.begin() as session:
        prompts = _too_old(session, settings.text_days)
        people = _silent(session, settings.person_days)
        raw = _raw(session, settings.raw_answer_days, sure)
        held = tuple(erased_prompts.still_held(session, prompts))
        if not sure:
            return Aged(raw, len(prompts), len(people), held, False)
        erased_prompts.erase_prompts(session, prompts, actor, "[retention] text_days")
        for name in people:
            person = erased_people.find(session, name)
            erased_people.erase_person(session, person, actor, "[retention] person_days")
        if raw:
            told = {"removed": raw, "days": settings.raw_answer_days}
            record(session, actor, "answers.stripped", "votes", told)
    wanted = purge or raw or prompts or people
    purged = not wanted or erased_prompts.purge(database)
    return Aged(raw, len(prompts), len(people), held, purged=purged)


def _raw(session: Session, days: int | None, sure: bool) -> int:
    if days is None:
        return 0
    moment = now() - timedelta(days=days)
    return (erased_prompts.strip_answers if sure else erased_prompts.old_answers)(session, moment)


def _too_old(session: Session, days: int | None) -> list[int]:
    if days is None:
        return []
    return erased_prompts.prompts_older_than(session, now() - timedelta(days=days))


def _silent(session: Session, days: int | None) -> list[str]:
    """People who gave no answer for so long, and were not erased yet."""
    if days is None:
        return []
    moment = now() - timedelta(days=days)
    return [
        name
        for name, last in last_answers(session).items()
        if last < moment and not name.startswith(erased_people.PREFIX)
    ]


def _prompt_of(session: Session, key: str) -> int:
    named = erased_prompts.named(session, key)
    if named is not None:
        return named
    try:
        return get_pair(session, key).prompt_id
    except UnknownName:
        raise UnknownName(
            f"no pair or prompt {key!r}; give a pair's number, its pair_id at import, or 8 letters "
            "of its hash or its prompt's; nothing was erased"
        ) from None


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput(f"reason {reason!r} says nothing; say why, it stays in the event log")
