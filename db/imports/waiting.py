"""Pairs that lie in files and are not stored yet, read without storing anything.

Rows that an import would reject are passed over. Leaves out votes, labels and gold, which bring no
pairs.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from db.asking import PairText
from db.conversation import prompt_text
from db.errors import BadInput
from db.files import read_lines
from db.identity import candidate_hash, pair_hash, prompt_hash
from db.imports import fields, rows
from db.imports.fields import BadRow, Row
from db.imports.importer import ImportOptions, Kind
from db.pairs import NewPair, stored_hashes
from db.session import Database
from db.upsert import chunks

_PAGE = 500  # pairs asked for in one statement; SQLite takes 32,766 values


def waiting_pairs(
    database: Database, files: Sequence[tuple[Kind, Path]], options: ImportOptions | None = None
) -> Iterator[PairText]:
    """Every pair that importing these files would add, once; pair_id is 0.

    A file that cannot be read brings none.
    """
    seen: set[str] = set()
    for kind, path in files:
        for page in chunks(_pairs(kind, path, options or ImportOptions()), _PAGE):
            named = {_hash(pair): pair for pair in page}
            with database.read() as session:
                known = stored_hashes(session, named.keys() - seen)
            for key, pair in named.items():
                if key not in seen and key not in known:
                    prompt = prompt_text(pair.messages, pair.tools)
                    yield PairText(0, prompt, pair.a.text, pair.b.text, pair.domain, pair.expected)
            seen |= named.keys()


def _pairs(kind: Kind, path: Path, options: ImportOptions) -> Iterator[NewPair]:
    if kind not in (Kind.PAIRS, Kind.CANDIDATES, Kind.RANKINGS):
        return
    try:
        for line in read_lines(path, options.limits):
            try:
                if not line.problem:
                    with fields.one_reason():
                        found = _of_row(kind, line.row, options)
                    yield from found
            except BadRow:
                continue
    except BadInput:
        return


def _of_row(kind: Kind, row: Row, options: ImportOptions) -> list[NewPair]:
    if kind is Kind.PAIRS:
        return [rows.parse_pair(row).pair]
    if kind is Kind.CANDIDATES:
        found = rows.parse_candidates(row, options.pairs_per_prompt, options.seed)
        return [item.pair for item in found]
    ranking = rows.parse_ranking(row)
    return [
        NewPair(ranking.messages, a, b, domain=ranking.domain, tools=ranking.tools)
        for a, b in combinations(ranking.candidates, 2)
    ]


def _hash(pair: NewPair) -> str:
    key = prompt_hash(pair.messages, pair.tools)
    return pair_hash(candidate_hash(key, pair.a.content), candidate_hash(key, pair.b.content))
