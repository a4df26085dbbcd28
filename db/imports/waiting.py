"""Pairs that lie in files and are not stored yet, read without storing anything.

Rows that an import would reject are passed over. Leaves out votes, labels and gold, which bring no
pairs.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path

from db.asking import PairText
from db.conversation import prompt_text
from db.errors import BadInput
from db.identity import candidate_hash, pair_hash, prompt_hash
from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.importer import items_of
from db.imports.options import ImportOptions, Kind
from db.imports.reading import open_readings
from db.imports.rows import PairRow, RankingRow
from db.imports.store import Item
from db.pairs import NewPair, stored_hashes
from db.session import Database
from db.upsert import chunks

_PAGE = 500  # pairs asked for in one statement; SQLite takes 32,766 values


def waiting_pairs(
    database: Database, files: Sequence[tuple[Kind, Path, ImportOptions]]
) -> Iterator[PairText]:
    """Every pair that importing these files would add, once; pair_id is 0.

    A file that cannot be read brings none.
    """
    seen: set[str] = set()
    for kind, path, options in files:
        for page in chunks(_pairs(kind, path, options), _PAGE):
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
    with suppress(BadInput):
        for reading in open_readings(kind, [path], options):
            for _, found in reading.units():
                if not isinstance(found, BadRow):
                    yield from _of_rows(kind, found, options)


def _of_rows(kind: Kind, found: list[Row], options: ImportOptions) -> list[NewPair]:
    """The pairs of one row of a file; none where the import would reject it."""
    pairs: list[NewPair] = []
    try:
        with fields.one_reason():
            for row in found:
                for item in items_of(row, kind, options):
                    pairs += _of_item(item)
    except BadRow:
        return []
    return pairs


def _of_item(item: Item) -> Iterator[NewPair]:
    if isinstance(item, PairRow):
        yield item.pair
    elif isinstance(item, RankingRow):
        for a, b in combinations(item.candidates, 2):
            yield NewPair(item.messages, a, b, domain=item.domain, tools=item.tools)


def _hash(pair: NewPair) -> str:
    key = prompt_hash(pair.messages, pair.tools)
    return pair_hash(candidate_hash(key, pair.a.content), candidate_hash(key, pair.b.content))
