"""Hash of the code that can change a result, without its comments and docstrings."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def fingerprint(modules: Iterable[str]) -> str:
    """Hash the modules and the modules of their own package that they import."""
    parts = [_code(name) for name in sorted(_with_imported(modules))]
    return digest(*parts)


def codes(modules: Iterable[str]) -> dict[str, str]:
    """Return the hash of each module, and of each that they import as in `fingerprint`."""
    return {name: digest(_code(name)) for name in sorted(_with_imported(modules))}


def code(module: str) -> str:
    """Return the hash of one module; "" if this process has none of that name."""
    return digest(_code(module)) if _is_module(module) else ""


def digest(*parts: object) -> str:
    """Hash the text of the parts: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def _with_imported(modules: Iterable[str]) -> set[str]:
    """Return the modules and, at any depth, those of their package that they import."""
    closure: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in closure:
            closure.add(name)
            waiting += _imported(name)
    return closure


@cache
def _imported(module: str) -> list[str]:
    """Return the modules of its own package that `module` imports."""
    names: list[str] = []
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            source = importlib.util.resolve_name(relative, module.rpartition(".")[0])
            names += [source, *(f"{source}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    package = module.partition(".")[0]
    return [name for name in names if name.startswith(f"{package}.") and _is_module(name)]


def _is_module(name: str) -> bool:
    """Return whether the module exists, without importing more than its packages."""
    parent = name.rpartition(".")[0]
    if parent and not _is_package(parent):
        return False
    return importlib.util.find_spec(name) is not None


def _is_package(name: str) -> bool:
    spec = importlib.util.find_spec(name) if _is_module(name) else None
    return spec is not None and spec.submodule_search_locations is not None


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
