"""`assay contract export` and `import`, on the demo's tables and in a project of one's own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli import contract_lint, contracts
from assay.cli.contracts import ContractExists
from assay.cli.init import init
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.parse import parse_contract
from assay.odcs.described import Described, described_tables, model_of_node
from assay.odcs.document import document
from assay.odcs.foreign import Missing
from assay.odcs.written import written
from tests.documents import imported, node_of, violations
from tests.lab import WHOLE

THEIRS = """
kind: DataContract
apiVersion: v3.0.2
id: a
version: 1.0.0
schema:
  - name: Orders
    properties:
      - {name: Order No, logicalType: integer, physicalType: bigint, primaryKey: true}
      - {name: total, logicalType: number, physicalType: "decimal(9,2)"}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lake"
    init(folder, has_example=True)
    for name in ("ASSAY_HOME", "ASSAY_DBT_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSAY_PROJECT", str(folder))
    return folder


def demo() -> Iterator[Described]:
    yield from described_tables(Catalog.read(WHOLE), WHOLE)


@pytest.mark.parametrize(
    ("entities", "tables"),
    [({"transactions"}, 2), pytest.param(None, 21, marks=pytest.mark.slow)],
    ids=["one", "all"],
)
def test_tables_of_the_demo_come_back_from_their_documents(
    tmp_path: Path, entities: set[str] | None, tables: int
) -> None:
    sources = Catalog.read(WHOLE).contracts
    wanted = [described for described in demo() if entities is None or described.name.entity in entities]
    assert len(wanted) == tables
    for described in wanted:
        text = written([document(described)])
        assert violations(text) == []
        model = imported(text, tmp_path)
        name, node = described.name, node_of(model)
        again = Described(name, described.project, model_of_node(node, model), described.version, described.added)
        assert written([document(again)]) == text
        if name.is_bronze:
            assert parse_contract(node) == sources[name.entity]
            assert parse_contract(node).fingerprint == sources[name.entity].fingerprint


@pytest.mark.slow  # dbt parses
@pytest.mark.usefixtures("project")
def test_a_project_comes_back_from_its_documents(tmp_path: Path) -> None:
    assert contract_lint.lint(as_json=False) == 0
    before, after = tmp_path / "before", tmp_path / "after"
    contracts.export([], before)
    files = sorted(before.iterdir())
    assert [file.name for file in files] == [
        "bronze.readings.odcs.yaml", "gold.daily_temperatures.odcs.yaml", "silver.readings.odcs.yaml",
    ]  # fmt: skip
    with pytest.raises(ContractExists, match=r"readings\.yml is there already; --replace"):
        contracts.import_(files, Missing(), replaces=False)
    with pytest.raises(ContractExists, match=r"readings\.yml holds silver_readings too, which would be lost"):
        contracts.import_(files[:1], Missing(), replaces=True)
    contracts.import_(files, Missing(), replaces=True)
    contracts.export([], after)
    assert [file.read_bytes() for file in files] == [(after / file.name).read_bytes() for file in files]


@pytest.mark.slow  # dbt parses
def test_a_document_of_others_becomes_a_source_or_nothing(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "theirs.yaml"
    path.write_text(THEIRS)
    models = project / "dbt_project" / "models"
    with pytest.raises(ContractError, match="the document does not say how files are written"):
        contracts.import_([path], Missing(owner="sales"), replaces=False)
    with pytest.raises(ContractError, match=r"theirs.yaml: the project cannot be read with it.*both claim"):
        contracts.import_([path], Missing("readings/*.csv", "csv", "sales"), replaces=False)
    assert not (models / "orders.yml").exists()
    contracts.import_([path], Missing("", "csv", "sales"), replaces=False)
    assert "are not in the document; are they right?" in capsys.readouterr().err
    assert set(Catalog.read(Settings.from_env().dbt_project).contracts) == {"orders", "readings"}
    contracts.export(["silver.orders"], None)
    assert "name: order_no" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"there is no table gold\.nothing; there are bronze\.orders"):
        contracts.export(["gold/nothing"], None)


@pytest.fixture(scope="module")
def datacontract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of others, in an environment of its own: its packages and ours do not go together."""
    folder = tmp_path_factory.mktemp("datacontract")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "datacontract-cli>=1.2,<2"]
    done = subprocess.run([*install, "--retries", "1"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"datacontract-cli cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "bin" / "datacontract"


@pytest.mark.slow  # installs packages
def test_the_documents_are_valid_for_the_command_line_of_others(tmp_path: Path, datacontract: Path) -> None:
    for described in demo():
        path = tmp_path / f"{described.name}.yaml"
        path.write_text(written([document(described)]))
        report = tmp_path / "report.json"
        lint = [datacontract, "lint", path, "--all-errors", "--output-format", "json", "--output", report]
        done = subprocess.run(lint, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert json.loads(report.read_text())["result"] == "passed"
