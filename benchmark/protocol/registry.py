"""Finds tasks, strategies and studies by their files, and reads strategies as people write them.

The only module that imports ``tasks/``, ``strategies/`` and ``studies/``. A file whose name
starts with an underscore is a helper or a template and registers nothing.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from benchmark.protocol import arguments
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import with_checked_splits
from benchmark.protocol.strategy import Strategy
from benchmark.protocol.task import Task


def default(package: str) -> str:
    """What is meant if nobody says otherwise: of "tasks" a name, of "strategies" a list."""
    return str(importlib.import_module(package).DEFAULT)


@cache
def tasks() -> dict[str, ModuleType]:
    """Name -> module of every registered task."""
    return {module.__name__.split(".")[-1]: module for module in modules_in("tasks")}


def task(name: str) -> Task:
    """The task of that name. Raises UserError with the near miss if there is none."""
    if name not in tasks():
        raise UserError(f"unknown task {name!r}: {arguments.suggest(name, tasks())}")
    found = tasks()[name].TASK
    assert isinstance(found, Task)
    return with_checked_splits(found)


@cache
def strategies() -> dict[str, Callable[..., Strategy]]:
    """Name -> function of every registered strategy, in the order of the files."""
    found: dict[str, Callable[..., Strategy]] = {}
    for module in modules_in("strategies"):
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


def modules_in(package: str) -> list[ModuleType]:
    folder = importlib.import_module(package)
    names = [found.name for found in pkgutil.iter_modules(folder.__path__) if not found.ispkg]
    try:
        return [importlib.import_module(f"{package}.{name}") for name in names if name[0] != "_"]
    except SyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
