"""One pair's whole history, from the words to the label: what `tiebreak show` prints."""

from dataclasses import dataclass
from typing import Any

from app.harmless import one_line
from app.output import plain, table, write
from db import panel, reviews
from db.conversation import Spoken, said
from db.events import history
from db.models import Pair
from db.opinions import BLIND, DELIVERED, human_answers, opinions
from db.pairs import get_pair, names_of
from db.preferences import of_pair as preferences_of
from db.session import Session
from judges import verdicts


@dataclass(frozen=True)
class PairHistory:
    """Everything stored about one pair, in the order it happened.

    humans: what humans say, as a label takes it; humans_blind: as it measures, by what they said
    before they saw the panel's votes, to hidden gold too. None where they settle nothing. Of the
    reviews, those that count towards `humans` say so.
    """

    pair: dict[str, Any]
    votes: list[dict[str, Any]]
    consensus: dict[str, Any] | None
    flags: list[dict[str, Any]]
    routes: list[dict[str, Any]]
    reviews: list[dict[str, Any]]
    adjudications: list[dict[str, Any]]
    humans: str | None
    humans_blind: str | None
    preferences: list[dict[str, Any]]
    gold: str | None
    events: list[dict[str, Any]]

    @property
    def humans_line(self) -> str:
        """What humans say, in one line."""
        line = f"humans say: {self.humans or 'nothing settled'}"
        if self.humans_blind != self.humans:
            line += f" (blind, hidden gold included: {self.humans_blind or 'nothing settled'})"
        return line

    def print(self) -> None:
        """Tables for people."""
        named = ", ".join(self.pair["names"])
        write(one_line(f"pair {self.pair['id']}  {named}  {self.pair['domain'] or ''}"))
        for name in ("prompt", "response_a", "response_b"):
            write(f"\n{name}:\n{_read(self.pair[name])}")
        write()
        thought = any(vote["thinking"] for vote in self.votes)
        _listed("Votes", [v if thought else _without(v, "thinking") for v in self.votes])
        if self.consensus:
            shares = self.consensus.pop("contributions") or {}
            _listed("Consensus", [self.consensus])
            ranked = sorted(shares.items(), key=lambda item: -abs(item[1]))
            _listed(
                "What moved it (log-odds for A)",
                [{"from": name, "log-odds": f"{value:+.3f}"} for name, value in ranked],
            )
        for title in ("flags", "routes", "reviews", "adjudications", "preferences", "events"):
            _listed(title.capitalize(), getattr(self, title))
        if self.reviews or self.adjudications:
            write(self.humans_line)
        if self.gold:
            write(f"gold: {self.gold}")


def pair_history(session: Session, key: str) -> PairHistory:
    """Gather it. Raises UnknownName where there is no such pair."""
    pair = get_pair(session, key)
    latest = panel.latest_consensus(session, pair.id)
    gold = panel.gold_choice(session, pair.id)
    counts = {one.review_id for one in opinions(session, DELIVERED, [pair.id])}
    humans = human_answers(session, DELIVERED, [pair.id]).get(pair.id)
    blind = human_answers(session, BLIND, [pair.id]).get(pair.id)
    return PairHistory(
        pair=_pair(session, pair),
        votes=[_vote(v) for v in panel.votes_on(session, pair.id)],
        consensus=None
        if latest is None
        else {
            "model": latest[1].model,
            "fit": latest[1].id,
            **_fields(latest[0], ("p_a", "p_tie", "p_b", "contributions")),
        },
        flags=[_fields(f, ("kind", "subject", "score")) for f in panel.flags_on(session, pair.id)],
        routes=[
            _fields(r, ("batch_id", "route", "reasons", "score"))
            for r in panel.routes_of(session, pair.id)
        ],
        reviews=[
            {"annotator": r.annotator.name, **_fields(r, _REVIEW), "counts": r.id in counts}
            for r in reviews.of_pair(session, pair.id)
        ],
        adjudications=[
            _fields(a, ("choice", "strength", "reason", "created_at"))
            for a in reviews.adjudications(session, pair.id)
        ],
        humans=None if humans is None else humans.value,
        humans_blind=None if blind is None else blind.value,
        preferences=[_fields(p, _PREFERENCE) for p in preferences_of(session, pair.id)],
        gold=None if gold is None else gold.value,
        events=[_fields(e, ("at", "actor", "kind")) for e in history(session, f"pair:{pair.id}")],
    )


_VOTE = (
    *("judge", "order", "sample", "choice", "strength", "confidence"),
    *("abstain_reason", "rationale"),
)
_REVIEW = ("kind", "choice", "strength", "rationale", "created_at")
_PREFERENCE = (
    *("choice", "source", "p_a", "p_tie", "p_b", "review_ids", "ranking_ids"),
    *("created_at", "superseded_at"),
)


def _pair(session: Session, pair: Pair) -> dict[str, Any]:
    names = names_of(session, [pair.id]).get(pair.id, [])
    return {
        "id": pair.id,
        "names": [n.external_id + (" (mirrored)" if n.mirrored else "") for n in names],
        "content_hash": pair.content_hash,
        "domain": pair.domain,
        "source": pair.source,
        "prompt": pair.prompt.text,
        "response_a": said(pair.candidate_a.text, pair.candidate_a.messages),
        "response_b": said(pair.candidate_b.text, pair.candidate_b.messages),
        "model_a": pair.candidate_a.model,
        "model_b": pair.candidate_b.model,
    }


def _fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in names}


def _vote(vote: Any) -> dict[str, Any]:
    """With what its model thought, which never counts and lies in the raw answer alone."""
    return {**_fields(vote, _VOTE), "thinking": verdicts.load(vote.raw or "").thinking}


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _listed(title: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        table(title, list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else _short(str(value), 160)


def _read(text: str) -> str:
    """A text in a screenful; of a conversation every part, so that none hides the others."""
    if isinstance(text, Spoken):
        return "\n\n".join(f"{part.label}: {_short(part.text, 600)}" for part in text.parts)
    return _short(text)


def _short(text: str, limit: int = 1200) -> str:
    return text if len(text) <= limit else f"{text[:limit]} ... ({len(text):,} letters)"
