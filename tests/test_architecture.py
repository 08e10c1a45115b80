"""The house: who may import whom, how large a file may be, and that no import runs in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("protocol", "metrics", "training", "tracking", "results", "workflows", "cli", "notebook")
CODE = ("benchmark", "tasks", "strategies", "studies")

# library -> the only places that may import it
LIBRARIES = {
    "mlflow": ("benchmark.tracking.",),
    "optuna": ("benchmark.workflows.search.",),
    "distributed": ("benchmark.workflows.execution.",),
    "dask": ("benchmark.workflows.execution.",),
    # the default loss, and losses of strategies, are written with keras.ops
    "keras": (
        "benchmark.training.",
        "benchmark.protocol.strategy.",
        "strategies.",
        "tasks.",
    ),
    "tensorflow": ("benchmark.training.", "tasks."),
}
# folder -> what it may import of the project, beside itself
ALLOWED = {
    "strategies": (
        "benchmark.protocol.arguments.",
        "benchmark.protocol.arrays.",
        "benchmark.protocol.calibration.",
        "benchmark.protocol.errors.",
        "benchmark.protocol.strategy.",
        "benchmark.metrics.constraints.",
        "benchmark.metrics.thresholds.",
        "benchmark.training.layers.",
    ),
    "tasks": ("benchmark.protocol.", "benchmark.training.dropout.", "benchmark.training.layers."),
    "studies": ("benchmark.protocol.", "benchmark.metrics.", "benchmark.results."),
}
EXCEPT = {"tasks.images.backbones": ("benchmark.training.device.", "benchmark.training.seeding.")}


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(file): file for name in CODE for file in sorted((ROOT / name).rglob("*.py"))}


def _imported(file: Path, for_types: bool = True) -> Iterator[str]:
    """The modules that a file imports, in functions too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    only_types = {
        node
        for block in tree.body
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in block.body
    }
    for node in ast.walk(tree):
        if node in only_types and not for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module)


IMPORTS = {module: sorted(set(_imported(file))) for module, file in MODULES.items()}


def test_packages_import_only_those_before_them() -> None:
    wrong = []
    for module, imported in IMPORTS.items():
        for name in imported:
            one, two = (f"{each}..".split(".")[:2] for each in (module, name))
            if one[0] == two[0] == "benchmark" and one[1] in ORDER and two[1] in ORDER:
                if ORDER.index(two[1]) > ORDER.index(one[1]):
                    wrong.append(f"{module} imports {name}")
            elif one[0] == "benchmark" and two[0] in CODE[1:]:
                wrong.append(f"{module} imports {name}")  # the registry alone finds them, by name
    assert not wrong


def test_no_import_runs_in_a_circle() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for name in IMPORTS[module]:
                if name in MODULES:
                    visit(name, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_has_one_home(library: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, file in MODULES.items()
        for name in _imported(file, for_types=False)
        if name.partition(".")[0] == library and not f"{module}.".startswith(LIBRARIES[library])
    ]
    assert not wrong


@pytest.mark.parametrize("folder", ALLOWED)
def test_what_people_add_imports_little_of_the_project(folder: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, imported in IMPORTS.items()
        for name in imported
        if module.partition(".")[0] == folder
        and name.partition(".")[0] in CODE
        and not f"{name}.".startswith((f"{folder}.", *ALLOWED[folder], *EXCEPT.get(module, ())))
    ]
    assert not wrong


def test_a_package_says_what_it_is_and_imports_nothing() -> None:
    for file in MODULES.values():
        if file.name == "__init__.py":
            body = ast.parse(file.read_text(encoding="utf-8")).body
            assert isinstance(body[0], ast.Expr), f"{file}: a docstring comes first"
            allowed = all(isinstance(node, ast.Assign) for node in body[1:])
            assert allowed, f"{file}: the fingerprint would follow what it imports"


def test_files_and_rooms_are_of_a_size_to_be_read() -> None:
    rooms = [p for p in (ROOT / "benchmark").iterdir() if not p.name.startswith("__")]
    assert len(rooms) <= 8
    lengths = {
        module: len(file.read_text("utf-8").splitlines()) for module, file in MODULES.items()
    }
    long = {module: length for module, length in lengths.items() if length > 300}
    assert not long
