"""The structure of a database: its columns, constraints and indexes, and where two differ.

A server tells its own in one statement. The models tell less, for each server words a definition
its own way: of a CHECK only the words it allows, of an index only whether it is unique.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import shorten

from sqlalchemy import CheckConstraint, Connection, Constraint, Dialect, Enum, MetaData, text

Part = tuple[str, str, str]
"""`column`, `constraint` or `index`; the table; the name."""

_SQLITE = text("""
SELECT 'column', m.name, c.name, upper(c.type)
    || CASE WHEN c."notnull" THEN ' NOT NULL' ELSE '' END
    || coalesce(' DEFAULT ' || c.dflt_value, '')
FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table'
UNION ALL
SELECT type, tbl_name, name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql > ''
""")
_POSTGRESQL = text("""
WITH tables AS (
    SELECT oid, relname FROM pg_class
    WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)
        AND relnamespace <> 'pg_catalog'::regnamespace
), rules AS (
    SELECT * FROM pg_constraint WHERE contype IN ('p', 'u', 'f', 'c')
)
SELECT 'column', t.relname, a.attname, upper(format_type(a.atttypid, a.atttypmod))
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM tables t
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint', t.relname, r.conname, pg_get_constraintdef(r.oid)
FROM tables t JOIN rules r ON r.conrelid = t.oid
UNION ALL
SELECT 'index', t.relname, i.relname, pg_get_indexdef(i.oid)
FROM tables t
JOIN pg_index x ON x.indrelid = t.oid AND x.indisvalid
JOIN pg_class i ON i.oid = x.indexrelid
WHERE i.oid NOT IN (SELECT conindid FROM rules WHERE contype IN ('p', 'u'))
""")
_SPELLED = {"VARCHAR": "CHARACTER VARYING", "FLOAT": "DOUBLE PRECISION"}  # by PostgreSQL
_NAME = r'(?:"(?:[^"]|"")*"|[^\s"])+'  # with its schema, each quoted where it must be
_INDEX = re.compile(rf"CREATE (UNIQUE )?INDEX {_NAME} ON {_NAME} ")
_CONSTRAINT = re.compile(r'CONSTRAINT "?(\w+)"? (.+)')
_SIGN = re.compile(r"""'[^']*'|"[^"]*"|[(),]""")  # what is quoted is one sign
_WORD = re.compile(r"'([a-z][a-z_-]*)'")


@dataclass(frozen=True)
class Structure:
    """What the tables of a database are made of.

    `parts` gives each part its definition in the server's words: a column's is its type, NOT NULL
    and DEFAULT; an index's begins with UNIQUE where it is.
    """

    parts: Mapping[Part, str]

    @property
    def tables(self) -> set[str]:
        """Their names."""
        return {table for _, table, _ in self.parts}

    def outline(self) -> "Structure":
        """As much of it as the models tell too."""
        return Structure({part: _outline(part[0], told) for part, told in self.parts.items()})

    def differences(self, wanted: "Structure") -> list[str]:
        """Where it differs from what is wanted, a clause each, columns before constraints.

        Tables that nobody wants are somebody else's; an index that only helps a search does no
        harm.
        """
        lost = wanted.tables - self.tables
        told = [f"there is no table {table!r}" for table in sorted(lost)]
        for part in sorted(self.parts.keys() | wanted.parts.keys()):
            kind, table, name = part
            here, there = self.parts.get(part), wanted.parts.get(part)
            if here == there or table in lost or table not in wanted.tables:
                continue
            if here is None:
                told.append(f"table {table!r} has no {kind} {name!r}")
            elif there is not None:
                told.append(
                    f"{kind} {name!r} of table {table!r} is {_cut(here)}, not {_cut(there)}"
                )
            elif kind != "index" or here.startswith("UNIQUE"):
                told.append(f"table {table!r} has {kind} {name!r}, which does not belong there")
        return told


def found_in(connection: Connection) -> Structure:
    """What the database itself says of the tables that unqualified names mean."""
    if connection.dialect.name == "postgresql":
        rows = connection.execute(_POSTGRESQL)
    else:
        rows = connection.execute(_SQLITE)
    parts: dict[Part, str] = {}
    for kind, table, name, told in rows:
        if kind == "table":
            for piece in _pieces(told):
                if named := _CONSTRAINT.match(piece):
                    parts["constraint", table, named[1]] = named[2]
        elif kind == "index":
            parts[kind, table, name] = _INDEX.sub(r"\1", " ".join(told.split()))
        else:
            parts[kind, table, name] = told
    return Structure(parts)


def outlined(metadata: MetaData, dialect: Dialect) -> Structure:
    """The outline of what the models describe, as that server would tell it."""
    parts: dict[Part, str] = {}
    named = dialect.identifier_preparer
    for table in metadata.tables.values():
        for column in table.columns:
            spelled = column.type.compile(dialect)
            if dialect.name == "postgresql":
                spelled = re.sub("VARCHAR|FLOAT", lambda ours: _SPELLED[ours[0]], spelled)
            null = "" if column.nullable else " NOT NULL"
            parts["column", table.name, column.name] = spelled + null
        for constraint in table.constraints:
            name = str(named.format_constraint(constraint)).strip('"')
            parts["constraint", table.name, name] = _allowed(_words(constraint))
        for index in table.indexes:
            name = str(named.format_index(index)).strip('"')
            parts["index", table.name, name] = "UNIQUE" if index.unique else "plain"
    return Structure(parts)


def _outline(kind: str, told: str) -> str:
    if kind == "column":
        return told.partition(" DEFAULT ")[0]
    if kind == "index":
        return "UNIQUE" if told.startswith("UNIQUE") else "plain"
    return _allowed(_WORD.findall(told)) if told.startswith("CHECK") else ""


def _words(constraint: Constraint) -> list[str]:
    """The words a CHECK names: those of its columns' enumerations, or of its text."""
    if not isinstance(constraint, CheckConstraint):
        return []
    kinds = [column.type for column in constraint.columns]
    words = [word for kind in kinds if isinstance(kind, Enum) for word in kind.enums]
    return words or _WORD.findall(str(constraint.sqltext))


def _allowed(words: list[str]) -> str:
    return " ".join(sorted(set(words)))


def _pieces(told: str) -> list[str]:
    """The columns and constraints of a CREATE TABLE, as written, white space made one."""
    pieces, depth, start = [], 0, told.index("(") + 1
    for sign in _SIGN.finditer(told):
        depth += {"(": 1, ")": -1}.get(sign[0], 0)
        if (depth, sign[0]) in ((1, ","), (0, ")")):
            pieces.append(" ".join(told[start : sign.start()].split()))
            start = sign.end()
    return pieces


def _cut(told: str) -> str:
    return shorten(told, 160, placeholder=" ...") or "without words"
