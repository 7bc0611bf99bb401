"""Holds what a contract says of its files against its columns."""

from __future__ import annotations

from assay.contract.contract import Contract
from assay.contract.errors import ContractError
from assay.contract.format import BLANKS
from assay.contract.header_names import check_names


def check_format(contract: Contract) -> None:
    """Refuse a format that cannot be that of a file with such columns.

    Raises:
        ContractError: It is one; says what goes with what.
    """
    _check_optional(contract)
    check_names(contract)
    _check_framed(contract)
    _check_widths(contract)
    _check_locale(contract)


def _check_framed(contract: Contract) -> None:
    """Lines that are no records leave blank ones, which are no records where there are two columns or more.

    Raises:
        ContractError: There is one column, or a header is said to have no lines.
    """
    form = contract.format
    if form.type == "csv" and form.is_framed and len(contract.of_records.columns) == 1 and not form.widths:
        raise ContractError("format: preamble, footer, comment, repeated_header and a header of lines need two columns")
    if form.delimiter == BLANKS and len(contract.of_records.columns) == 1:
        raise ContractError("format: delimiter: blanks part the fields of two columns or more")
    if form.range and len(contract.of_records.columns) == 1 and not form.header:
        raise ContractError("format: range: rows above the cells would be records of one column; it needs a header")
    spelled = [column.name for column in contract.columns if column.type.spelling.thousands == "."]
    if spelled and ((form.type == "jsonl" and form.elements is None) or form.sheet is not None):
        raise ContractError(
            f"column {spelled[0]}: thousands: numbers of JSON and of spreadsheets have a point before their fraction, "
            "which cannot be the mark of thousands in texts beside them"
        )
    if form.header_lines < 0 or (isinstance(form.preamble, int) and form.preamble < 0):
        raise ContractError("format: header and preamble are numbers of lines, 0 or more")
    if form.repeated_header and form.header_lines != 1:
        raise ContractError("format: repeated_header goes with a header of one line")


def _check_locale(contract: Contract) -> None:
    """Refuse a language that no date is written in.

    Raises:
        ContractError: No column has such dates.
    """
    locale = contract.format.locale
    if locale and not any(column.type.spelling.locale == locale for column in contract.columns):
        raise ContractError(f"format: locale: no date is written with the name of a month, %b or %B, in {locale}")


def _check_widths(contract: Contract) -> None:
    """Where columns have their places, there is one for each.

    Raises:
        ContractError: There are more or fewer.
    """
    form, of_records = contract.format, contract.of_records
    places = sum(width > 0 for width in form.widths)
    needed = len(of_records.columns) - len(of_records.optional)
    if form.widths and (places < needed if form.header else places != needed):
        raise ContractError(f"format: widths: there are {places:,} of columns, and the contract has {needed:,} columns")


def _check_optional(contract: Contract) -> None:
    """An optional column is no part of the key, has values that may be NULL, and is known by its name.

    Raises:
        ContractError: It is not so.
    """
    for name in contract.optional:
        if name in {column.name for column in contract.path_columns}:
            raise ContractError(f"column {name}: is optional, but each file has a path; leave `optional` out")
        is_required = f"{name}_not_null" in {rule.name for rule in contract.rules if rule.column == name}
        if (name in contract.key and is_required) or name == contract.newest_by:
            raise ContractError(
                f"column {name}: is optional, so it can be neither in newest_by nor in the key (but for `nullable_key`)"
            )
        if is_required:
            raise ContractError(f"column {name}: is optional, so it cannot be not_null; files without it give NULL")
        if contract.format.type == "csv" and not contract.format.header:
            raise ContractError(f"column {name}: is optional, but files without a header cannot leave a column out")
