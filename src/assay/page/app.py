"""The page as an application: an address becomes a view's answer, and whatever goes wrong a page that says so."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import duckdb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from assay.base import clock
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.personal import without_values
from assay.incidents import store
from assay.incidents.reconcile import Incident
from assay.page.acting import acting_route, user
from assay.page.badges import badges_route
from assay.page.compiled import CompiledModels
from assay.page.guard import Guard, Guarded
from assay.page.rendering import STATIC, render
from assay.page.visits import NOT_FOUND, Answer, Download, NotThere, View, Visit
from assay.publish.reader import is_of_this_version
from assay.publish.states import IF_MISSING, moved_from
from assay.publish.whole_state import WholeState, has_state, open_whole
from assay.trust.verdict import is_wrong

_LOG = logging.getLogger(__name__)
_WRONG_METHOD, _BROKEN, _FAULT = 405, 503, 500
_FAILED = "This view failed, and its log says why. The others work, and so does `assay query`."


class Page:
    """All views of one lake.

    Args:
        settings: The lake.
        guard: Decides about requests.
        views: In the order of the navigation.
        folders: With templates of views that are not the page's own.
    """

    def __init__(self, settings: Settings, guard: Guard, views: Sequence[View], folders: Sequence[Path] = ()) -> None:
        self._settings, self._guard, self._views, self._folders = settings, guard, views, folders
        self._compiled = CompiledModels(settings)

    def begin(self) -> None:
        """Prepare in the background what a view will need."""
        self._compiled.begin()

    def app(self, *more: BaseRoute) -> ASGIApp:
        """The application, as ASGI has it."""
        routes = [Route(view.path, self._endpoint(view), methods=["GET"]) for view in self._views]
        acting = acting_route(self._settings, self._guard, self._problem)
        handlers = {NOT_FOUND: self._nothing_here, _WRONG_METHOD: self._not_so, _FAULT: self._failed}
        static = Mount("/static", StaticFiles(directory=STATIC))
        badges = badges_route(self._settings.published)
        inner = Starlette(routes=[*routes, acting, *more, badges, static], exception_handlers=handlers)
        return Guarded(inner, self._guard)

    def _endpoint(self, view: View) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return self._answered(view, request)

        return endpoint

    def _answered(self, view: View, request: Request) -> Response:
        values: Mapping[str, Any] = {}
        answer: Answer | Download
        try:
            catalog = Catalog.read(self._settings.dbt_project)
            incidents = open_incidents(self._settings)
            with self._opened() as state:
                visit = Visit(
                    self._settings,
                    catalog,
                    state,
                    tuple(sorted(incidents, key=lambda incident: (-incident.level, incident.opened_at))),
                    clock.now(),
                    request.path_params,
                    request.query_params,
                    self._guard.may_act,
                    self._compiled.by_model,
                )
                wrong = tuple(filter(is_wrong, visit.incidents))
                values = {"state": state, "incidents": wrong, "now": visit.now}
                if state is not None and not is_of_this_version(state.connection):
                    answer = _broken("it was published by an older version of Assay; `assay run` publishes it anew")
                elif view.needs_state and state is None:
                    answer = Answer("empty.html.j2", "Nothing is published yet", {})
                else:
                    answer = view.answer(visit)
        except NotThere as problem:
            answer = Answer("problem.html.j2", "Not there", _problem("This is not there", str(problem)), NOT_FOUND)
        except FileNotFoundError as error:
            answer = _broken(f"{error.filename or error} is missing; `assay setup` makes what the project needs")
        except (UserError, duckdb.Error, sqlite3.Error, OSError) as error:
            answer = _broken(self._sentence(error))
        except Exception:  # noqa: BLE001 - no traceback reaches a person; it is logged
            _LOG.exception("a view failed: %s", request.url.path)
            answer = Answer("problem.html.j2", "A view failed", _problem("This view failed", _FAILED), _FAULT)
        if isinstance(answer, Download):
            name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in answer.name)
            kind = "inline" if answer.policy else "attachment"
            headers = {"content-disposition": f'{kind}; filename="{name}"'}
            headers |= {"content-security-policy": answer.policy} if answer.policy else {}
            return Response(answer.content, media_type=answer.media_type, headers=headers)
        return self._shown(request, answer, values)

    def _opened(self) -> AbstractContextManager[WholeState | None]:
        published = self._settings.published
        return open_whole(published) if has_state(published) else nullcontext()

    def _sentence(self, error: Exception) -> str:
        """What to do about an error, without values that it may quote."""
        if IF_MISSING in str(error) and (before := moved_from(self._settings.published)):
            return f"{self._settings.published} was {before} when it was published last; `assay run` publishes it here"
        return without_values(str(error))

    def _shown(self, request: Request, answer: Answer, values: Mapping[str, Any]) -> Response:
        frame = {
            "navigation": [(view.path, view.in_navigation) for view in self._views if view.in_navigation],
            "here": request.url.path,
            "origin": str(request.base_url).rstrip("/"),
            "title": answer.title,
            "token": self._guard.token,
            "may_act": self._guard.may_act,
            "user": user(),
            "state": None,
            "incidents": (),
            "now": clock.now(),
        }
        html = render(answer.template, {**frame, **values, **answer.values}, *self._folders)
        return HTMLResponse(html, status_code=answer.status)

    def _nothing_here(self, request: Request, _: Exception) -> Response:
        sentence = f"There is no {request.url.path} here; the navigation has all that there is."
        return self._problem(request, "This is not there", sentence, NOT_FOUND)

    def _not_so(self, request: Request, _: Exception) -> Response:
        sentence = f"{request.url.path} is not asked for in this way; Today has the incidents."
        return self._problem(request, "This cannot be done", sentence, _WRONG_METHOD)

    def _failed(self, request: Request, _: Exception) -> Response:
        return self._problem(request, "This view failed", _FAILED, _FAULT)

    def _problem(self, request: Request, heading: str, sentence: str, status: int) -> Response:
        return self._shown(request, Answer("problem.html.j2", heading, _problem(heading, sentence), status), {})


def open_incidents(settings: Settings) -> list[Incident]:
    """The open incidents; none before the first look at the lake."""
    try:
        with store.opened(settings.incidents) as connection:
            return store.open_incidents(connection)
    except FileNotFoundError:
        return []


def _broken(sentence: str) -> Answer:
    return Answer("problem.html.j2", "Cannot be read", _problem("This cannot be read now", sentence), _BROKEN)


def _problem(heading: str, sentence: str) -> dict[str, str]:
    return {"heading": heading, "sentence": sentence}
