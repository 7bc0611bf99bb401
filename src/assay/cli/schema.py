"""`assay schema`: the JSON Schema of the yml beside a model, for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


def show(output: Path | None) -> None:
    """Print the schema, or write it to a file."""
    text = json.dumps(yml_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def yml_schema() -> dict[str, Any]:
    """The JSON Schema (draft 7, which editors know best) of a yml as Assay reads it."""
    from assay.contract.yml_file import PropertiesYml  # noqa: PLC0415 - see assay.contract.yml

    made = PropertiesYml.model_json_schema(schema_generator=_ForEditors)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **made, "title": "The yml beside a model of Assay"}


class _ForEditors(GenerateJsonSchema):
    """A schema for editors: without titles that repeat a key, and without empty defaults."""

    def field_title_should_be_set(self, _: object) -> bool:
        """Never."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """With the default only where it is not empty."""
        return super().default_schema(schema) if schema.get("default") else self.generate_inner(schema["schema"])
