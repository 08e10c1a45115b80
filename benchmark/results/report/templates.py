"""Templates of pages in HTML, and the hashes by which a browser knows their style and script."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent


def environment() -> Environment:
    """Return the templates of this folder; they escape all text."""
    from jinja2 import Environment, FileSystemLoader

    return Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


def source(name: str) -> str:
    """Return the text of a style or script of this folder."""
    return (HERE / name).read_text("utf-8")


def content_hash(text: str) -> str:
    """Return the hash of a style or script, as a content security policy has it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
