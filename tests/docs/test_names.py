"""What the prose names is there: files of the project, strategies, tasks and studies."""

import re
from collections.abc import Iterator

from benchmark.protocol import registry
from benchmark.results import study
from tests.docs.pages import PAGES, ROOT

FOLDERS = "benchmark|tasks|strategies|studies|tests|docs"
PACKAGES = "protocol|metrics|training|tracking|results|workflows|cli"
PATH = re.compile(
    rf"(?<![\w/.])(?:(?:{FOLDERS})/[\w/.-]*\.(?:py|md|svg|png)|(?:{PACKAGES})/[\w/.-]*\.py)\b"
)


READERS_OWN = re.compile(r"(?:/|test_)(?:your|my)_")  # files that a reader is told to make


def _texts() -> Iterator[tuple[str, str]]:
    """Name and text of all that may name a file: pages, settings and sources."""
    for file in [*PAGES, ROOT / "pyproject.toml", ROOT / "MLproject"]:
        if "results" not in file.parts:
            yield file.name, file.read_text(encoding="utf-8")
    for folder in FOLDERS.split("|"):
        for file in (ROOT / folder).rglob("*.py"):
            if file.name != "test_names.py":
                yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")


def test_every_file_that_is_named_exists() -> None:
    missing = {
        f"{where}: {path}"
        for where, text in _texts()
        for path in PATH.findall(text)
        if not READERS_OWN.search(path)
        and not (ROOT / path).exists()
        and not (ROOT / "benchmark" / path).exists()
    }
    assert not missing


def test_every_strategy_task_and_study_has_a_place_in_the_documents() -> None:
    strategies = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    studies = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    anywhere = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    absent = [name for name in registry.strategies() if f"`{name}" not in strategies]
    absent += [name for name in study.studies() if f"`{name}`" not in studies]
    absent += [name for name in registry.tasks() if f"`{name}`" not in anywhere]
    assert not absent, (
        f"add a row for {absent}: a strategy to docs/strategies.md, a task to docs/own-data.md, a "
        "study to docs/studies.md"
    )
