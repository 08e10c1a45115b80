"""Which edits of the source count as another experiment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.protocol import fingerprint as module
from benchmark.protocol.fingerprint import digest, fingerprint

PACKAGE = "skewbench_fingerprint_example"
MODEL = '''
"""A module."""
import math
from {package} import _far

def area(r):
    """Of a circle."""
    # the usual formula
    return math.pi * r**2

class Circle:
    """Round."""
    sides = 0
'''

Print = Callable[..., str]


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Print]:
    """Writes the given files over those of a package and fingerprints its module `model`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / PACKAGE
    folder.mkdir()
    files = {
        "__init__": "",
        "model": MODEL.format(package=PACKAGE),
        "_far": f"from {PACKAGE}._farther import x",
        "_farther": "x = 1",
        "_unused": "x = 1",
        "public": "x = 1",
        "folder/__init__": "",
        "folder/inner": "from .. import public",
    }
    (folder / "folder").mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)

    def of(modules: tuple[str, ...] = ("model",), **edits: str) -> str:
        for name, text in edits.items():
            (folder / f"{name}.py").write_text(text)
        forget()
        return fingerprint([f"{PACKAGE}.{name}" for name in modules])

    yield of
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    forget()


def forget() -> None:
    module._code.cache_clear()
    module._imported.cache_clear()


def edited(old: str, new: str) -> str:
    text = MODEL.format(package=PACKAGE)
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# the usual formula", "# pi r squared"),
        ("    # the usual formula\n", ""),
        ('"""Of a circle."""', '"""Of a round circle."""'),
        ('"""Round."""', '"""Not\n    square."""'),
        ('"""A module."""', ""),
        ("math.pi * r**2", "(math.pi  *  (r ** 2))"),
        ("class", "\n\n\nclass"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(printed: Print, old: str, new: str) -> None:
    assert printed(model=edited(old, new)) == printed(model=edited("", ""))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("r**2", "r**3"),
        ("sides = 0", "sides = 1"),
        ("sides = 0", 'sides = 0\n    name = "a string that is no docstring"'),
        ("def area(r)", "def area(r=1)"),
        ("import math", "import cmath as math"),
    ],
)
def test_code_counts(printed: Print, old: str, new: str) -> None:
    assert printed(model=edited(old, new)) != printed(model=edited("", ""))


@pytest.mark.parametrize("helper", ["_far", "_farther"])
def test_helpers_beside_a_module_are_followed_to_any_depth(printed: Print, helper: str) -> None:
    before = printed()
    more = "" if helper == "_farther" else f"from {PACKAGE}._farther import x\n"
    assert printed(**{helper: more + "y = 2"}) != before
    assert printed(**{helper: more + "y = 2  # two"}) == printed(**{helper: more + "y = 2"})


@pytest.mark.parametrize(
    "line",
    [
        f"from {PACKAGE} import _far",
        f"from {PACKAGE}._far import x",
        f"import {PACKAGE}._far",
        "from . import _far",
        "from ._far import x",
        f"def later():\n    from {PACKAGE} import _far",
    ],
)
def test_a_helper_is_found_however_it_is_imported(printed: Print, line: str) -> None:
    before = printed(model=line)
    assert printed(_far="x = 3") != before


@pytest.mark.parametrize(
    "line",
    [
        f"from {PACKAGE} import public",
        f"from {PACKAGE}.public import x",
        "from .public import x",
        f"from {PACKAGE}.folder import inner",
    ],
)
def test_any_module_of_the_package_counts_if_it_is_imported(printed: Print, line: str) -> None:
    before = printed(model=line)
    assert printed(public="x = 3") != before


@pytest.mark.parametrize("other", ["_unused", "public"])
def test_files_that_are_not_imported_do_not_count(printed: Print, other: str) -> None:
    before = printed()
    assert printed(**{other: "x = 2"}) == before


def test_the_order_of_modules_does_not_count_and_their_names_do(printed: Print) -> None:
    assert printed(("model", "public")) == printed(("public", "model"))
    assert printed(("public",)) != printed(("_unused",))  # the same text
    assert printed(("public", "public")) == printed(("public",))


def test_no_modules_have_a_fingerprint_of_their_own(printed: Print) -> None:
    assert printed(()) == fingerprint([]) != printed()


def test_a_digest_is_short_and_keeps_parts_apart() -> None:
    assert digest("a", 1) == digest("a", 1)
    assert len(digest("a")) == 16
    assert int(digest("a"), 16) >= 0
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", "")}) == 4
