"""Badges as the page gives them out, so that a chart on another port of this machine can show them."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from assay.consumers.badges import badge_name, badges_folder
from assay.page.visits import NOT_FOUND

_KINDS = {"svg": "image/svg+xml", "json": "application/json"}
_HEADERS = {
    "cross-origin-resource-policy": "same-site",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""A BI tool of the same host may embed them; a picture that is opened by itself runs nothing."""


def badges_route(published: Path) -> Route:
    """The address of a table's badge, as `/badges/gold.daily_sales.svg`.

    Args:
        published: The folder.
    """

    def endpoint(request: Request) -> Response:
        table, _, kind = request.path_params["file"].rpartition(".")
        path = badges_folder(published) / f"{badge_name(table)}.{kind}"
        if kind not in _KINDS or not path.is_file():
            return PlainTextResponse("there is no such badge; silver and gold tables have one each\n", NOT_FOUND)
        return FileResponse(path, media_type=_KINDS[kind], headers=_HEADERS)

    return Route("/badges/{file:path}", endpoint, methods=["GET"])
