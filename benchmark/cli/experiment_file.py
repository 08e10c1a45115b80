"""Experiment files: in TOML, what one would type after `run`.

task = "insurance"
strategies = ["none", "oversample(ratio=0.5)", "focal+threshold"]
seeds = 10

[settings]
imbalance = 20
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from benchmark.protocol import arguments, grammar
from benchmark.protocol.errors import UserError
from benchmark.protocol.selection import split

FILE_NAME = "experiment.toml"
LISTS = ("strategies", "exclude")  # options that a file may write as lists
NOT_IN_FILES = {"config", "save", "dry_run", "verbose", "log_file", "help"}
PERSONAL = {"tracking"}  # read from a file, but not written: it may hold a password
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", re.ASCII)


def read_defaults(context: click.Context, option: click.Parameter, path: str) -> str:
    """Let the options of an experiment file take the place of the defaults; return its path."""
    if path:
        known = {parameter.name or "" for parameter in context.command.params} - NOT_IN_FILES
        context.default_map = read(path, known)
    return path


def read(path: str, known: set[str]) -> dict[str, str]:
    """Read an experiment file: option -> what one would type.

    Args:
        known: options that a file may hold.

    Raises:
        UserError: for a file that cannot be read, an unknown option, or a value that is none.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
        given = tomllib.loads(text)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RuntimeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None
    options: dict[str, str] = {}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name not in known:
            hint = arguments.suggest(name, known)
            raise UserError(f"{path}: unknown option {key!r}: {hint}")
        options[name] = _option(path, name, value)
    return options


def _option(path: str, name: str, value: Any) -> str:
    if name == "settings" and isinstance(value, dict):
        typed = {key: as_typed(each, f"{path}: {key}") for key, each in value.items()}
        return arguments.as_text(typed, " ")
    where = f"{path}: {name}"
    if name in LISTS and isinstance(value, list):
        return ", ".join(as_typed(each, where) for each in value)
    return as_typed(value, where)


def as_typed(value: Any, where: str) -> str:
    """Return a value as one would type it.

    Args:
        where: it stands, for the error.

    Raises:
        UserError: for what is neither text nor a number.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise UserError(f"{where} must be a text or a number, not {value!r}")


def write(options: Mapping[str, Any]) -> str:
    """Return the experiment file of the options of `run`, as given or by default."""
    lines = [f"# skewbench run -c {FILE_NAME}"]
    settings = ""
    for name, value in options.items():
        if name in NOT_IN_FILES | PERSONAL or not value:
            continue
        if name == "settings":
            settings = value
        elif name in LISTS:
            lines.append(f"{name} = [{', '.join(map(_value, split(value)))}]")
        else:
            lines.append(f"{name.replace('_', '-')} = {_value(value)}")
    if settings:
        words = (word.partition("=") for word in grammar.split_words(settings, "--settings"))
        lines += ["", "[settings]", *(f"{name} = {_value(value)}" for name, _, value in words)]
    return "\n".join(lines) + "\n"


def _value(text: str) -> str:
    return text if NUMBER.fullmatch(text) else json.dumps(text, ensure_ascii=False)
