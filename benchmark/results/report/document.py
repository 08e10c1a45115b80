"""A page of sentences, tables and images in the style of the report: one self-contained file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark.results.report.tables import TextTable
from benchmark.results.report.templates import content_hash, environment, source


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
    style = source("style.css")
    template = environment().get_template("document.html")
    return template.render(page=page, style=style, hash=content_hash(style))
