"""The Markdown pages that users read, and their parts."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    """Return the path of a page inside the project."""
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """Return the text of a page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def shell_lines(page: Path) -> list[str]:
    """Return the commands of a page: lines of its code blocks, joined, and its inline code."""
    text = page.read_text(encoding="utf-8")
    blocks = [block.partition("\n")[2].removesuffix("```") for block in FENCE.findall(text)]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [*lines, *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))]
