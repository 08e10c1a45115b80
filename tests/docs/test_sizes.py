"""Pages are short, and the repository is light."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name

MOST_LINES = 200
# references are looked up, not read
MOST_OF = {"README.md": 150, "docs/cli.md": 350}
# 45 data sets, three models
MOST_OF |= {"docs/results/suite.md": 400, "docs/results/suite-datasets.md": 1800}
MOST_BYTES = 300_000
LARGE = {
    "docs/results/suite.csv",  # `inspect` forecasts from it
    "docs/results/suite-mlp-f1-heat.svg",  # 45 data sets x 12 strategies
}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_is_short(page: Path) -> None:
    most = MOST_OF.get(name(page), MOST_LINES)
    assert len(page.read_text(encoding="utf-8").splitlines()) <= most


def test_no_committed_file_is_large() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    files = [ROOT / path for path in listed if path and (ROOT / path).is_file()]
    assert files
    assert {name(file) for file in files if file.stat().st_size > MOST_BYTES} <= LARGE
    assert all((ROOT / file).stat().st_size < 2 * MOST_BYTES for file in LARGE)
