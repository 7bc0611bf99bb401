"""`assay source new` and `assay source check`, as they are typed in a project."""

from __future__ import annotations

import json
import os
import pwd
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli import source_check, source_new
from assay.cli.clear_values import NotForYou
from assay.cli.files import land
from assay.cli.source_new import SourceExists
from assay.describing.kinds import Undescribable
from assay.describing.trial import TrialFailed
from tests.sources_project import write_sources

pytestmark = pytest.mark.slow  # dbt parses and builds

GOOD = "sku;price;day\n0001;1.234,50;01.02.2024\n0002;7,00;02.02.2024\n"
BAD = "sku;price;day\n0003;x;01.02.2024\n0004;-1,00;32.02.2024\n0005;-2,00;01.03.2024\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path / "lake", dbt_project=write_sources(tmp_path))
    (tmp_path / "assay.toml").touch()
    monkeypatch.setenv("ASSAY_PROJECT", str(tmp_path))
    monkeypatch.setenv("ASSAY_HOME", str(settings.home))
    monkeypatch.setenv("ASSAY_DBT_PROJECT", str(settings.dbt_project))
    return settings


def files(folder: Path, **contents: str) -> list[Path]:
    for name, content in contents.items():
        (folder / f"{name}.csv").write_text(content)
    return [folder / f"{name}.csv" for name in contents]


def test_a_source_is_begun_and_further_files_are_tried(
    project: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert source_new.new("prices", files(tmp_path, a=GOOD), "sales") == 0
    yml = project.dbt_project / "models" / "prices.yml"
    assert "owner: sales" in yml.read_text()
    assert "2 of 2 do" in capsys.readouterr().out

    yml.write_text(yml.read_text().replace("        # from 7.00", "        constraints: [{type: check, name: positive, "
                                           'expression: "price > 0"}]\n        # from 7.00'))  # fmt: skip
    good, bad, other, twin = files(tmp_path, a=GOOD, b=BAD, c="sku;day\n1;2\n", d=GOOD)
    junit = tmp_path / "out" / "junit.xml"
    assert source_check.check("prices", [good], None, as_json=False) == 0
    capsys.readouterr()
    assert source_check.check("prices", [good, bad, other, twin], junit, as_json=True) == 1
    tried = json.loads(capsys.readouterr().out)
    assert [(t["status"], t["records"], t["rows"], t["is_good"]) for t in tried] == [
        ("loaded", 2, 2, True),
        ("loaded", 3, 0, False),
        ("refused", 0, 0, False),
        ("duplicate", 0, 0, True),
    ]
    assert {(r["what"], r["records"]) for r in tried[1]["malformed"]} == {
        ("price is no decimal(12,2)", 1),
        ("day is no date written %d.%m.%Y", 1),
    }
    assert [(r["what"], r["records"]) for r in tried[1]["quarantined"]] == [("positive", 1)]
    assert "missing columns: price" in tried[2]["reason"]
    cases = ElementTree.parse(junit).findall(".//testcase")  # noqa: S314 - written here
    assert [case.find("failure") is not None for case in cases] == [False, True, True, False]
    assert not project.home.exists()


def test_no_value_of_a_personal_column_is_shown_unless_a_setting_names_who_asks(
    project: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = files(
        tmp_path,
        a="phone,age\n" + "".join(f"555000{number},{number}\n" for number in range(10, 40)),
        b="phone,age\n5550099,777\n5550098,Smith\nJones,5\n",
    )
    assert source_new.new("people", [good], "sales") == 0
    yml = project.dbt_project / "models" / "people.yml"
    assert "personal: true" in yml.read_text()
    assert "555" not in yml.read_text() + capsys.readouterr().out
    rule = "        constraints: [{type: check, name: young, expression: 'age < 200'}]\n"
    text = yml.read_text().replace(
        "      - name: age\n", "      - name: age\n        config: {meta: {personal: true}}\n" + rule
    )
    yml.write_text(text)
    assert source_check.check("people", [bad], tmp_path / "junit.xml", as_json=True) == 1
    shown = capsys.readouterr().out + (tmp_path / "junit.xml").read_text()
    assert "young" in shown
    assert "age is no " in shown
    values = ("777", "Smith", "Jones", "5550099")
    assert not [value for value in values if value in shown]

    with pytest.raises(NotForYou, match="it names nobody"):
        source_check.check("people", [bad], None, as_json=True, is_clear=True)
    monkeypatch.setenv("ASSAY_CLEAR_FOR", f"nobody-else {pwd.getpwuid(os.geteuid()).pw_name}")
    source_check.check("people", [bad], None, as_json=True, is_clear=True)
    shown = capsys.readouterr().out
    assert [value for value in ("777", "Smith", "5550099") if value in shown] == ["777", "Smith", "5550099"]


def test_a_source_is_begun_with_a_folder_of_partitions(
    project: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for region in ("a", "b"):
        for day in (1, 2):
            folder = tmp_path / "export" / f"region={region}" / f"day=2024-01-0{day}"
            folder.mkdir(parents=True)
            (folder / "part-0.csv").write_text("line,amount\n1,5\n2,5\n")
            (folder / "_SUCCESS").touch()
    assert source_new.new("sales", [tmp_path / "export"], "sales") == 0
    assert "4 of 4 files" in capsys.readouterr().out
    yml = (project.dbt_project / "models" / "sales.yml").read_text()
    assert 'files: "sales/region={region}/day={day}/*.csv"' in yml
    assert source_check.check("sales", [tmp_path / "export" / "region=a"], None, as_json=True) == 0
    assert [trial["rows"] for trial in json.loads(capsys.readouterr().out)] == [2, 2]
    land("sales", [str(tmp_path / "export")])
    landed = sorted(path.relative_to(project.landing) for path in project.landing.rglob("*") if path.is_file())
    assert len(landed) == 4
    assert str(landed[0]) == "sales/region=a/day=2024-01-01/part-0.csv"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: there is no file in it"):
        source_check.check("sales", [tmp_path / "empty"], None, as_json=True)


def test_the_members_of_an_archive_are_described_and_tried(
    project: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "may.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("prices/a.csv", GOOD)
        archive.writestr("prices/b.csv", BAD)
        archive.writestr("notes.txt", "no")
    with pytest.raises(Undescribable, match=r"several kinds \(.*choose, as in 'may\.zip!/\*\*/\*\.csv'"):
        source_new.new("prices", [path], "sales")
    source_new.new("prices", [tmp_path / "may.zip!/**/a.csv"], "sales")
    yml = project.dbt_project / "models" / "prices.yml"
    assert 'files: "prices/*.zip!/**/a.csv"' in yml.read_text()
    assert "1 of 1 files would give a clean row for each record; 2 of 2 do" in capsys.readouterr().out

    yml.write_text(yml.read_text().replace("**/a.csv", "**/*.csv"))
    assert source_check.check("prices", [path], None, as_json=True) == 1
    tried = json.loads(capsys.readouterr().out)
    assert [(t["name"], t["status"], t["rows"]) for t in tried] == [
        (f"{path}!/prices/a.csv", "loaded", 2),
        (f"{path}!/prices/b.csv", "loaded", 1),
    ]
    (tmp_path / "cut.zip").write_bytes(path.read_bytes()[:-5])
    (tmp_path / "other.zip").write_bytes(path.read_bytes().replace(b".csv", b".xyz"))
    contract = source_check.contract_of(project, "prices")
    cut, other = source_check.try_files(project, contract, [tmp_path / "cut.zip", tmp_path / "other.zip"])
    assert (cut.status, "cannot be opened as a zip archive" in cut.reason) == ("refused", True)
    assert (other.status, "claims no member of it" in other.reason) == ("unseen", True)


def test_archives_in_folders_with_members_in_folders_have_columns_of_both(project: Settings, tmp_path: Path) -> None:
    for region in ("a", "b"):
        path = tmp_path / "export" / f"region={region}" / "may.zip"
        path.parent.mkdir(parents=True)
        with zipfile.ZipFile(path, "w") as archive:
            for day in (1, 2):
                archive.writestr(f"till/day=2024-01-0{day}/part-0.csv", "line,amount\n1,5\n2,5\n")
    assert source_new.new("sales", [tmp_path / "export"], "sales") == 0
    yml = (project.dbt_project / "models" / "sales.yml").read_text()
    assert 'files: "sales/region={region}/*.zip!/**/day={day}/*.csv"' in yml
    land("sales", [str(tmp_path / "export")])
    assert sorted(str(path.relative_to(project.landing)) for path in project.landing.rglob("*.zip")) == [
        "sales/region=a/may.zip",
        "sales/region=b/may.zip",
    ]


def test_what_cannot_be_begun_or_tried_is_told(project: Settings, tmp_path: Path) -> None:
    [good] = files(tmp_path, a=GOOD)
    source_new.new("prices", [good], "sales")
    with pytest.raises(SourceExists, match=r"there is a source 'prices' already, in models/prices\.yml"):
        source_new.new("prices", [good], "sales")
    for name in ("../x", "my source", ""):
        with pytest.raises(UserError, match="is not a name of a source"):
            source_new.new(name, [good], "sales")
    (tmp_path / "sub").mkdir()
    [twin] = files(tmp_path / "sub", a=BAD)
    with pytest.raises(UserError, match=r"2 of the files are called a\.csv"):
        source_new.new("others", [good, twin], "sales")
    with pytest.raises(UserError, match=r"gone\.csv: there is no such file"):
        source_new.new("others", [tmp_path / "gone.csv"], "sales")
    assert sorted(path.name for path in (project.dbt_project / "models").iterdir()) == ["prices.yml"]
    (tmp_path / "x.txt").write_text(GOOD)
    copies = files(tmp_path, b=BAD, c=BAD, d=GOOD)
    contract = source_check.contract_of(project, "prices")
    unseen, *tried = source_check.try_files(project, contract, [tmp_path / "x.txt", *copies])
    assert (unseen.status, unseen.is_good) == ("unseen", False)
    counts = [(trial.status, trial.records, len(trial.malformed + trial.quarantined), trial.is_good) for trial in tried]
    assert counts == [("loaded", 3, 2, False), ("duplicate", 0, 0, True), ("loaded", 2, 0, True)]
    with pytest.raises(TrialFailed, match=r"gone\.csv: there is no such file"):
        source_check.check("prices", [tmp_path / "gone.csv"], None, as_json=False)


def test_a_list_inside_records_is_made_a_table(
    project: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = '{"id": %d, "who": {"city": "Bern"}, "lines": [{"sku": "a"}, {"sku": "b"}]}\n'
    (tmp_path / "a.jsonl").write_text("".join(record % n for n in range(30)))
    assert source_new.new("orders", [tmp_path / "a.jsonl"], "sales") == 0
    assert "- assay source new orders_lines FILE… --each /lines --of orders" in capsys.readouterr().out
    with pytest.raises(UserError, match="--each says which list"):
        source_new.new("orders_lines", [tmp_path / "a.jsonl"], "sales", "", "orders")
    assert source_new.new("orders_lines", [tmp_path / "a.jsonl"], "sales", "/lines", "orders") == 0
    out = capsys.readouterr().out
    assert "60 of 60 do" in out
    assert "assay land orders FILE…" in out
    yml = (project.dbt_project / "models" / "orders_lines.yml").read_text()
    assert "primary_key, columns: [id, position]" in yml
    assert "shares_with: [orders]" in yml
