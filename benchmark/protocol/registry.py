"""Registry of tasks and strategies, found by their files.

The only module that imports ``tasks/``, ``strategies/`` and ``studies/``. Files whose name
starts with an underscore are helpers or templates and register nothing.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmark.protocol import arguments
from benchmark.protocol.errors import UserError
from benchmark.protocol.splits import with_checked_splits
from benchmark.protocol.strategy import Strategy
from benchmark.protocol.task import Task


def default(package: str) -> str:
    """Return the package's ``DEFAULT``: the name of a task, or a list of strategies."""
    return str(importlib.import_module(package).DEFAULT)


@cache
def tasks() -> dict[str, ModuleType]:
    """Return name -> module of every registered task."""
    return {module.__name__.split(".")[-1]: module for module in modules_in("tasks")}


def task(name: str) -> Task:
    """Return the task of that name, its splits held to the rules of the experiment.

    Raises:
        UserError: for an unknown name; the message suggests a close one.
    """
    if name not in tasks():
        raise UserError(f"unknown task {name!r}: {arguments.suggest(name, tasks())}")
    registered = tasks()[name].TASK
    assert isinstance(registered, Task)
    return with_checked_splits(registered)


def fetch_weights(model: str, size: int, folder: Path) -> Path:
    """Download the ImageNet weights of a network of keras.applications; return their file.

    Raises:
        UserError: for an unknown network, or if the download fails.
    """
    download = importlib.import_module("tasks.images.weights_download")
    return Path(download.fetch(model, size, folder))


@cache
def strategies() -> dict[str, Callable[..., Strategy]]:
    """Return name -> function of every registered strategy, in the order of the files."""
    registered: dict[str, Callable[..., Strategy]] = {}
    for module in modules_in("strategies"):
        for name, function in vars(module).items():
            if _is_strategy(name, function, module):
                if name in registered:
                    raise UserError(
                        f"strategy {name!r} is in {registered[name].__module__} and in "
                        f"{module.__name__}: rename one of them"
                    )
                registered[name] = function
    return registered


def _is_strategy(name: str, value: Any, module: ModuleType) -> bool:
    """Return whether `value` is a public function, defined in `module`, that returns a Strategy."""
    return (
        inspect.isfunction(value)
        and not name.startswith("_")
        and value.__module__ == module.__name__
        and value.__annotations__.get("return") in ("Strategy", Strategy)
    )


def modules_in(package: str) -> list[ModuleType]:
    """Import the modules of a package, without packages in it and names that start with "_".

    Raises:
        UserError: for a file with a syntax error, by file and line.
    """
    folder = importlib.import_module(package)
    names = [module.name for module in pkgutil.iter_modules(folder.__path__) if not module.ispkg]
    try:
        return [importlib.import_module(f"{package}.{name}") for name in names if name[0] != "_"]
    except SyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
