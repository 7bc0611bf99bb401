"""Which paths a glob claims, and whether two globs can claim one: held against the file system and `fnmatch`."""

from __future__ import annotations

import re
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from assay.contract.contract import Contract
from assay.contract.errors import ContractError
from assay.contract.file_glob import disk_and_members, file_glob
from assay.contract.glob_overlap import shared_path
from assay.contract.parse import parse_contract
from assay.contract.sharing import check_sharing
from assay.ledger.folded_files import find
from tests.source import bronze_node, catalog

NAMES = st.sampled_from(
    ["a", "b", "A", "ab", "_a", ".a", "a.csv", "b.csv", "A.CSV", "c.tmp", "b.part", "é", "]", "[", "a\nb"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PLACES = ["?", "*", "[ab]", "[!a]", "[a-z]", "[]]", "[", "[!]a-c]", "[z-a]", "[!-]", "[.-]", "-"]


@st.composite
def globs_like(draw: st.DrawFn, path: str) -> str:
    """A glob with a folder that is like a path: most characters stay, so that many globs claim it."""
    parts = []
    for name in path.split("/"):
        places = [draw(st.sampled_from([character, character, "?", "*", *PLACES])) for character in name]
        parts += draw(st.sampled_from([[], [], [], ["**"], ["*"]]))
        parts.append(re.sub(r"\*+", "*", draw(st.sampled_from(["".join(places), "*", name]))))
    pattern = "/".join(parts if len(parts) > 1 else ["**", *parts])
    assume(not {".", ".."} & set(pattern.split("/")) and "//" not in pattern)
    return pattern


GLOBS = PATHS.flatmap(globs_like)
PAIRS = PATHS.flatmap(lambda path: st.tuples(globs_like(path), globs_like(path), st.just(path)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(PATHS.flatmap(lambda path: st.tuples(globs_like(path), st.just(path))), st.lists(PATHS, max_size=6))
def test_the_decision_on_names_is_what_a_run_finds_on_disk(case: tuple[str, str], paths: list[str]) -> None:
    pattern, like = case
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder)
        for path in (like, *paths):
            if not any(parent.is_file() for parent in (landing / path).parents) and not (landing / path).exists():
                (landing / path).parent.mkdir(parents=True, exist_ok=True)
                (landing / path).touch()
        files = [p.relative_to(landing).as_posix() for p in landing.rglob("*") if p.is_file()]
        claimed = {arrival.name for arrival in find(landing, pattern) if not arrival.problem}
        assert claimed == {path for path in files if file_glob(pattern).claims(path)}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(PAIRS)
def test_an_example_of_an_overlap_is_claimed_by_both(pair: tuple[str, str, str]) -> None:
    one, other, _ = pair
    path = shared_path(one, other)
    if path is not None:
        assert file_glob(one).claims(path)
        assert file_glob(other).claims(path)
    assert (path is None) == (shared_path(other, one) is None)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(PAIRS)
def test_a_path_that_both_claim_is_never_missed(pair: tuple[str, str, str]) -> None:
    one, other, path = pair
    if file_glob(one).claims(path) and file_glob(other).claims(path):
        assert shared_path(one, other) is not None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(PATHS, GLOBS)
def test_a_path_is_claimed_as_fnmatch_says_of_each_of_its_names(path: str, pattern: str) -> None:
    assume("**" not in pattern)
    names, parts = path.split("/"), pattern.split("/")
    is_match = len(names) == len(parts) and all(map(fnmatchcase, names, parts))
    is_left_alone = any(name[0] in "._" for name in names) or names[-1].endswith((".tmp", ".part", ".crdownload"))
    assert file_glob(pattern).claims(path) == (is_match and not is_left_alone)


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ("in/*.csv", "in/a*", "in/a.csv"),
        ("in/**/*.csv", "in/deep/*", "in/deep/x.csv"),
        ("**/*.csv", "*/stock_[0-9].csv", "x/stock_1.csv"),
        ("in/x*y", "in/*z*", "in/xzy"),
        ("**/a/**/b", "x/**/a/*/b", "x/a/x/b"),
        ("in/[a-m]?.csv", "in/[m-z]1.csv", "in/m1.csv"),
    ],
)
def test_globs_that_overlap_have_an_example(one: str, other: str, path: str) -> None:
    assert shared_path(one, other) == path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("in/*.csv", "in/*.CSV"),
        ("in/*.csv", "in/*.csv.gz"),
        ("in/*.csv", "in/*/*.csv"),
        ("in/[a-m]*", "in/[!a-m]*"),
        ("in/*", "in/_*"),
        ("in/*", "in/*.tmp"),
        ("in/??", "in/???*"),
        ("a/**/x.csv", "b/**/x.csv"),
    ],
)
def test_globs_that_claim_no_file_together_have_none(one: str, other: str) -> None:
    assert shared_path(one, other) is None


def test_globs_with_many_wildcards_are_decided_at_once() -> None:
    one, other = "in/" + "*a" * 10 + "*.csv", "in/" + "*b" * 10 + "*.csv"
    path = shared_path(one, other)
    assert path is not None
    assert shared_path(one, other.replace(".csv", ".json")) is None


def contracts(*files: str, **more: Any) -> dict[str, Contract]:
    nodes = [bronze_node(f"s{n}", {"id": "bigint"}, ["id"], files=glob) for n, glob in enumerate(files)]
    nodes[0]["config"]["meta"]["contract"] |= more
    return {contract.source: contract for contract in map(parse_contract, nodes)}


def check(*files: str, **more: Any) -> None:
    by_source = contracts(*files, **more)
    check_sharing(by_source, {f"bronze_{source}": f"models/{source}.yml" for source in by_source})


def refusal(*files: str, **more: Any) -> str:
    with pytest.raises(ContractError) as error:
        check(*files, **more)
    return str(error.value)


def test_two_sources_that_claim_one_path_are_refused_with_both_files_and_the_path() -> None:
    message = refusal("in/*.csv", "other/*.csv", "in/a*")
    assert message.startswith("models/s0.yml and models/s2.yml: files: 'in/*.csv' and 'in/a*' both claim 'in/a.csv'")
    assert "`shares_with: [s2]`" in message


def test_one_word_in_one_of_the_two_lets_both_load_a_file() -> None:
    check("in/*.csv", "in/a*", shares_with=["s1"])
    assert "models/s1.yml and models/s2.yml" in refusal("in/*.csv", "in/a*", "in/ab*", shares_with=["s1", "s2"])


@pytest.mark.parametrize("named", ["nosuch", "s0"])
def test_sharing_names_another_source(named: str) -> None:
    assert f"shares_with: {named!r} is not another source; there are s1" in refusal("a/*", "b/*", shares_with=[named])


@pytest.mark.parametrize("declared", ["s1", [1], {"s1": True}])
def test_sharing_is_a_list(declared: object) -> None:
    with pytest.raises(ContractError, match=r"shares_with: .* is not a list of sources"):
        contracts("a/*", "b/*", shares_with=declared)


@pytest.mark.parametrize("pattern", ["in/*.tmp", "in/[._]*", "[_]in/*.csv", "in/x.part"])
def test_a_glob_that_can_claim_no_file_is_refused(pattern: str) -> None:
    assert refusal(pattern).startswith(f"models/s0.yml: files: {pattern!r} can claim no file")


def test_a_project_whose_sources_overlap_stops_when_it_is_read(tmp_path: Path) -> None:
    nodes = [
        bronze_node(f"s{n}", {"id": "bigint"}, ["id"], files=files) for n, files in enumerate(["in/*", "in/*.csv"])
    ]
    for node in nodes:
        (tmp_path / f"{node['name']}.yml").write_text("models: []")
        node |= {"patch_path": f"assay://{node['name']}.yml", "depends_on": {"nodes": []}}
    with pytest.raises(ContractError, match="both claim"):
        catalog(*nodes).check(tmp_path)


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        ("in/*.zip!/*.csv", ("in/*.zip", "*.csv")),
        ("in/**/*.zip!/x/**/*.csv", ("in/**/*.zip", "x/**/*.csv")),
        ("in/[!a]*/x.csv", ("in/[!a]*/x.csv", "")),
        ("in/*.csv", ("in/*.csv", "")),
    ],
)
def test_a_glob_of_members_is_one_of_archives_and_one_within_each(files: str, parts: tuple[str, str]) -> None:
    assert disk_and_members(files) == parts


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ("in/*.zip!/a*.csv", "in/*.zip!/b*.csv", None),
        ("in/*.zip!/a*.csv", "in/*.zip!/*.csv", "in/x.zip!/a.csv"),
        ("in/a*.zip!/*.csv", "in/b*.zip!/*.csv", None),
        ("in/*.zip!/*.csv", "in/**/*.csv", None),
        ("in/*.zip!/*.csv", "in/**/*", "in/x.zip"),
        ("in/*.zip!/*.csv", "in/*.zip", "in/x.zip"),
        ("**/*.zip!/*.csv", "in/a.zip!/**/*.csv", "in/a.zip!/x.csv"),
    ],
)
def test_globs_of_members_share_an_archive_and_a_member_or_the_archive_itself(
    one: str, other: str, path: str | None
) -> None:
    shared = shared_path(one, other)
    assert (shared) == path
    assert (shared_path(other, one) is None) == (path is None)
