"""What `-v` and `--log-file` write: messages with their time, durations, and tracebacks."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from benchmark.cli.options import combined
from benchmark.protocol.errors import UserError
from benchmark.results.report.console import MESSAGES

LOGGER = logging.getLogger("benchmark")
FORMAT = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


def _log_to_terminal(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(lambda record: record.name != MESSAGES)  # printed anyway
        _add(context, handler)


def _log_to_file(context: click.Context, option: click.Parameter, path: str) -> None:
    if not path:
        return
    try:
        handler = logging.FileHandler(Path(path).expanduser(), encoding="utf-8")
    except (OSError, RuntimeError) as error:
        raise UserError(f"cannot write --log-file {path}: {error}") from None
    _add(context, handler)


def _add(context: click.Context, handler: logging.Handler) -> None:
    """Log to a handler until the command ends."""
    handler.setFormatter(FORMAT)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)

    def remove() -> None:
        LOGGER.removeHandler(handler)
        handler.close()
        if not LOGGER.handlers:
            LOGGER.setLevel(logging.NOTSET)

    context.call_on_close(remove)


log_options = combined(
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_log_to_terminal,
        help="print messages with their time, how long each part takes, and tracebacks of failures",
    ),
    click.option(
        "--log-file",
        type=click.Path(),
        default="",
        expose_value=False,
        callback=_log_to_file,
        help="append all messages to this file, with their time, and what -v prints",
    ),
)
