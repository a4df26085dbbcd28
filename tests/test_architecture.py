"""The house stands as docs/architecture.md draws it: who imports whom, what lives only where."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "judges", "review", "trainer", "db", "migrations")
OUTSIDE = "/".join(("..", "shared"))  # the optional folder of recorded data
MACHINE = "/".join(("", "work", ""))

SOURCES = sorted(
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
TEMPLATES = sorted(p for package in PACKAGES for p in (ROOT / package).glob("**/templates/*"))
TREES = {path: ast.parse((ROOT / path).read_text("utf-8")) for path in SOURCES}

ONLY_HERE = {
    "sqlalchemy": ("db/", "migrations/", "review/queue.py"),
    "alembic": ("db/schema.py", "migrations/"),
    "anthropic": ("judges/providers/",),
    "openai": ("judges/providers/",),
    "torch": ("trainer/", "judges/local.py"),
    "transformers": ("trainer/", "judges/local.py"),
    "trl": ("trainer/", "judges/local.py"),
    "streamlit": ("app/views/", "app/main.py"),
    "jinja2": ("review/html.py",),
    "markupsafe": ("app/views/sanitise.py",),
}
TAG = re.compile(r"</?[A-Za-z]|<!")
MAKES_MARKUP = {"app/views/sanitise.py"}
# Their patterns find tags in responses and answers, or name groups.
SEEKS_MARKUP = {
    "review/detectors/forms.py",
    "judges/reading/thinking.py",
    "judges/reading/mending.py",
}
LATE = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
READS = {"open", "getenv", "read_text", "read_bytes", "load_dotenv", "basicConfig", "dictConfig"}


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names of imported modules, with the line; relative ones are of ours anyway."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported, type checking aside."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                if default is not None:
                    yield default
                    yield from at_import(default)
            continue
        yield node
        yield from at_import(node)


def test_arrows_point_down() -> None:
    """The contracts of pyproject.toml, by import-linter itself."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-4_000:] + ran.stderr[-2_000:]


@pytest.mark.parametrize("library", ONLY_HERE)
def test_a_library_is_used_only_where_it_lives(library: str) -> None:
    elsewhere = [
        f"{path}:{line}"
        for path, tree in TREES.items()
        for name, line in imports(tree)
        if name.split(".")[0] == library and not str(path.as_posix()).startswith(ONLY_HERE[library])
    ]
    assert elsewhere == []


def test_heavy_libraries_are_imported_inside_functions() -> None:
    early = []
    for path, tree in TREES.items():
        for node in at_import(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [name.split(".")[0] for name, _ in imports(node)]
                early += [f"{path}: {name}" for name in names if name in LATE]
    assert sorted(set(early)) == []


def test_a_question_for_help_loads_nothing_heavy() -> None:
    heavy = (*LATE, "anthropic", "openai", "streamlit", "pandas", "sklearn", "pyarrow")
    code = f"import sys, app.cli; print([n for n in {heavy!r} if n in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_nothing_happens_on_import() -> None:
    """No environment and no file is read by the mere import of a module. The page Streamlit runs
    and the script Alembic runs are no modules to import.
    """
    scripts = {"app/main.py", "migrations/env.py"}
    found = []
    for path, tree in TREES.items():
        if path.as_posix() in scripts or path.as_posix().startswith("app/views/"):
            continue
        for node in at_import(tree):
            if isinstance(node, ast.Attribute) and node.attr == "environ":
                found.append(f"{path}:{node.lineno} reads the environment")
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in READS:
                    found.append(f"{path}:{node.lineno} calls {name}")
    assert found == []


def test_the_check_of_imports_sees_what_it_should() -> None:
    code = "import os\nKEY = os.environ['K']\ndef f(x=open('a')):\n    return os.environ['L']\n"
    seen = list(at_import(ast.parse(code)))
    assert sum(isinstance(n, ast.Attribute) and n.attr == "environ" for n in seen) == 1
    assert sum(isinstance(n, ast.Call) for n in seen) == 1


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names of what a function takes."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {each.arg for each in given}


def transactions(tree: ast.AST) -> Iterator[str]:
    """Where the rule about transactions is broken: who takes `session` opens none."""
    opening = {"begin", "begin_nested", "read", "commit", "rollback"}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if "session" not in parameters(node):
            continue
        if "database" in parameters(node):
            yield f"{node.lineno} {node.name} takes both database and session"
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                if call.func.attr in opening:
                    yield f"{call.lineno} {node.name} takes session and calls {call.func.attr}()"


def test_who_takes_a_session_opens_no_transaction_and_nobody_takes_both() -> None:
    """docs/architecture.md, Transactions."""
    found = [f"{path}:{told}" for path, tree in TREES.items() for told in transactions(tree)]
    assert found == []


def test_the_check_of_transactions_sees_what_it_should() -> None:
    code = """
def both(database, session): ...
def opens(session):
    with session.database.begin() as inner: ...
def fine(database):
    with database.begin() as session: ...
def inside(session): session.flush()
"""
    assert list(transactions(ast.parse(code))) == [
        "2 both takes both database and session",
        "4 opens takes session and calls begin()",
    ]


def module(path: Path) -> str:
    """The name a file is imported by."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.AST, ours: set[str]) -> Iterator[str]:
    """Our files that a file imports: the file itself where it is named, else the door it is in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in ours)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                if inside in ours:
                    yield inside
                elif node.module in ours:
                    yield node.module


def neighbours(trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """What each file imports of ours, for type checking and inside functions, too."""
    ours = {module(path) for path in trees}
    return {
        module(path): set(imported(tree, ours)) - {module(path)} for path, tree in trees.items()
    }


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Files that reach one another, a list for each knot, in order of their names."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for name in graph[waiting.pop()] - seen:
                seen.add(name)
                waiting.append(name)
        return seen

    reach = {name: reached(name) for name in graph}
    knots = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in graph
        if name in reach[name]
    }
    return [list(knot) for knot in sorted(knots)]


def test_no_file_imports_itself_by_a_detour() -> None:
    assert circles(neighbours(TREES)) == []


def test_the_check_of_circles_sees_what_it_should() -> None:
    code = {
        "db/a.py": "def f():\n    from db.b import g\n",
        "db/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import db.c\n",
        "db/c.py": "from db import a\n",
        "db/d.py": "import db.a\n",
        "db/__init__.py": "",
    }
    trees = {Path(name): ast.parse(text) for name, text in code.items()}
    assert circles(neighbours(trees)) == [["db.a", "db.b", "db.c"]]


def markup(tree: ast.AST) -> Iterator[int]:
    """Lines where a string with a tag in it is put together, or is drawn without a template."""
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        match node:
            case ast.JoinedStr(values=values):
                parts = values
            case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
                parts = [left, right]
            case ast.Call(func=ast.Attribute(value=value, attr="format" | "join")):
                parts = [value]
            case ast.Call(func=ast.Attribute(value=ast.Name("st"), attr="html"), args=[drawn, *_]):
                if not (isinstance(drawn, ast.Call) and ast.unparse(drawn.func) == "render"):
                    yield node.lineno
        words = [part.value for part in parts if isinstance(part, ast.Constant)]
        if any(isinstance(word, str) and TAG.search(word) for word in words):
            yield node.lineno


def test_html_is_drawn_by_templates_only() -> None:
    found = [
        f"{path}:{line}"
        for path, tree in TREES.items()
        if path.as_posix() not in MAKES_MARKUP | SEEKS_MARKUP
        for line in markup(tree)
    ]
    assert found == []


def test_the_check_of_markup_sees_what_it_should() -> None:
    made = ["f'<b>{x}</b>'", "'<b>' + x", "x + '</b>'", "'<b>%s' % x", "'<b>{}'.format(x)"]
    made += ["'<br>'.join(x)", "st.html(x)", "st.html('<b>')", "f'<!doctype html>{x}'"]
    for code in made:
        assert list(markup(ast.parse(code))) == [1], code
    for code in ("f'{x} < {y}'", "f'{x} <= 3'", "'<b>'", "st.html(render('a', b=1))"):
        assert list(markup(ast.parse(code))) == [], code


def test_a_template_never_says_that_a_value_is_safe() -> None:
    for path in TEMPLATES:
        assert not re.search(r"\|\s*safe|autoescape", path.read_text("utf-8")), path


def test_every_template_lies_in_a_package_and_is_drawn() -> None:
    known = {f"{'.'.join(p.relative_to(ROOT).parts[:-2])}/{p.name}" for p in TEMPLATES}
    code = {
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and str(node.value).endswith(".j2")
    }
    inner = r'(?:include|extends|import) "([^"]+)"'
    drawn = code.union(*(re.findall(inner, path.read_text("utf-8")) for path in TEMPLATES))
    assert known == drawn
    assert all((path.parents[1] / "__init__.py").exists() for path in TEMPLATES)


def test_no_file_of_the_app_bears_the_name_of_a_package() -> None:
    names = {path.stem for path in (ROOT / "app").glob("*.py")}
    assert names & {*PACKAGES, "streamlit", "typer"} == set()


def test_migrations_know_the_tables_only() -> None:
    for path, tree in TREES.items():
        if path.parts[0] == "migrations":
            ours = {name for name, _ in imports(tree) if name.split(".")[0] in PACKAGES}
            assert ours <= {"db.models", "db.types"}, path


def test_everything_public_says_what_it_means() -> None:
    silent = []
    for path, tree in TREES.items():
        if path.name != "__init__.py" and not ast.get_docstring(tree):
            silent.append(str(path))
        silent += [
            f"{path}:{node.lineno} {node.name}" for node in public(tree) if not documented(node)
        ]
    assert silent == []


def public(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions, classes and methods that others may call."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    yield from public(node)


def documented(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether it has a docstring; a mere signature borrows the one of its function or protocol."""
    (last, *more) = node.body
    signature = not more and isinstance(last, ast.Expr) and ast.unparse(last) == "..."
    setter = any("setter" in ast.dump(mark) for mark in node.decorator_list)
    return bool(ast.get_docstring(node)) or signature or setter


def test_no_assert_guards_anything_outside_the_tests() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_no_box_without_a_noun() -> None:
    names = {path.name for path in SOURCES}
    assert names & {"utils.py", "helpers.py", "common.py", "misc.py", "manager.py"} == set()
    managers = [
        f"{path}: {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Manager")
    ]
    assert managers == []


def test_tests_are_flat_and_named_after_what_they_test() -> None:
    folder = ROOT / "tests"
    known = {
        *PACKAGES,
        "architecture",
        "sample",
        "browser",
        "docs",
        "demo",
        "readme",
        "deploy",
        "benchmarks",
        "loop",
        "contracts",
        "conversations",
        "suite",
        "supply",
    }
    for path in folder.rglob("test_*.py"):
        assert path.parent == folder
        assert path.stem.split("_")[1] in known, f"{path.name} names no package"


def texts() -> Iterator[tuple[str, str]]:
    """Every text file that is kept in the repository, with its words."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else map(str, SOURCES)
    for name in names:
        path = ROOT / name
        if name and path.is_file():
            data = path.read_bytes()
            if b"\0" not in data:
                yield name, data.decode("utf-8", "replace")


def test_recorded_data_is_named_in_tests_and_benchmarks_only() -> None:
    inside = ("tests/", "benchmarks/")
    found = [name for name, words in texts() if OUTSIDE in words and not name.startswith(inside)]
    assert found == []


def test_no_path_of_one_machine_is_written_down() -> None:
    assert [name for name, words in texts() if MACHINE in words] == []


def test_every_word_of_a_file_is_text() -> None:
    """A replacement character in a kept file is the trace of a wrong encoding."""
    broken = [name for name, words in texts() if "\N{REPLACEMENT CHARACTER}" in words]
    assert broken == []
