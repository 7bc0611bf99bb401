"""A record of a source with personal columns shows what its contract says is about nobody, and nothing else."""

from __future__ import annotations

import pytest

from assay.trust.quarantine import _shown_record

KNOWN = {"amount", "note"}


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ('{"name":"Ann","amount":1.10,"note":null}', '{"name":"masked","amount":1.10,"note":null}'),
        ('{"amount":9007199254740993.5,"rescued":{"mail":"a@b"}}', '{"amount":9007199254740993.5,"rescued":"masked"}'),
        ('{"name":null,"note":"a, \\"b\\": {c}"}', '{"name":null,"note":"a, \\"b\\": {c}"}'),
        ("{}", "{}"),
        ("no json", "masked"),
        ('{"amount":', "masked"),
    ],
    ids=["plain", "rescued", "quoted", "empty", "text", "cut"],
)
def test_values_that_nobody_is_shown_are_masked_and_others_are_as_written(record: str, shown: str) -> None:
    assert _shown_record("quarantined", record, KNOWN.__contains__, is_masked=True) == shown


def test_a_malformed_record_may_hold_anything_and_is_masked_whole() -> None:
    assert _shown_record("malformed", "1,Ann,2", KNOWN.__contains__, is_masked=True) == "masked"
    assert _shown_record("malformed", "1,Ann,2", KNOWN.__contains__, is_masked=False) == "1,Ann,2"
