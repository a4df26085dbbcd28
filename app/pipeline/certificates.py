"""Certificates for outsiders: listed, computed again from the stored frame and audits, withdrawn.

An exported certificate is one JSON file with the frame, the audited pairs, what was delivered and
what the humans said: enough to compute everything again without this database.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.pipeline.frames import frames_of
from db import batches, certificates, consensus
from db.batches import AuditProgress
from db.errors import BadInput, Conflict, UnknownName
from db.events import record
from db.models import Certificate as Stored
from db.models import PairRoute
from db.owners import owned
from db.probabilities import Probabilities
from db.session import Database
from db.whole import write_whole
from judges.trust.certificate import Certificate, Frame, verify_certificate
from judges.vote_arrays import CODES
from review.routing.promise import wrong_answers

FORMAT = "tiebreak certificate 1"


@dataclass(frozen=True)
class Listed:
    """One certificate in a list."""

    id: int
    batch_id: int
    stratum: str
    promise: str
    target: float
    delta: float
    accepted: int
    size: int
    audits: int
    wrong: int
    standing: str
    sentence: str


@dataclass(frozen=True)
class Verified:
    """What computing a certificate again found. problems: what does not hold; empty is well."""

    certificate: str
    ok: bool
    problems: tuple[str, ...]
    sentence: str
    withdrawn: str | None
    exported: str | None = None

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.ok:
            return f"certificate {self.certificate} does NOT verify: {'; '.join(self.problems)}"
        said = f"certificate {self.certificate} verifies. {self.sentence}"
        if self.withdrawn is not None:
            said += f" But it was withdrawn: {self.withdrawn}"
        return said + (f" Written to {self.exported}." if self.exported else "")


@dataclass(frozen=True)
class Withdrawn:
    """What `certificate withdraw` did."""

    certificate_id: int
    batch_id: int
    reason: str

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"certificate {self.certificate_id} of batch {self.batch_id} is withdrawn: "
            f"{self.reason}; the next merge takes back the labels the panel gave under it, and "
            "the next route with a target frames its pairs anew"
        )


def list_certificates(database: Database) -> list[Listed]:
    """Every certificate, oldest first.

    One is replaced where a later certificate speaks of all its pairs, as releases up to 0.2.0 could
    make one.
    """
    with database.read() as session:
        stored = certificates.all_certificates(session)
        mine = owned(session).values()
    kept = {(one.batch_id, one.stratum) for one in mine if one.certified}
    found = []
    for row in stored:
        made = Certificate.from_dict(row.payload)
        standing = "holds" if (row.batch_id, made.stratum) in kept else "replaced"
        if row.withdrawn_at or not made.holds:
            standing = "withdrawn" if row.withdrawn_at else "no promise"
        found.append(
            Listed(
                row.id, row.batch_id, made.stratum, made.promise, made.target, made.delta,
                made.accepted, made.size, made.audits, made.wrong, standing, made.sentence(),
            )
        )  # fmt: skip
    return found


def export_certificate(database: Database, certificate_id: int) -> dict[str, Any]:
    """All an outsider needs to compute a certificate again, as JSON values."""
    with database.read() as session:
        stored = _stored(session, certificate_id)
        rows = batches.routes_of(session, stored.batch_id)
        audit = batches.audit_progress(session, stored.batch_id)
        late = certificates.settled_after(session, stored.batch_id, stored.created_at)
        batch = batches.get_batch(session, stored.batch_id)
        scores = consensus.consensus_of(session, batch.fit_id, list(audit.answers))
        made = Certificate.from_dict(stored.payload)
        frame = frame_of(rows, made)
        hashes = certificates.content_hashes(session, [int(pair_id) for pair_id in frame.pair_ids])
    return {
        "format": FORMAT,
        "certificate": made.to_dict(),
        "frame": {
            "pair_ids": list(frame.pair_ids),
            "scores": frame.scores_P.tolist(),
            "content_hashes": [hashes[int(pair_id)] for pair_id in frame.pair_ids],
        },
        "audits": {
            pair: said
            for pair, said in audits_of(frame, audit, scores).items()
            if int(pair) not in late
        },
        "withdrawn": stored.withdrawn_reason,
    }


def verify(database: Database | None, what: str, export: Path | None = None) -> Verified:
    """Compute a certificate again: a stored one by its number, an exported one from its file.

    `export` writes the file an outsider needs. Raises UnknownName or BadInput.
    """
    if what.isdigit() and not Path(what).is_file():
        if database is None:
            raise BadInput(f"certificate {what!r} is a number; a database is needed to find it")
        found = export_certificate(database, int(what))
    else:
        found = _read(Path(what))
    problems = check(found)
    if export is not None:
        write_whole(export, json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    try:
        sentence = Certificate.from_dict(found["certificate"]).sentence()
    except (ValueError, TypeError, KeyError):
        sentence = ""
    return Verified(
        what, not problems, problems, sentence, found.get("withdrawn"),
        None if export is None else str(export),
    )  # fmt: skip


def check(exported: Mapping[str, Any]) -> tuple[str, ...]:
    """What does not hold in an exported certificate, from nothing but its own content."""
    try:
        certificate = Certificate.from_dict(exported["certificate"])
        frame = Frame.of(
            exported["frame"]["pair_ids"], np.array(exported["frame"]["scores"], dtype=np.float64)
        )
        delivered = {p: CODES[a["delivered"]] for p, a in exported["audits"].items()}
        reference = {p: CODES[a["reference"]] for p, a in exported["audits"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return (f"the file cannot be read as a certificate ({error}); export it again",)
    wrong = wrong_answers(delivered, reference, tie_ok=certificate.tie_ok)
    return verify_certificate(certificate, frame, wrong)


def withdraw(database: Database, certificate_id: int, reason: str, actor: str) -> Withdrawn:
    """A certificate no longer holds; it stays stored with the reason. Raises Conflict if done."""
    if not reason.strip():
        raise BadInput(f"reason {reason!r} says nothing; say why the promise no longer holds")
    with database.begin() as session:
        stored = _stored(session, certificate_id)
        if stored.withdrawn_at is not None:
            raise Conflict(
                f"certificate {certificate_id} is withdrawn already "
                f"({stored.withdrawn_reason}); nothing was changed"
            )
        certificates.withdraw(session, certificate_id, reason.strip())
        payload = {"reason": reason.strip(), "batch": stored.batch_id}
        record(session, actor, "certificate.withdrawn", f"certificate:{certificate_id}", payload)
        return Withdrawn(certificate_id, stored.batch_id, reason.strip())


def frame_of(rows: list[PairRoute], certificate: Certificate) -> Frame:
    """The frame a certificate speaks of, as the stored routes of its batch hold it."""
    frames = frames_of(rows)
    if certificate.stratum not in frames:
        return Frame((), np.zeros(0))
    return frames[certificate.stratum]


def audits_of(
    frame: Frame, audit: AuditProgress, scores: Mapping[int, Probabilities]
) -> dict[str, dict[str, str]]:
    """What was delivered and what the humans said, for each answered audit of a frame."""
    inside = set(frame.pair_ids)
    return {
        str(pair): {"delivered": scores[pair].choice.value, "reference": answer.value}
        for pair, answer in sorted(audit.answers.items())
        if str(pair) in inside
    }


def audited_wrong(
    scores: Mapping[int, Probabilities], audit: AuditProgress, *, tie_ok: bool
) -> dict[str, bool]:
    """Which audited pairs were wrong, by pair id as the frames name it."""
    delivered = {str(pair): CODES[scores[pair].choice] for pair in audit.answers}
    reference = {str(pair): CODES[choice] for pair, choice in audit.answers.items()}
    return wrong_answers(delivered, reference, tie_ok=tie_ok)


def _stored(session: Any, certificate_id: int) -> Stored:
    stored = certificates.get_certificate(session, certificate_id)
    if stored is None:
        known = [row.id for row in certificates.all_certificates(session)]
        raise UnknownName(
            f"certificate {certificate_id!r} is not there; there are {known or 'none yet'}"
        )
    return stored


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UnknownName(
            f"{str(path)!r} is no file and no number of a certificate; "
            "see `tiebreak certificate list`"
        ) from None
    except ValueError as error:
        raise BadInput(f"{str(path)!r} is not JSON ({error}); export it again") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadInput(f"{str(path)!r} is no exported certificate; its format must be {FORMAT!r}")
    return found
