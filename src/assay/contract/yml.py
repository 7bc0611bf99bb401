"""How a yml is read: pydantic models of what it may say, and their errors in the words of a `ContractError`.

Belongs here: what all models share. Keep out: the keys themselves (`yml_contract`, `yml_column`, `yml_checks`,
`yml_file`), and what cannot be told without the table's columns or other models. Those modules are imported where a yml
is read: they know the objects that are made of it, and their 30 models take 20 ms, which not every command needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import get_annotations
from typing import Annotated, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from assay.contract.errors import ContractError

_UNKNOWN = ("extra_forbidden", "invalid_key")
_SENTENCES = {
    "string_type": "{key} is a text, not {found}; put it in quotes",
    "bool_type": "{key} is true or false, not {found}",
    "list_type": "{key} is a list, not {found}",
    "dict_type": "expected keys with values, found {found}",
    "literal_error": "{found} is not one of {known}",
}
"""By pydantic's types of errors; where `{key}` stands in one, the place before it does not name the key again."""


def _title(model: type) -> str:
    return model.__name__.removesuffix("Yml").lower()


class Yml(BaseModel):
    """Keys with values of a yml; other keys are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, model_title_generator=_title, defer_build=True)

    shape: ClassVar[str] = _SENTENCES["dict_type"]
    """What is said when something else stands there."""
    is_whole: ClassVar[bool] = False
    """Whether `shape` is said of unknown and missing keys too."""
    kind: ClassVar[str] = ""
    """Which of several models it is, as its key `type` says."""
    called: ClassVar[tuple[str, str]] = ("", "")
    """How a message calls one of a list of these: some words, and the key whose value follows them."""
    below: ClassVar[str] = ""
    """The key below which it stands, where messages leave that one out."""
    hints: ClassVar[Mapping[str, str]] = {}
    """What to write instead of an unknown key."""

    @classmethod
    def read(cls, value: object, *where: str) -> Self:
        """Validate the content of a yml as this model.

        Args:
            value: As YAML or dbt's manifest gives it.
            where: What stands before the keys in a message.

        Raises:
            ContractError: It does not fit; names the first thing, the outermost and unknown keys before others.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ContractError(_sentence(cls, value, where, error.errors(include_url=False))) from error


@dataclass(frozen=True)
class Expected:
    """In an annotation: the message about a value that does not fit; with `{found}` and `{key}`, as in `_SENTENCES`."""

    sentence: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of the type with this sentence for all its errors."""
        return core_schema.custom_error_schema(handler(source), "expected", custom_error_message=self.sentence)


Name = Annotated[str, Field(strict=False, coerce_numbers_to_str=True, json_schema_extra={"type": ["string", "number"]})]
"""A name or SQL; YAML takes the column 2024 for a number."""
Names = Annotated[tuple[Name, ...], Field(strict=False), Expected("{key} is a list of names, not {found}")]


def _sentence(model: type[Yml], value: object, where: Sequence[str], errors: Sequence[ErrorDetails]) -> str:
    """The sentence about the first of pydantic's errors."""
    first = min(errors, key=lambda e: (len(e["loc"]), e["type"] not in _UNKNOWN, e["type"] != "missing"))
    alike = _UNKNOWN if first["type"] in _UNKNOWN else (first["type"],)
    if first["type"] not in (*_UNKNOWN, "missing"):
        return _At.walk(model, value, where, first["loc"]).wrong(first)
    at = _At.walk(model, value, where, first["loc"][:-1])
    keys = [str(e["loc"][-1]) for e in errors if e["type"] in alike and e["loc"][:-1] == first["loc"][:-1]]
    return at.missing(keys) if alike == ("missing",) else at.unknown(sorted(keys))


@dataclass
class _At:
    """A place in a yml: its keys from outside to inside, what stands there, and the models that it may fit."""

    place: list[str]
    value: object
    models: list[type[Yml]]

    @classmethod
    def walk(cls, model: type[Yml], value: object, where: Sequence[str], loc: Sequence[int | str]) -> _At:
        """Go along pydantic's `loc`, in which also stand the tags of unions."""
        at = cls(list(where), value, [model])
        for step in loc:
            at._enter(step)
        return at

    def _enter(self, step: int | str) -> None:
        if isinstance(step, int) and isinstance(self.value, Sequence):
            self.value = self.value[step]
            words, key = self.models[0].called
            if isinstance(self.value, Mapping) and self.value.get(key):
                self.place[-1] = f"{words}{self.value[key]}"
        elif isinstance(self.value, Mapping) and step in self.value:
            self.value = self.value[step]
            if self.place and self.place[-1] == self.models[0].below:
                self.place.pop()
            self.place.append(str(step))
            named = [item for model in self.models for item in model.model_fields.items()]
            fields = [field for name, field in named if step in (name, field.alias)]
            self.models = [model for field in fields for model in _models(field.annotation)] or self.models
        else:
            self.models = [model for model in self.models if model.kind == step] or self.models

    def unknown(self, keys: Sequence[str]) -> str:
        """The sentence about keys that nobody reads."""
        model = self.models[0]
        if model.is_whole:
            return self._say(model.shape)
        known = f"known{' for ' if model.kind else ''}{model.kind} are {', '.join(_keys(model))}"
        hints = "".join(f"; {model.hints[key]}" for key in keys if key in model.hints)
        return self._say(f"unknown key {', '.join(map(repr, keys))}; {known}{hints}", model)

    def missing(self, keys: Sequence[str]) -> str:
        """The sentence about keys that have to stand there."""
        model = self.models[0]
        return self._say(model.shape) if model.is_whole else self._say(f"missing {', '.join(keys)}", model)

    def wrong(self, error: ErrorDetails) -> str:
        """The sentence about a value."""
        kind, context = error["type"], error.get("ctx", {})
        if kind == "value_error":
            return self._say(str(context["error"]))
        if kind in ("union_tag_invalid", "union_tag_not_found"):
            tag = self.value.get("type") if isinstance(self.value, Mapping) else None
            return self._say(f"type: {tag!r} is not one of {', '.join(model.kind for model in self.models)}")
        if kind in ("model_type", "model_attributes_type"):
            return self._say(self.models[0].shape)
        known = ", ".join(re.findall(r"'([^']*)'", str(context.get("expected"))))
        return self._say(_SENTENCES.get(kind, error["msg"]).replace("{known}", known))

    def _say(self, sentence: str, model: type[Yml] | None = None) -> str:
        """The sentence after its place; an object without a place is called as its model."""
        place = self.place
        if "{key}" in sentence:
            sentence, place = sentence.replace("{key}", place[-1]), place[:-1]
        place = place or ([_title(model)] if model else [])
        return ": ".join([*place, sentence.replace("{found}", repr(self.value))])


def _keys(model: type[Yml]) -> list[str]:
    """The keys of a model, its own before those that it shares with others."""
    keys = (key for part in model.__mro__ for key in get_annotations(part))
    return [key for key in dict.fromkeys(keys) if key in model.model_fields]


def _models(annotation: object) -> Iterator[type[Yml]]:
    """The models that stand in an annotation, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, Yml):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
