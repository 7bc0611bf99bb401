"""The house keeps its rules: who imports whom, what stands where, and that the documents say so."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from tests.places import PROJECT

ENGINE = PROJECT / "src" / "assay"
ORDER = (
    "base",
    "contract",
    "text",
    "reading",
    "ledger",
    "tables",
    "loading",
    "checks",
    "publish",
    "describing",
    "planning",
    "odcs",
    "triggers",
    "incidents",
    "trust",
    "feeds",
    "connectors",
    "fetching",
    "consumers",
    "page",
    "orchestration",
    "cli",
)
"""Packages of the engine; each may import those before it."""
MOST = 0.15
"""The share of the engine's lines that one package may have."""
SPELLED_OTHERWISE = {"contract/names.py", "cli/dagster_run.py"}
"""Where names are cut, and the `--select` of the command line, which may name assets that are not tables."""
WRITTEN_HERE = ("src", "tests", "assets", "resources", "sensors", "dashboard", "demo", "bench", "definitions.py")
"""Folders and files of Python that is this project's own."""
NO_NAMES = {"found", "said"}
"""Words that name an act; what holds a value is named by a noun."""
MODELS = sorted((PROJECT / "dbt_project" / "models").rglob("*.sql"))


def modules() -> list[Path]:
    """The engine's own; the template of a project is not part of it."""
    return sorted(path for package in ORDER for path in (ENGINE / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it, types alone included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def packages(path: Path) -> set[str]:
    """The packages of the engine that a file imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("assay.")}


def test_the_engine_has_the_packages_that_are_written_here() -> None:
    assert {path.name for path in ENGINE.iterdir() if (path / "__init__.py").exists()} == set(ORDER)


@pytest.mark.parametrize("package", ORDER)
def test_imports_go_one_way(package: str) -> None:
    below = set(ORDER[: ORDER.index(package) + 1])
    wrong = {
        str(path.relative_to(ENGINE)): packages(path) - below
        for path in (ENGINE / package).rglob("*.py")
        if packages(path) - below
    }
    assert not wrong, f"{package} may import {', '.join(sorted(below))} and nothing else"


def test_no_module_imports_itself_by_way_of_others() -> None:
    """What is imported inside of a function, or for types alone, counts too."""
    names = {
        ".".join(path.relative_to(ENGINE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in modules()
    }
    graph = {
        name: {module for target in imported(path) for module in (target, target.rpartition(".")[0])} & names.keys()
        for name, path in names.items()
    }
    assert sum(map(len, graph.values())) > 300, "the imports are not read as they are written"
    TopologicalSorter(graph).prepare()  # a CycleError names one


def test_the_engine_knows_no_project_and_no_demo() -> None:
    wrong = {"assets", "resources", "sensors", "dashboard", "demo", "definitions", "tests"}
    guilty = [str(path) for path in modules() if {name.split(".")[0] for name in imported(path)} & wrong]
    assert not guilty


def test_only_orchestration_and_the_command_line_import_dagster() -> None:
    guilty = [
        str(path.relative_to(ENGINE))
        for path in modules()
        if path.relative_to(ENGINE).parts[0] not in ("orchestration", "cli")
        and {"dagster", "dagster_dbt"} & {name.split(".")[0] for name in imported(path)}
    ]
    assert not guilty, f"move what needs Dagster to orchestration: {guilty}"


def bound(path: Path) -> Iterator[tuple[str, int]]:
    """(name, line) of each variable, parameter, field and function that a file binds."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def test_a_value_is_named_by_what_it_holds() -> None:
    roots = [PROJECT / name for name in WRITTEN_HERE]
    paths = sorted(path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py")))
    guilty = [
        f"{path.relative_to(PROJECT)}:{line}: {name}"
        for path in paths
        for name, line in bound(path)
        if name in NO_NAMES
    ]
    assert len(paths) > 300, "the files are not listed as they stand"
    assert not guilty, "name these by a noun that says what they hold:\n" + "\n".join(guilty)


def test_the_name_of_a_table_is_cut_and_joined_in_one_place() -> None:
    """`silver_a.b` has an underscore and a dot of its own: only `contract/names.py` knows which of them counts."""
    by_hand = re.compile(
        r"""replace\("[._/]", "[._/]", 1\)|removeprefix\("(bronze|silver|gold|quarantine)|"""
        r"""f"(bronze|silver|gold|quarantine)[._]\{|\{layer\}[._]\{|startswith\("(bronze|silver|gold|quarantine)[._]"\)"""
    )
    guilty = {
        name
        for p in modules()
        if by_hand.search(p.read_text()) and (name := str(p.relative_to(ENGINE))) not in SPELLED_OTHERWISE
    }
    assert not guilty, f"use TableName of contract/names.py in {sorted(guilty)}"


def test_sql_on_the_ledger_stands_in_its_package() -> None:
    """Five modules wrote to it once. Others call the package, or read views of `base/schema.sql`."""
    query = re.compile(r"(from|join|update|into|table)\s+ops\.files\b", re.IGNORECASE)
    others = [path for path in ENGINE.rglob("*") if path.suffix in (".py", ".sql", ".md", ".yml")]
    guilty = {str(path.relative_to(ENGINE)) for path in others if query.search(path.read_text())}
    guilty = {name for name in guilty if not name.startswith("ledger/")} - {"base/schema.sql"}
    assert not guilty, "move the query to src/assay/ledger, or read a view of it"


def test_no_package_is_most_of_the_engine() -> None:
    lines = {
        package: sum(path.read_text().count("\n") for path in (ENGINE / package).rglob("*.py")) for package in ORDER
    }
    every = sum(lines.values())
    shares = {package: count / every for package, count in lines.items()}
    print(*(f"{package:14} {lines[package]:6,} lines {share:6.1%}" for package, share in shares.items()), sep="\n")  # noqa: T201 - shown by -s
    assert max(shares.values()) < MOST, shares


def test_importing_a_module_opens_no_database_and_writes_no_file() -> None:
    names = [".".join(p.relative_to(ENGINE.parent).with_suffix("").parts) for p in modules() if p.name != "__init__.py"]
    script = (
        "import duckdb, pathlib\n"
        "def refuse(*_, **__): raise AssertionError('work at import')\n"
        "duckdb.connect = pathlib.Path.write_text = pathlib.Path.mkdir = refuse\n"
        f"import {', '.join(names)}\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("sql", MODELS, ids=lambda path: path.stem)
def test_a_model_is_called_as_its_layer_and_has_its_yml_beside_it(sql: Path) -> None:
    models = yaml.safe_load(sql.with_suffix(".yml").read_text())["models"]
    assert [model["name"] for model in models] == [sql.stem]
    assert sql.stem.startswith(f"{sql.parent.name}_"), f"{sql.stem} stands in {sql.parent.name}/"


@pytest.mark.parametrize("project", ["dbt_project", "src/assay/templates/example/dbt_project"])
def test_every_table_and_column_is_described_in_words_of_its_own(project: str) -> None:
    """A copied description is wrong in one of its places; what is the same everywhere is a doc block."""
    descriptions: dict[str, list[str]] = {}
    written = [yaml.safe_load(yml.read_text())["models"] for yml in (PROJECT / project).glob("models/**/*.yml")]
    assert written, f"{project} has no models"
    for model in itertools.chain.from_iterable(written):
        descriptions.setdefault(model.get("description", "").strip(), []).append(model["name"])
        for column in model["columns"]:
            descriptions.setdefault(column.get("description", "").strip(), []).append(
                f"{model['name']}.{column['name']}"
            )
    assert "" not in descriptions, f"without a description: {descriptions['']}"
    copied = {text: names for text, names in descriptions.items() if len(names) > 1 and "doc(" not in text}
    assert not copied, copied


def test_the_house_in_the_docs_is_the_house_on_disk() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text()
    trees = re.findall(r"```\n(.+?)```", text[text.index("## The house") :], re.DOTALL)
    top, engine = ([line.split()[0].rstrip("/") for line in tree.splitlines() if line.strip()] for tree in trees[:2])
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=PROJECT, check=True).stdout
    folders = {line.split("/")[0] for line in tracked.splitlines() if "/" in line and not line.startswith(".")}
    assert set(top) == folders | {"definitions.py"}, "docs/architecture.md names other rooms than there are"
    assert tuple(engine) == ORDER, "docs/architecture.md names other packages of the engine, or in another order"


def test_every_module_that_a_document_names_is_there() -> None:
    roots = (PROJECT, ENGINE, PROJECT / "tests")
    pages = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *modules()]
    named = {(page, name) for page in pages for name in re.findall(r"`((?:\w+/)+\w+\.(?:py|j2))`", page.read_text())}
    gone = [f"{page.name}: {name}" for page, name in named if not any((root / name).exists() for root in roots)]
    assert len(named) > 20, "the names are not read as they are written"
    assert not gone


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.relative_to(PROJECT)} links to {link}, which is not there"


def test_no_path_of_a_machine_and_no_address_of_a_registry_is_in_the_project() -> None:
    grep = subprocess.run(
        ["git", "grep", "-nIE", r"py""pi[.]org|python""hosted|/ro""ot/|/ho""me/[a-z]|/wo""rk/"],
        capture_output=True, text=True, cwd=PROJECT, check=False,
    )  # fmt: skip
    assert grep.returncode == 1, grep.stdout


def test_hooks_and_workflow_call_targets_of_the_makefile_and_nothing_else() -> None:
    """A second list of commands drifts, and then passes what CI refuses."""
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    called = [hook["entry"] for repo in hooks for hook in repo["hooks"]]
    jobs = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    matrix = jobs["make"]["strategy"]["matrix"]
    called += [step["run"] for step in jobs["make"]["steps"] if "run" in step]
    called += [f"make {target}" for target in matrix["target"]]
    words = [command.split()[:2] for command in called if "${{" not in command]
    assert {tool for tool, _ in words} == {"make"}
    assert {target for _, target in words} <= targets
    assert {"test", "lint"} <= {target for _, target in words}
