"""The keys of a whole yml beside a model.

Values below `config` may be Jinja, which dbt renders: they are held against their models in dbt's manifest, not here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, SkipValidation, WithJsonSchema, model_validator

from assay.contract.feed_kinds.yml_kinds import AnyFeedYml
from assay.contract.types import ALIASES, KINDS
from assay.contract.yml import Name, Names, Yml
from assay.contract.yml_checks import FreshnessYml, LoadChecksYml, ReasonsYml, RedoYml, TableChecksYml
from assay.contract.yml_column import ColumnMetaYml
from assay.contract.yml_contract import ContractYml, FetchedContractYml
from assay.contract.yml_feed import FedContractYml

_OPEN = ConfigDict(extra="allow")
_OTHER_TYPES = {"type": "string", "pattern": r"[A-Z\s(\[]"}  # decimals, other spellings, and lists in quarantine
_TYPES = WithJsonSchema({"anyOf": [{"enum": [*KINDS, *ALIASES, "decimal(12,2)"]}, _OTHER_TYPES]})
_Text = Annotated[Any, WithJsonSchema({"type": "string"})]
_CONSTRAINTS = ("primary_key", "not_null", "check", "unique", "foreign_key", "custom")
"""Types that dbt knows; that three of them are meant is said where the table is known."""
_DBT = Field(default=None, description="dbt's own.")


def _check_config(config: object) -> None:
    """Refuse a config that does not hold keys; their values may be Jinja, which only the manifest shows rendered."""
    meta = config.get("meta", {}) if isinstance(config, Mapping) else {}
    for place, value in (("config", config), ("config: meta", meta)):
        if value is not None and not isinstance(value, Mapping):
            raise ValueError(f"{place}: expected keys with values, found {value!r}")


class ConstraintYml(Yml):
    """What every row holds, or the table's key."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["type"],
            "if": {"properties": {"type": {"const": "check"}}},
            "then": {"required": ["name", "expression"]},
        }
    )
    type: Annotated[Any, WithJsonSchema({"enum": ["primary_key", "not_null", "check"]})] = Field(
        default=None, description="`primary_key` with `columns`, of the model; `not_null`; `check` with an expression."
    )
    name: _Text = Field(default=None, description="Of a check; `_violations` lists it.")
    expression: _Text = Field(default=None, description="SQL over the columns; NULL passes.")
    columns: SkipValidation[Names] = Field(default=(), description="Of the primary key.")
    warn_unsupported: Any = _DBT
    warn_unenforced: Any = _DBT
    to: Any = _DBT
    to_columns: Any = _DBT

    @model_validator(mode="after")
    def _is_one_that_dbt_takes(self) -> Self:
        if self.type not in _CONSTRAINTS:
            raise ValueError(f"type: {self.type!r} is not one of primary_key, not_null, check")
        if isinstance(self.columns, str):
            raise ValueError(f"columns is a list of names, not {self.columns!r}")
        return self


class ColumnConfigYml(Yml):
    """What dbt and Assay read of a column's `config`."""

    model_config = _OPEN
    meta: ColumnMetaYml | None = Field(default=None, description="What is said of a column beyond dbt's keys.")


class ColumnYml(Yml):
    """A column."""

    called = ("column ", "name")
    hints: ClassVar[Mapping[str, str]] = {
        "optional": "write `config: {meta: {optional: true}}`",
        "from": "write `config: {meta: {from: …}}`",
        "meta": "write `config: {meta: …}`",
        "tests": "write `data_tests`",
    }

    name: Name = Field(description="As files write it.")
    description: _Text = Field(default=None, description="What it means.")
    data_type: Annotated[Any, _TYPES] = Field(default=None, description="What its values are held in.")
    constraints: list[ConstraintYml] | None = Field(default=None, description="Rules of this column.")
    data_tests: list[Any] | None = _DBT
    config: SkipValidation[ColumnConfigYml | None] = Field(default=None, description="With `meta`.")
    quote: Any = _DBT
    meta: Any = _DBT
    tags: Any = _DBT

    @model_validator(mode="after")
    def _type_and_config_are_of_their_kind(self) -> Self:
        if self.data_type is not None and not isinstance(self.data_type, str):
            raise ValueError(f"data_type is a text, not {self.data_type!r}")
        _check_config(self.config)
        return self


class MetaYml(Yml):
    """What Assay reads of a model's `meta`; other keys are for others."""

    model_config = _OPEN
    owner: str | None = Field(default=None, description="The team that answers for the table.")
    contract: ContractYml | FedContractYml | FetchedContractYml | None = Field(
        default=None, description="Of a bronze model: what the source promises."
    )
    feed: AnyFeedYml | None = Field(default=None, description="Of a bronze model: from where its files are fetched.")
    checks: LoadChecksYml | TableChecksYml | None = Field(default=None, description="Checks beyond the constraints.")
    freshness: FreshnessYml | None = Field(
        default=None, description="How old data may be, or when a source has to send."
    )
    version: str | None = Field(
        default=None,
        description="Of a silver or gold table: its semantic version; a breaking change is a major one. A silver table "
        "of one source has that of its contract where it says none.",
        json_schema_extra={"pattern": r"^\d+\.\d+\.\d+$"},
    )
    key: Name | None = Field(
        default=None, description="Of a silver or gold table: `none` where no columns are unique together."
    )
    reasons: ReasonsYml | None = Field(default=None, description="Why it has no key, or no freshness SLO.")
    redo: RedoYml | None = Field(default=None, description="By which key a silver or gold table is rebuilt.")
    strict: bool = Field(
        default=False, description="Of a silver or gold table: whether it is never built from nothing unasked."
    )
    parts_by: Name | None = Field(
        default=None, description="The date, timestamp or whole number by which a large table is cut for readers."
    )


class ConfigYml(Yml):
    """What dbt and Assay read of a model's `config`."""

    model_config = _OPEN
    meta: MetaYml | None = Field(default=None, description="What is said of a table beyond dbt's keys.")


class ModelYml(Yml):
    """A model, which is a table."""

    called = ("", "name")
    hints = ColumnYml.hints

    name: Name = Field(
        description="`<layer>_<entity>`, as the file's.",
        json_schema_extra={"pattern": "^(bronze|silver|gold|quarantine)_."},
    )
    description: _Text = Field(default=None, description="The grain first: one row per …")
    config: SkipValidation[ConfigYml | None] = Field(default=None, description="With `meta`, and dbt's own keys.")
    constraints: list[ConstraintYml] | None = Field(
        default=None, description="The primary key, and checks over several columns."
    )
    columns: list[ColumnYml] | None = Field(default=None, description="All columns, in order.")
    data_tests: list[Any] | None = _DBT
    docs: Any = _DBT
    latest_version: Any = _DBT
    group: Any = _DBT

    @model_validator(mode="after")
    def _config_holds_keys(self) -> Self:
        _check_config(self.config)
        return self

    @model_validator(mode="after")
    def _no_column_twice(self) -> Self:
        for name, times in Counter(column.name.lower() for column in self.columns or ()).items():
            if times > 1:
                raise ValueError(f"column {name} stands there {times} times; keep one")
        return self


class PropertiesYml(Yml):
    """A yml beside a model."""

    hints: ClassVar[Mapping[str, str]] = {"model": "write `models:`"}

    models: list[ModelYml] | None = Field(default=None, description="The model.")
    version: Any = _DBT
    sources: Any = _DBT
    seeds: Any = _DBT
    snapshots: Any = _DBT
    analyses: Any = _DBT
    macros: Any = _DBT
    exposures: Any = _DBT
    metrics: Any = _DBT
    semantic_models: Any = _DBT
    saved_queries: Any = _DBT
    groups: Any = _DBT
    data_tests: Any = _DBT
    tests: Any = _DBT
    unit_tests: Any = _DBT
    functions: Any = _DBT
    anchors: Any = _DBT
