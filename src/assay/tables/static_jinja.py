"""Whether a template of dbt gives the same text in every run of the same project.

Only what is known to is let through: names that the manifest alone decides, and macros that are made of such names.
Whatever asks the database, the clock, the environment or what a run is told (`run_query`, `is_incremental`, `flags`,
`target`, `env_var` …) is not among them, and neither is what this module does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Environment, TemplateError, meta, nodes

_SAME = frozenset(
    {
        *("ref", "source", "config", "model", "this", "graph", "execute", "return", "project_name", "dbt_version"),
        *("exceptions", "tojson", "fromjson", "toyaml", "fromyaml", "zip", "zip_strict", "local_md5", "adapter", "var"),
        *("range", "dict", "namespace", "flags", "_dbt_generic_test_kwargs"),
    }
)
"""Names that dbt gives to a template and that the project alone decides."""
_WAYS: Mapping[str, frozenset[str]] = {
    "adapter": frozenset({"dispatch", "quote"}),
    "config": frozenset({"get", "meta_get", "require", ""}),
    "exceptions": frozenset({"raise_compiler_error"}),
    "flags": frozenset({"STORE_FAILURES"}),  # of a project that sets no flags
    "var": frozenset({""}),
}
"""How some of them may be used: which attribute of them is called (of `flags`: read), or, empty, that they are."""
_BY_CHANCE = ("lipsum", "random")
_BY_NAME = ("attr", "map", "reject", "rejectattr", "select", "selectattr")
_ELSEWHERE = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.ContextReference)
_PREFIXES = ("duckdb", "default")
"""What dbt looks for when a macro is dispatched."""


class StaticJinja:
    """The templates of a project.

    Args:
        macros: (package, name, SQL) of each macro of the manifest.
        given: All names that dbt gives to a template.
        changing: Variables that a run gives, and another one gives otherwise.
        environment: dbt's, which knows its tags.
    """

    def __init__(
        self,
        macros: Iterable[tuple[str, str, str]],
        given: Iterable[str],
        changing: Iterable[str],
        environment: Environment,
    ) -> None:
        self._macros: dict[str, list[str]] = {}
        self._packages: set[str] = set()
        for package, name, sql in macros:
            self._packages.add(package)
            self._macros.setdefault(name, []).append(sql)
        self._given = frozenset(given)
        self._changing = frozenset(changing)
        self._environment = environment
        self._known: dict[str, bool] = {}
        self._is_clear = not (self._packages | {"dbt"}) & _SAME  # a package may hide what dbt gives under its name

    def is_static(self, text: str) -> bool:
        """Whether a template, with all macros that it may call, gives the same text in every run."""
        if text not in self._known:
            self._known[text] = self._is_clear
            waiting, seen = [text], {text}
            while waiting and self._known[text]:
                called = self._called(waiting.pop())
                if called is None:
                    self._known[text] = False
                else:
                    more = {sql for name in called for sql in self._macros[name]} - seen
                    seen |= more
                    waiting += more
        return self._known[text]

    def _called(self, text: str) -> set[str] | None:
        """The names of the macros that a template may call; None when it holds what may differ from run to run."""
        try:
            tree = self._environment.parse(text)
            free = meta.find_undeclared_variables(tree)
        except TemplateError:
            return None
        if any(tree.find_all(_ELSEWHERE)) or not all(map(_is_plain, _named(tree))):
            return None
        spaces = self._packages | {"dbt"}
        called = {name for name in free if name in self._macros}
        own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"} - self._given
        if free - called - spaces - _SAME - own:
            return None
        for name in tree.find_all(nodes.Name):
            if name.name in _BY_CHANCE or (name.name in _WAYS and name.ctx != "load"):
                return None
        uses = list(_uses(tree))
        for restricted in (free & _WAYS.keys()) | (free & spaces - called):
            names = sum(name.name == restricted for name in tree.find_all(nodes.Name))
            ways = [(way, arguments) for name, way, arguments in uses if name == restricted]
            if names != len(ways):
                return None  # it is also used in another way than by a call
            for way, arguments in ways:
                more = self._by_way(restricted, way, arguments)
                if more is None:
                    return None
                called |= more
        return called

    def _by_way(self, name: str, way: str, arguments: list[nodes.Expr]) -> set[str] | None:
        """The macros that a restricted name gives in the way it is used; None when that is not known to be static."""
        if name not in _WAYS:
            return {way} if way in self._macros else None  # `package.macro(…)`
        if way not in _WAYS[name]:
            return None
        first = arguments[0].value if arguments and isinstance(arguments[0], nodes.Const) else None
        if name == "var":
            return set() if isinstance(first, str) and first not in self._changing else None
        if way == "dispatch":
            candidates = {f"{prefix}__{first}" for prefix in _PREFIXES} & self._macros.keys()
            return candidates or None
        return set()


def _uses(tree: nodes.Template) -> Iterator[tuple[str, str, list[nodes.Expr]]]:
    """(name, attribute or nothing, arguments) of each `name(…)` and `name.attribute(…)`, and of `flags.attribute`."""
    for attribute in tree.find_all(nodes.Getattr):
        if isinstance(attribute.node, nodes.Name) and attribute.node.name == "flags":
            yield "flags", attribute.attr, []
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name):
            yield call.node.name, "", call.args
        elif isinstance(call.node, nodes.Getattr) and isinstance(call.node.node, nodes.Name):
            yield call.node.node.name, call.node.attr, call.args


def _named(tree: nodes.Template) -> Iterator[str]:
    """Attributes, filters and tests that a template names; what it names by an expression counts as chance."""
    for attribute in tree.find_all(nodes.Getattr):
        yield attribute.attr
    for used in tree.find_all((nodes.Filter, nodes.Test)):
        yield used.name
        if used.name in _BY_NAME:  # of a filter, a test or an attribute
            yield from (str(item.value) if isinstance(item, nodes.Const) else _BY_CHANCE[0] for item in used.args)
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.arg, nodes.Const):
            yield str(item.arg.value)


def _is_plain(name: str) -> bool:
    return not name.startswith("__") and name not in _BY_CHANCE


def templates_in(value: Any) -> Iterator[str]:
    """All texts within lists and mappings: arguments of a data test, which dbt takes for templates."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from templates_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from templates_in(item)
