"""`assay retry`: close the breaker of a source or table by hand."""

from __future__ import annotations

from assay.cli.console import out
from assay.cli.running import prepare
from assay.contract.catalog import Catalog
from assay.contract.declared_feeds import feeds_of
from assay.contract.errors import ContractError
from assay.contract.names import TableName
from assay.fetching.supervision import ask_again
from assay.orchestration.instance import open_instance


def retry(name: str) -> None:
    """Forget the failures of a source or table, so that the services try it at their next look.

    Args:
        name: e.g. `transactions` or `gold.daily_sales`.

    Raises:
        ContractError: There is no such source or table.
    """
    from assay.orchestration.run_history import reset_breaker, subjects_of  # noqa: PLC0415 - imports Dagster

    settings = prepare()
    catalog = Catalog.read(settings.dbt_project)
    subjects = subjects_of(catalog)
    subject = TableName.of_subject(name).subject
    if subject not in subjects:
        raise ContractError(f"there is no source or table {name!r}; there are {', '.join(subjects)}")
    with open_instance(settings) as instance:
        failures = reset_breaker(settings, instance, subject)
    is_fed = subject in feeds_of(catalog.models)
    if is_fed:
        ask_again(settings, subject)
        out.print(f"{subject}: the services start its feed at once, where they have left it alone")
    if failures:
        phrase = "one failed run is" if failures == 1 else f"{failures} failed runs are"
        out.print(f"{subject}: {phrase} forgotten; the services try it at their next look, `assay run` tries it now")
    elif not is_fed:
        out.print(f"{subject}: nothing to forget, its last run did not fail")
