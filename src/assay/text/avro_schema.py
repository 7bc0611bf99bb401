"""What reads the values of an Avro schema, and what the schema says of its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.text.avro_values import (
    DOUBLE,
    FLOAT,
    Read,
    array,
    boolean,
    enum,
    fixed,
    floating,
    logical,
    mapping,
    named,
    null,
    record,
    text,
    union,
    whole,
)
from assay.text.stream import Unreadable

_PRIMITIVE: Mapping[str, Read] = {
    "null": null,
    "boolean": boolean,
    "int": whole,
    "long": whole,
    "float": floating(FLOAT),
    "double": floating(DOUBLE),
    "bytes": text,
    "string": text,
}
_RECORDS = ("record", "error")
_OBJECTS = (*_RECORDS, "map")
_BUILT_IN = {*_PRIMITIVE, *_OBJECTS, "array", "enum", "fixed"}


class TopLevel(NamedTuple):
    """What a schema says of a record.

    Attributes:
        read: Reads one.
        names: Its fields; None where records are of several kinds.
    """

    read: Read
    names: tuple[str, ...] | None


def top_level(schema: Any) -> TopLevel:
    """What reads the records of a container.

    Raises:
        Unreadable: The schema is none, or its values are no records.
    """
    try:
        kinds = _Kinds()
        read = kinds.of(schema, "")
        branches = schema if isinstance(schema, list) else [schema]
        if not branches or {kinds.kind(branch, "") for branch in branches} - set(_RECORDS):
            raise Unreadable("the schema of the Avro file is not one of records")
        names = _names(branches[0]) if len(branches) == 1 else None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unreadable(f"the schema of the Avro file is not one: {error!r}") from error
    return TopLevel(read, names)


def _names(schema: Any) -> tuple[str, ...]:
    """The fields of a record, which may stand within `{"type": …}`."""
    while isinstance(schema["type"], dict):
        schema = schema["type"]
    return tuple(str(field["name"]) for field in schema["fields"])


class _Kinds:
    """Makes what reads a schema of what reads its parts; knows those that have a name."""

    def __init__(self) -> None:
        self._reads: dict[str, Read] = {}
        self._kinds: dict[str, str] = {}
        self._empty: set[str] = set()

    def of(self, schema: Any, space: str) -> Read:
        """What reads a value.

        Args:
            schema: Of the value.
            space: The namespace in which names without one are.
        """
        if isinstance(schema, list):
            return self._union(schema, space)
        if isinstance(schema, str):
            return _PRIMITIVE[schema] if schema in _PRIMITIVE else self._reference(self._known(schema, space))
        kind = schema["type"]
        if not isinstance(kind, str):
            return self.of(kind, space)
        if kind in ("array", "map"):
            return self._many(kind, schema, space)
        if kind in (*_RECORDS, "enum", "fixed"):
            return self._named(kind, schema, space)
        return logical(kind, schema) or self.of(kind, space)

    def kind(self, schema: Any, space: str) -> str:
        """The type of a value, `record` of one that is called by its name."""
        if isinstance(schema, list):
            return "union"
        if isinstance(schema, dict):
            return self.kind(schema["type"], space)
        return schema if schema in _BUILT_IN else self._kinds[self._known(schema, space)]

    def _union(self, schema: list[Any], space: str) -> Read:
        reads = [self.of(branch, space) for branch in schema]
        kinds = [self.kind(branch, space) for branch in schema]
        alike = [kind for kind in ("objects", "enums") if sum(_alike(each) == kind for each in kinds) > 1]
        return union(
            [
                named(self._name_of(branch, space), read) if _alike(kind) in alike else read
                for branch, kind, read in zip(schema, kinds, reads, strict=True)
            ]
        )

    def _name_of(self, branch: Any, space: str) -> str:
        if isinstance(branch, str):
            return self._known(branch, space)
        return _full_name(branch, space)[0] if "name" in branch else str(branch["type"])

    def _many(self, kind: str, schema: Mapping[str, Any], space: str) -> Read:
        of = schema["items" if kind == "array" else "values"]
        read = self.of(of, space)
        if kind == "map":
            return mapping(read)
        if self._is_empty(of, space):
            raise ValueError("items of an array take no bytes, so a few bytes could be any number of them")
        return array(read)

    def _named(self, kind: str, schema: Mapping[str, Any], space: str) -> Read:
        name, space = _full_name(schema, space)
        if name in self._kinds:
            raise ValueError(f"two types are called {name}")
        self._kinds[name] = kind
        if kind == "enum":
            read = enum([str(symbol) for symbol in schema["symbols"]])
        elif kind == "fixed" and (type(schema["size"]) is not int or schema["size"] < 0):
            raise ValueError(f"the size of {name} is {schema['size']!r}")
        elif kind == "fixed":
            read = logical(kind, schema) or fixed(int(schema["size"]))
        else:
            fields = [(str(field["name"]), field["type"]) for field in schema["fields"]]
            if len({field for field, _ in fields}) < len(fields):
                raise ValueError(f"two fields of {name} have one name")
            read = record([(field, self.of(of, space)) for field, of in fields])
        if self._is_empty(schema, space):
            self._empty.add(name)
        self._reads[name] = read
        return read

    def _reference(self, name: str) -> Read:
        """A type by its name, which a record may have within itself."""
        if read := self._reads.get(name):
            return read
        return lambda data: self._reads[name](data)  # noqa: PLW0108 - it is there once the record is whole

    def _known(self, name: str, space: str) -> str:
        full = f"{space}.{name}" if space and "." not in name else name
        return full if full in self._kinds else next(known for known in (name, full) if self._kinds[known])

    def _is_empty(self, schema: Any, space: str) -> bool:
        """Whether values take no bytes."""
        if isinstance(schema, str):
            return schema == "null" or (schema not in _PRIMITIVE and self._known(schema, space) in self._empty)
        if isinstance(schema, list):
            return False
        kind = schema["type"]
        if kind == "fixed":
            return int(schema["size"]) == 0
        if kind in _RECORDS:
            return all(self._is_empty(field["type"], _full_name(schema, space)[1]) for field in schema["fields"])
        return kind not in ("array", "map", "enum") and self._is_empty(kind, space)


def _alike(kind: str) -> str:
    """What two types are to JSON that it does not keep apart."""
    return "objects" if kind in _OBJECTS else f"{kind}s"


def _full_name(schema: Mapping[str, Any], space: str) -> tuple[str, str]:
    """The full name of a type, and the namespace of the names within it."""
    name = str(schema["name"])
    space = name.rpartition(".")[0] if "." in name else str(schema.get("namespace", space) or "")
    return (f"{space}.{name}" if space and "." not in name else name), space
