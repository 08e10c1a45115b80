"""Every command of the documentation is one that the command line, or MLflow, understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from benchmark.cli.listing import SUITE, WEIGHTS
from benchmark.cli.main import main
from benchmark.metrics import cost_spec
from benchmark.protocol import grammar, registry, selection
from benchmark.protocol.errors import UserError
from benchmark.results import objective as objectives
from benchmark.results import study as studies
from benchmark.workflows.suite.collections import COLLECTIONS, OPENML
from tasks.images import weights
from tests.docs.pages import PAGES, ROOT, name, shell_lines

OURS = re.compile(r"(?:python -m benchmark|uv run skewbench)\s+(\S.*)")
MLFLOW = re.compile(r"(?:^|\s)mlflow ((?:run|models|ui|server)\s.*)")
PLACEHOLDER = re.compile(r"\$\w+")
WRONG = (click.UsageError, UserError, ValueError, KeyError, AssertionError)
ENTRY_POINTS = yaml.safe_load((ROOT / "MLproject").read_text(encoding="utf-8"))["entry_points"]


def words(text: str) -> list[str]:
    """Return the words of one command, up to what the shell does with it."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[str] = []
    for word in lexer:
        if word and set(word) <= set("();<>|&"):
            break
        found.append(word)
    return found


def commands(page: Path, pattern: re.Pattern[str]) -> list[str]:
    """Return what follows the name of the program, of each of its commands on a page."""
    found = (pattern.search(line) for line in shell_lines(page))
    return [match[1] for match in found if match]


def check_ours(given: list[str]) -> None:
    """Read a command of ours as the command line would, without running it."""
    if given[0].startswith("-"):
        assert given[0] in {opt for option in main.params for opt in option.opts} | {"--help"}
        return
    assert given[0] in main.commands
    command, rest = main.commands[given[0]], given[1:]
    if "--help" not in rest and "-c" not in rest:  # whose file a reader has
        parsed = command.make_context(given[0], rest).params
        check_values(given[0], {key: value for key, value in parsed.items() if value})


def check_values(command: str, values: dict[str, Any]) -> None:
    """Read the values that have a grammar of their own."""
    known = {key: value for key, value in values.items() if not PLACEHOLDER.search(str(value))}
    task = known.get("task", "")
    if command == "fetch" and task == WEIGHTS:
        assert known["model"] in weights.FILES
        return
    if command == "fetch" and task == SUITE:
        assert known["model"] in COLLECTIONS or OPENML.fullmatch(known["model"])
        return
    for name_ in task if isinstance(task, tuple) else [task]:
        if name_ and not PLACEHOLDER.search(name_):
            registry.task(name_)
    if isinstance(task, str) and task and "settings" in known:
        grammar.settings(task, known["settings"])
    for key in ("strategies", "against"):
        if key in known:
            selection.select(known[key], known.get("exclude", ""))
    if "strategy" in known:
        grammar.read(known["strategy"])
    if command == "study":
        studies.study(known["name"])
    if command == "search":
        objectives.read(known.get("objective", ""), known.get("cost", ""))
    elif "cost" in known:
        cost_spec.read(known["cost"])


def check_mlflow(given: list[str]) -> None:
    """Read a command of MLflow as it would; for `run`, the command of the entry point too."""
    from mlflow.cli import cli

    command: click.Command = cli
    while isinstance(command, click.Group):
        assert given[0] in command.commands
        command, given = command.commands[given[0]], given[1:]
    parsed = command.make_context("mlflow", given).params
    if command.name != "run":
        return
    entry = ENTRY_POINTS[parsed["entry_point"]]
    defaults = {key: value["default"] for key, value in entry.get("parameters", {}).items()}
    chosen = dict(pair.split("=", 1) for pair in parsed["param_list"])
    assert set(chosen) <= set(defaults)
    quoted = {key: shlex.quote(value) for key, value in (defaults | chosen).items()}
    [ours] = OURS.findall(" ".join(entry["command"].format(**quoted).split()))
    check_ours(words(ours))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_are_understood(page: Path) -> None:
    wrong = []
    checks = [(OURS, check_ours), (MLFLOW, check_mlflow)]
    for pattern, check in checks:
        for text in commands(page, pattern):
            if "COMMAND" in text:  # a pattern, not a command
                continue
            try:
                check(words(text))
            except WRONG as error:
                wrong.append(f"{text}: {error}")
    assert not wrong


@pytest.mark.parametrize(
    "text",
    [
        "run --task catsdogs --no-such-option 1",
        "run --portion most",
        "run --strategies oversampel",
        "run --task csv --settings 'targett=a'",
        "study heights",
        "walk",
    ],
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    with pytest.raises(WRONG):
        check_ours(words(text))


def test_commands_are_found() -> None:
    readme = ROOT / "README.md"
    assert len(commands(readme, OURS)) >= 8
    assert len(commands(readme, MLFLOW)) >= 3


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [command for command in main.commands if f"`{command}`" not in text] == []
