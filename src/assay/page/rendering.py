"""Templates to HTML. Values are escaped wherever they come from, but for `Markup` that this package made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from assay.page import words
from assay.page.charts import draw, spark, strip

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def environment(*folders: Path) -> jinja2.Environment:
    """The templates of the page, and those of other folders."""
    import jinja2  # noqa: PLC0415 - only who renders needs it

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE / "templates", *folders]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,  # so that a page which runs while Assay is upgraded stays one piece
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": words.number,
        "percent": words.percent,
        "score": words.score,
        "at": words.at,
        "ago": words.ago,
        "lasting": words.lasting,
        "cell": words.value_text,
        "plural": words.plural,
        "size": words.size,
        "ticks": words.ticks,
        "part": lambda text: quote(str(text), safe=""),
    }
    made.globals |= {"draw": draw, "spark": spark, "strip": strip}
    return made


def render(template: str, values: Mapping[str, Any], *folders: Path) -> str:
    """A template with its values.

    Args:
        template: Its file name.
        values: By name.
        folders: Where templates lie besides those of the page.
    """
    return environment(*folders).get_template(template).render(values)
