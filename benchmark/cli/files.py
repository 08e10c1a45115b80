"""Files that a person names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(path: str, figure: Figure) -> None:
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:  # ValueError: a format that there is not
        raise UserError(f"cannot write {path}: {error}") from None
    click.echo(f"wrote {path}", err=True)


def write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)
