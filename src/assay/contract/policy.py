"""What every table has to say: who answers for it, what it is, its key, and how old its data may be, or why not.

```yaml
reasons: {freshness: Comes when a campaign starts.} # below `meta:`
reasons: {key: A reading has no number of its own.} # beside `key: none`
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.contract.parse import naming_yml, place_of, yml_of

_LAYERS = ("bronze", "silver", "gold")
_GENERATED = "build/"
"""Where ymls lie that are made of a contract, which has their gaps already."""


@dataclass(frozen=True)
class Gap:
    """Something that a yml does not say.

    Attributes:
        table: e.g. `gold.daily_sales`.
        column: Whose description it is; empty for the table.
        missing: `owner`, `description`, `key`, `freshness`, or `reason` for one that gives the reason of nothing.
        where: The yml.
        do: What to write.
    """

    table: str
    column: str
    missing: str
    where: str
    do: str


def gaps(catalog: Catalog) -> list[Gap]:
    """What is not said of bronze, silver and gold tables, in order of their names.

    A silver or gold table that states no freshness is rebuilt by the run that loads a file, which is the strictest
    policy, so only a source can be without one. A silver table without a key has the reason of its source.

    Raises:
        ContractError: `reasons` is not understood; names the yml.
    """
    models = [model for model in catalog.of_layer(*_LAYERS) if not yml_of(catalog.models[model]).startswith(_GENERATED)]
    return [gap for model in models for gap in _gaps(catalog, model)]


def _gaps(catalog: Catalog, model: str) -> Iterator[Gap]:
    node, table = catalog.models[model], TableName.of_model(model)
    meta = (node.get("config") or {}).get("meta") or {}
    reasons = _reasons(catalog, model)

    def gap(missing: str, do: str, column: str = "") -> Gap:
        return Gap(table.table, column, missing, place_of(node), do)

    if not table.is_bronze and not str(meta.get("owner") or "").strip():
        yield gap("owner", "name the team: config: {meta: {owner: …}}")
    if not str(node.get("description") or "").strip():
        yield gap("description", "say what a row is: description: One row per …")
    is_keyed = bool(catalog.contracts[table.entity].key if table.is_bronze else catalog.promises[model].key)
    if not is_keyed and "key" not in reasons:
        yield gap("key", "name the columns that tell rows apart, or say why there are none: meta: {reasons: {key: …}}")
    has_slo = not table.is_bronze or model in catalog.policies
    if not has_slo and "freshness" not in reasons:
        yield gap("freshness", "say when it has to send, or why nobody can: meta: {reasons: {freshness: …}}")
    for name, is_there in (("key", is_keyed), ("freshness", table.is_bronze and has_slo)):
        if is_there and name in reasons:
            yield gap("reason", f"remove the reason for {name}, which is there")
    for column in node["columns"].values():
        if not str(column.get("description") or "").strip():
            yield gap("description", "say what its values mean: description: …", str(column["name"]))


def _reasons(catalog: Catalog, model: str) -> Mapping[str, str]:
    """The reasons of a table, and of a silver table that takes in a source the one for its key."""
    own = _written(catalog, model)
    table = TableName.of_model(model)
    if table.layer != "silver" or "key" in own or catalog.promises[model].key:
        return own
    sources = [source for source in catalog.contracts if catalog.silver_of(source) == model]
    inherited = _written(catalog, TableName.of_source(sources[0]).model) if sources else {}
    return {**own, **{name: text for name, text in inherited.items() if name == "key"}}


def _written(catalog: Catalog, model: str) -> Mapping[str, str]:
    from assay.contract.yml_checks import ReasonsYml  # noqa: PLC0415 - see assay.contract.yml

    node = catalog.models[model]
    with naming_yml(node):
        declared = ((node.get("config") or {}).get("meta") or {}).get("reasons")
        reasons = ReasonsYml() if declared is None else ReasonsYml.read(declared, "reasons")
        return {name: text for name, text in dict(reasons).items() if text}
