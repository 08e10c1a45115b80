"""A page of sentences, tables and images in the style of the report: one self-contained file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.results.report.tables import TextTable

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """A part of a page, below a heading."""

    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[TextTable] = ()
    images: Mapping[str, str] = field(default_factory=dict)  # name -> PNG, as base64


@dataclass(frozen=True)
class Document:
    """A page; the first line of its headline is the largest."""

    title: str
    chips: Sequence[str]
    headline: Sequence[str]
    parts: Sequence[Part]


def render(page: Document) -> str:
    """Render a page as HTML; all text is escaped, and nothing is fetched or run."""
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    style = (HERE / "style.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = templates.get_template("document.html")
    return template.render(page=page, style=style, hash=digest)
