"""Text for Markdown."""

from __future__ import annotations


def escape(text: str) -> str:
    """Text that cannot break out of a table cell or become HTML, a link or a picture."""
    for character, harmless in HARMLESS.items():
        text = text.replace(character, harmless)
    return " ".join(text.split())


HARMLESS = {
    "&": "&amp;",
    **{character: f"\\{character}" for character in "\\`*|"},
    "](": "]\\(",
    "://": ":&#47;&#47;",
    "@": "&#64;",
    "<": "&lt;",
    ">": "&gt;",
}
