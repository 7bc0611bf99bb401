"""What of a document of ODCS is read, as pydantic models; other keys are the standard's or of other tools."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from assay.contract.yml import Expected, Yml

_OPEN = ConfigDict(extra="allow")
Text = str | None
_Version = Annotated[
    str,
    Field(pattern=r"^v3\.\d+\.\d+$"),
    Expected("{key} is {found}; expected a version 3 of the standard, such as v3.2.0"),
]


class CustomYml(Yml):
    """A property that the standard does not have."""

    model_config = _OPEN
    property: str
    value: Any = None
    vendor: Text = None


class QualityYml(Yml):
    """A check."""

    model_config = _OPEN
    called = ("", "name")
    name: Text = None
    type: Text = None
    metric: Text = None
    rule: Text = None
    query: Text = None
    severity: Text = None
    unit: Text = None
    description: Text = None
    arguments: dict[str, Any] | None = None
    customProperties: list[CustomYml] | None = None  # noqa: N815 - the standard's name, as all below


class EnumYml(Yml):
    """A value that a property may have."""

    model_config = _OPEN
    value: Any


class PropertyYml(Yml):
    """A column."""

    model_config = _OPEN
    called = ("property ", "name")
    name: str
    physicalName: Text = None  # noqa: N815
    description: Text = None
    logicalType: Text = None  # noqa: N815
    logicalTypeOptions: dict[str, Any] | None = None  # noqa: N815
    physicalType: Text = None  # noqa: N815
    primaryKey: bool | None = None  # noqa: N815
    primaryKeyPosition: int | None = None  # noqa: N815
    required: bool | None = None
    classification: Text = None
    enum: list[EnumYml] | None = None
    quality: list[QualityYml] | None = None
    customProperties: list[CustomYml] | None = None  # noqa: N815


class ObjectYml(Yml):
    """A table."""

    model_config = _OPEN
    called = ("", "name")
    name: str
    physicalName: Text = None  # noqa: N815
    description: Text = None
    properties: list[PropertyYml] | None = None
    quality: list[QualityYml] | None = None
    customProperties: list[CustomYml] | None = None  # noqa: N815


class SlaYml(Yml):
    """A promise about time."""

    model_config = _OPEN
    called = ("", "property")
    property: str
    value: Any
    unit: Text = None
    description: Text = None
    customProperties: list[CustomYml] | None = None  # noqa: N815


class MemberYml(Yml):
    """A person of a team."""

    model_config = _OPEN
    username: Text = None
    role: Text = None


class TeamYml(Yml):
    """Who answers for it."""

    model_config = _OPEN
    name: Text = None
    members: list[MemberYml] | None = None


class ServerYml(Yml):
    """Where the data is."""

    model_config = _OPEN
    called = ("", "server")
    server: Text = None
    type: Text = None
    format: Text = None
    delimiter: Text = None
    encoding: Text = None


class DescriptionYml(Yml):
    """What the data is for."""

    model_config = _OPEN
    purpose: Text = None


class DocumentYml(Yml):
    """A document of ODCS 3."""

    model_config = _OPEN
    kind_: Annotated[
        str, Field(alias="kind", pattern="^DataContract$"), Expected("{key} is {found}; expected DataContract")
    ]
    apiVersion: _Version  # noqa: N815
    id: str
    version: str
    name: Text = None
    status: Text = None
    description: DescriptionYml | None = None
    schema_: list[ObjectYml] | None = Field(default=None, alias="schema")
    team: TeamYml | list[MemberYml] | None = None
    slaProperties: list[SlaYml] | None = None  # noqa: N815
    servers: list[ServerYml] | None = None
    customProperties: list[CustomYml] | None = None  # noqa: N815
