"""The one address that is written to: what people do about an incident."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assay.base import clock
from assay.base.settings import Settings
from assay.incidents.acting import CannotAct, act, action_of
from assay.page.guard import Guard, Refused

LARGEST_BODY = 16_000
"""Bytes of a form."""
_SEE_OTHER, _REFUSED, _CANNOT, _TOO_LARGE = 303, 403, 409, 413


def acting_route(settings: Settings, guard: Guard, problem: Callable[[Request, str, str, int], Response]) -> Route:
    """The address to which the forms of incidents are sent.

    Args:
        settings: The lake.
        guard: Decides which writes are taken.
        problem: Makes a page of a heading and a sentence.
    """

    async def endpoint(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_BODY:
                return problem(request, "This was not taken", f"it has more than {LARGEST_BODY:,} bytes", _TOO_LARGE)
        try:
            form = _fields(body)
            guard.check_write(request.headers, form.get("token", ""))
            number = int(request.path_params["number"])
            action = action_of(
                form.get("do", ""), form.get("by", ""), clock.now(), form.get("to", ""), form.get("because", "")
            )
            await run_in_threadpool(act, settings.incidents, number, action)
        except Refused as refused:
            return problem(request, "This was not taken", str(refused), _REFUSED)
        except CannotAct as refused:
            return problem(request, "This cannot be done", str(refused), _CANNOT)
        return RedirectResponse(f"/#incident-{number}", _SEE_OTHER)

    return Route("/incidents/{number:int}", endpoint, methods=["POST"])


@cache
def user() -> str:
    """Whose process this is; a browser that has acted before says its own name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _fields(body: bytes) -> Mapping[str, str]:
    """The fields of a form; of one that is there twice, the value that is not empty."""
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Refused("it is not a form of this page") from None
    return {name: next((value for value in values if value), "") for name, values in fields.items()}
