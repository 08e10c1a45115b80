"""A hash of the code that can change a result, indifferent to comments and docstrings."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def fingerprint(modules: Iterable[str]) -> str:
    """Hash of the named modules and of the helper files beside them that they import."""
    parts = [_code(name) for name in sorted(_with_helpers(modules))]
    return digest(*parts)


def digest(*parts: object) -> str:
    """A short hash of the parts' text: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def _with_helpers(modules: Iterable[str]) -> set[str]:
    """The modules, and the helpers of their own folder that they import, at whatever depth."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _helpers(name)
    return found


def _helpers(module: str) -> list[str]:
    """Modules ``package._name`` that `module`, of the same package, imports."""
    package = module.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [
        name
        for name in names
        if name.startswith(f"{package}._") and name.count(".") == module.count(".")
    ]


@cache
def _code(module: str) -> str:
    tree = _tree(module)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            body[:1] = []
    return f"{module}\n{ast.unparse(tree)}"


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _tree(module: str) -> ast.Module:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, module
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
