"""What the command does before anything slow is imported."""

import subprocess
import sys

import pytest

from assay.cli.start import _command

WITHOUT = """
from assay.base.left_out import leave_out_pandas
leave_out_pandas()
import sys, duckdb, pyarrow
assert duckdb.execute("select ?, ?", ["a", [1]]).fetchall() == [("a", [1])]
assert duckdb.from_arrow(pyarrow.table({"a": [1, None]})).fetchall() == [(1,), (None,)]
print("pandas" in sys.modules)
"""
IN_AGAIN = """
from assay.base.left_out import leave_out_pandas, let_in_pandas
leave_out_pandas()
try:
    import pandas
except ModuleNotFoundError as error:
    print(error)
let_in_pandas()
import pandas
print(pandas.DataFrame({"a": [1]}).shape)
"""


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["status"], "status"),
        (["--project", "files", "--home=slo", "run"], "run"),
        (["--home", "status", "query", "select 1"], "query"),
        (["--version"], ""),
        ([], ""),
    ],
)
def test_the_command_is_told_from_options(arguments: list[str], command: str) -> None:
    assert _command(arguments) == command


def test_duckdb_and_pyarrow_do_without_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_code_of_a_project_gets_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", IN_AGAIN], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "pandas is left out of this process\n(1, 1)\n"), done.stderr
