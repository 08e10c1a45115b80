"""One word for one thing: nothing that users read has a word that the project does not use."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from tests.docs.pages import PAGES, name, prose
from tests.docs.words import offences

# the changelog names what was renamed
READ = [page for page in PAGES if name(page) != "CHANGELOG.md"]


@pytest.mark.parametrize(
    "text",
    [
        "F1 at the tuned cut",
        "which remedy helps",
        "3 cells are missing",
        "F1 less none's",
        "F1 as decided",
        "better than none beyond chance",
        "it cannot be told apart",
        "nothing is claimed",
        "they cannot be taken at their word",
        "the promised probability, and the share that came true",
        "F1, middle half",
        "the training part",
        "a synthetic stand-in",
        "pictures of cats",
        "0.2 nats a row",
        "one a core",
        "one folder a class",
        "the course of training",
    ],
)
def test_a_wrong_word_is_noticed(text: str) -> None:
    assert offences(text)


@pytest.mark.parametrize(
    "text",
    [
        "the ends are cut off",
        "a cell of a table",
        "`stand-in` still works",
        "the strategy `none`, the baseline",
        "it ranks rows better than chance",
        "seconds per row",
    ],
)
def test_a_right_word_passes(text: str) -> None:
    assert not offences(text)


@pytest.mark.parametrize("page", READ, ids=name)
def test_pages(page: Path) -> None:
    assert not offences(prose(page))


@pytest.mark.parametrize("command", sorted(main.commands))
def test_help(command: str) -> None:
    context = click.Context(main.commands[command], info_name=command, terminal_width=10_000)
    assert not offences(main.commands[command].get_help(context))


@pytest.mark.parametrize("command", ["tasks", "strategies", "studies"])
def test_listings(command: str) -> None:
    listed = CliRunner().invoke(main, [command])
    assert listed.exit_code == 0
    assert not offences(listed.output)
