"""Names of tables, each cut and joined in one place, and how names are quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.contract.errors import ContractError

_MANY = 20
_LONG = 100
LAYERS = ("bronze", "silver", "gold", "quarantine")


def quoted(name: str) -> str:
    """A name as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def may_be_column(name: str) -> bool:
    """Whether a column can be called so; a member of JSON may have any name."""
    return bool(name.strip()) and "\0" not in name


def literal(text: str) -> str:
    """A text as SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, order=True)
class TableName:
    """The name of a table of the lake, in each of the spellings that it has.

    A layer holds no dot, slash or underscore, so the first one of these ends it; an entity may hold any of them.

    Attributes:
        layer: One of `LAYERS`.
        entity: What the table is about; of bronze and quarantine the source.
    """

    layer: str
    entity: str

    @classmethod
    def of_model(cls, model: str) -> TableName:
        """The table of a dbt model.

        Args:
            model: e.g. `silver_products`.

        Raises:
            ContractError: The model's name does not start with a layer.
        """
        return cls._cut(model, "_", f"model {model!r} is not called <layer>_<entity>")

    @classmethod
    def parse(cls, table: str) -> TableName:
        """The table of a name with a dot.

        Args:
            table: e.g. `silver.products`.

        Raises:
            ContractError: The name does not start with a layer.
        """
        return cls._cut(table, ".", f"table {table!r} is not called <layer>.<entity>")

    @classmethod
    def of_source(cls, source: str) -> TableName:
        """The bronze table of a source, e.g. of `products`."""
        return cls("bronze", source)

    @classmethod
    def of_subject(cls, name: str) -> TableName:
        """The table that somebody means by a table's name, with a dot or a slash, or by the name of a source.

        Args:
            name: e.g. `gold.daily_sales`, `gold/daily_sales` or `products`, which means `bronze.products`.
        """
        for separator in "./":
            layer, _, entity = name.partition(separator)
            if layer in LAYERS and entity:
                return cls(layer, entity)
        return cls.of_source(name)

    @classmethod
    def _cut(cls, name: str, separator: str, problem: str) -> TableName:
        layer, _, entity = name.partition(separator)
        if layer not in LAYERS or not entity:
            raise ContractError(f"{problem}; layers are {', '.join(LAYERS)}")
        return cls(layer, entity)

    def __str__(self) -> str:
        """As `table`."""
        return self.table

    @property
    def model(self) -> str:
        """The dbt model and its file stem: `silver_products`."""
        return f"{self.layer}_{self.entity}"

    @property
    def table(self) -> str:
        """The table as people and the tables of `ops` name it: `silver.products`."""
        return f"{self.layer}.{self.entity}"

    @property
    def asset_path(self) -> str:
        """The asset key as Dagster writes it: `silver/products`."""
        return f"{self.layer}/{self.entity}"

    @property
    def sql(self) -> str:
        """The relation in SQL: `"silver"."products"`."""
        return f"{quoted(self.layer)}.{quoted(self.entity)}"

    @property
    def changes_sql(self) -> str:
        """The relation with the changes of a keyed table: `changes."silver_products"`."""
        return f"changes.{quoted(self.model)}"

    @property
    def touched_sql(self) -> str:
        """The relation with the keys of a keyed table that were written and not yet checked: `touched."gold_days"`."""
        return f"touched.{quoted(self.model)}"

    @property
    def superseded_sql(self) -> str:
        """The relation with the keys of changes that a silver table leaves out: `superseded."silver_orders"`."""
        return f"superseded.{quoted(self.model)}"

    @property
    def subject(self) -> str:
        """What runs are asked for by this name: a source for its bronze table, any other table for itself."""
        return self.entity if self.is_bronze else self.table

    @property
    def is_bronze(self) -> bool:
        """Whether it is the table of a source."""
        return self.layer == "bronze"

    def in_layer(self, layer: str) -> TableName:
        """The table of the same entity in another layer."""
        return TableName(layer, self.entity)


def history_model(source: str) -> str:
    """The silver model with each version of the rows of a source of changes: `silver_orders_history`."""
    return TableName("silver", f"{source}_history").model


def layer_of(model: str) -> str:
    """`silver_products` → `silver`; of a model called otherwise, what stands before the first underscore."""
    return model.partition("_")[0]


def table_of(model: str) -> str:
    """`silver_transactions` (the dbt model) → `silver.transactions` (the table).

    Raises:
        ContractError: The model's name does not start with a layer.
    """
    return TableName.of_model(model).table


def model_of(table: str) -> str:
    """`silver.transactions` (the table) → `silver_transactions` (the dbt model).

    Raises:
        ContractError: The table's name does not start with a layer.
    """
    return TableName.parse(table).model


def relation(table: str) -> str:
    """`silver.transactions` → `"silver"."transactions"`.

    Raises:
        ContractError: The table's name does not start with a layer.
    """
    return TableName.parse(table).sql


def listed(names: Sequence[str]) -> str:
    """Names as a message shows them: few, and none at full length where a file may have named it."""
    shown = [name if len(name) <= _LONG else f"{name[:_LONG]}… ({len(name):,} characters)" for name in names[:_MANY]]
    more = [f"and {len(names) - _MANY:,} more"] if len(names) > _MANY else []
    return ", ".join([*shown, *more])
