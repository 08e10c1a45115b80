"""Finds tasks, strategies and studies by their files, and reads strategies as people write them.

The only module that imports ``tasks/``, ``strategies/`` and ``studies/``. A file whose name
starts with an underscore is a helper or a template and registers nothing.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from benchmark import arguments
from benchmark.errors import UserError
from benchmark.strategy import DECISION_SLOTS, SLOTS, TRAINING_SLOTS, Strategy, chain, changed
from benchmark.study import Study
from benchmark.task import Task, guarded

LONGEST_LABEL = 200  # characters; stores hold 250 of a run's name


@dataclass(frozen=True)
class Remedy:
    """A strategy as written in full, and the record of functions that it stands for.

    Attributes:
        text: defaults spelled out, e.g. ``oversample(ratio=1)+threshold(beta=1)``.
        training: the text of the parts that change the training; "none" if there are none.
        label: the shortest text that means the same, for tables and charts.
        training_modules, decision_modules: where its functions stand.
    """

    text: str
    label: str
    training: str
    strategy: Strategy
    training_modules: tuple[str, ...]
    decision_modules: tuple[str, ...]


def default(package: str) -> str:
    """What is meant if nobody says otherwise: of "tasks" a name, of "strategies" a list."""
    return str(importlib.import_module(package).DEFAULT)


@cache
def tasks() -> dict[str, ModuleType]:
    """Name -> module of every registered task."""
    return {module.__name__.split(".")[-1]: module for module in _modules("tasks")}


def task(name: str) -> Task:
    """The task of that name. Raises UserError with the near miss if there is none."""
    if name not in tasks():
        raise UserError(f"unknown task {name!r}: {arguments.suggest(name, tasks())}")
    found = tasks()[name].TASK
    assert isinstance(found, Task)
    return guarded(found)


@cache
def studies() -> dict[str, ModuleType]:
    """Name -> module of every registered study."""
    return {module.__name__.split(".")[-1]: module for module in _modules("studies")}


def study(name: str) -> Study:
    """The study of that name. Raises UserError with the near miss if there is none."""
    if name not in studies():
        raise UserError(f"unknown study {name!r}: {arguments.suggest(name, studies())}")
    found = studies()[name].STUDY
    assert isinstance(found, Study)
    return found


def settings(task_name: str, text: str) -> Any:
    """The settings of a task, read from ``imbalance=20 model=compact``.

    Quotes hold a value together: ``target='Claim made'``.

    Raises:
        UserError: for an unknown setting or a value that is not allowed.
    """
    where = f"task {task_name!r}"
    given: dict[str, str] = {}
    for word in _words(text, where):
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UserError(f"{where}: settings are written name=value, not {word!r}")
        if name in given:
            raise UserError(f"{where}: {name} is given twice")
        given[name] = value
    kind = task(task_name).settings
    return kind(**arguments.bind(kind, given, where))


def _words(text: str, where: str) -> list[str]:
    """What stands between spaces or commas that are not in quotes."""
    reader = shlex.shlex(text, posix=True)
    reader.whitespace += ","
    reader.whitespace_split = True
    reader.commenters = reader.escape = ""
    try:
        return list(reader)
    except ValueError:
        raise UserError(f"{where}: a quote is not closed in the settings {text!r}") from None


@cache
def strategies() -> dict[str, Callable[..., Strategy]]:
    """Name -> function of every registered strategy, in the order of the files."""
    found: dict[str, Callable[..., Strategy]] = {}
    for module in _modules("strategies"):
        for name, function in vars(module).items():
            if _is_strategy(name, function, module):
                if name in found:
                    raise UserError(
                        f"strategy {name!r} is in {found[name].__module__} and in "
                        f"{module.__name__}: rename one"
                    )
                found[name] = function
    return found


def _is_strategy(name: str, value: Any, module: ModuleType) -> bool:
    """Whether it is a public function of the module's own that returns a Strategy."""
    return (
        inspect.isfunction(value)
        and not name.startswith("_")
        and value.__module__ == module.__name__
        and value.__annotations__.get("return") in ("Strategy", Strategy)
    )


def read_list(text: str) -> list[Remedy]:
    """Strategies separated by commas: ``none, oversample(ratio=0.5)+focal``; ``all`` is all.

    Raises:
        UserError: for what cannot be read, is unknown, out of bounds or cannot be joined.
    """
    tree = _parse(", ".join(strategies()) if text.strip() == "all" else text)
    nodes = tree.elts if isinstance(tree, ast.Tuple) and tree.elts else [tree]
    remedies = [_remedy(node) for node in nodes]
    texts = [remedy.text for remedy in remedies]
    for remedy in remedies:
        if texts.count(remedy.text) > 1:
            raise UserError(f"strategy {remedy.label!r} is given twice")
    return remedies


def read(text: str) -> Remedy:
    """One strategy, e.g. ``oversample(ratio=0.5)+threshold``."""
    return _remedy(_parse(text))


@dataclass(frozen=True)
class Call:
    """A part of a strategy as it is written: only the arguments that are given."""

    name: str
    function: Callable[..., Strategy]
    given: Mapping[str, str]


def calls(text: str) -> list[Call]:
    """The parts that `+` joins in one strategy."""
    return [_call(operand) for operand in _operands(_parse(text))]


@dataclass(frozen=True)
class _Part:
    """One of the remedies that `+` joins, its arguments bound."""

    text: str
    label: str
    module: str
    strategy: Strategy


def _parse(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UserError(
            f"cannot read strategies {text[:60]!r}: write them like none, smote(k=3)+threshold"
        ) from None


def _remedy(node: ast.expr) -> Remedy:
    parts = [_part(operand) for operand in _operands(node)]
    # "oversample+none" is "oversample"
    parts = [part for part in parts if changed(part.strategy, SLOTS)] or parts[:1]
    label = "+".join(part.label for part in parts)
    if len(label) > LONGEST_LABEL:
        raise UserError(
            f"strategy {label[:40]!r}... is {len(label)} characters long: "
            f"a run's name has room for {LONGEST_LABEL}"
        )
    try:
        whole = chain(*(part.strategy for part in parts))
    except UserError as error:
        raise UserError(f"strategy {label!r}: {error}") from None
    training = [part for part in parts if changed(part.strategy, TRAINING_SLOTS)]
    decision = [part for part in parts if changed(part.strategy, DECISION_SLOTS)]
    return Remedy(
        text="+".join(part.text for part in parts),
        label=label,
        training="+".join(part.text for part in training) or "none",
        strategy=whole,
        training_modules=tuple(sorted({part.module for part in training})),
        decision_modules=tuple(sorted({part.module for part in decision})),
    )


def _operands(node: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        found = _operands(node.right) + found
        node = node.left
    return [node, *found]


def _call(node: ast.expr) -> Call:
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name):
        raise UserError(f"cannot read strategy {ast.unparse(node)!r}: expected a name")
    name = call.func.id
    if name not in strategies():
        raise UserError(f"unknown strategy {name!r}: {arguments.suggest(name, strategies())}")
    function = strategies()[name]
    if call.args:
        example = f"{name}({arguments.describe(function)})"
        raise UserError(f"strategy {name!r}: name its arguments, e.g. {example}")
    given = {keyword.arg or "**": _value(keyword.value) for keyword in call.keywords}
    if len(given) < len(call.keywords):
        raise UserError(f"strategy {name!r}: an argument is given twice in {ast.unparse(node)!r}")
    return Call(name, function, given)


def _part(node: ast.expr) -> _Part:
    call = _call(node)
    name, function = call.name, call.function
    bound = arguments.bind(function, call.given, f"strategy {name!r}")
    chosen = arguments.without_defaults(function, bound)
    try:
        strategy = function(**bound)
    except UserError as error:
        raise UserError(f"strategy {name!r}: {error}") from None
    return _Part(_written(name, bound), _written(name, chosen), function.__module__, strategy)


def _value(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def _written(name: str, given: Mapping[str, Any]) -> str:
    return f"{name}({arguments.as_text(given, ', ')})" if given else name


def _modules(package: str) -> list[ModuleType]:
    folder = importlib.import_module(package)
    names = [found.name for found in pkgutil.iter_modules(folder.__path__)]
    try:
        return [importlib.import_module(f"{package}.{name}") for name in names if name[0] != "_"]
    except SyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
