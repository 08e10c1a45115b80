"""Print the reference of the command line as Markdown.

``python -m docs.make_cli > docs/cli.md`` renews the page; a test fails while it is not current.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

HEAD = """# Command line

Every command is `uv run skewbench COMMAND` (where uv does not manage the environment:
`python -m benchmark COMMAND`), and an entry point of MLflow:
`uv run mlflow run . -e COMMAND --env-manager=local -P option=value` (`run` is the entry point
`main`, which needs no `-e`). `COMMAND --help` prints the same. Made by `python -m docs.make_cli`.
"""


def reference(group: click.Group) -> str:
    """Return the page: every command with its arguments, options and defaults."""
    lines = [HEAD]
    general = [_row(option) for option in group.params if isinstance(option, click.Option)]
    if general:
        lines += ["## General options", "", *_table(general)]
    for name, command in group.commands.items():
        lines += [f"## {name}", "", *_usage(name, command), *_paragraphs(command), ""]
        rows = [_row(option) for option in command.params if isinstance(option, click.Option)]
        lines += _table(rows) if rows else []
        lines += _examples(command)
    return "\n".join(lines).rstrip() + "\n"


def _usage(name: str, command: click.Command) -> Iterator[str]:
    arguments = [option for option in command.params if isinstance(option, click.Argument)]
    if arguments:
        shown = " ".join(option.make_metavar(click.Context(command)) for option in arguments)
        yield from (f"`{name} {shown}`", "")


def _paragraphs(command: click.Command) -> list[str]:
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return [" ".join(" ".join(paragraph.split()) for paragraph in paragraphs)]


def _examples(command: click.Command) -> list[str]:
    _, _, examples = (command.epilog or "").partition("Examples:\n")
    return ["```bash", *inspect.cleandoc(examples).splitlines(), "```", ""] if examples else []


def _row(option: click.Option) -> str:
    text = option.help or ""
    if isinstance(option.type, click.Choice):
        text += f" ({' or '.join(f'`{choice}`' for choice in option.type.choices)})"
    if option.show_default and option.default not in (None, ""):
        text += f" [default: {option.default}]"
    shown = "" if isinstance(option.type, click.Choice) or option.is_flag else option.metavar
    name = ", ".join(f"`{opt}`" for opt in option.opts) + (f" `{shown}`" if shown else "")
    return f"| {name} | {' '.join(text.replace('|', chr(92) + '|').split())} |"


def _table(rows: list[str]) -> list[str]:
    return ["| option | meaning |", "| --- | --- |", *rows, ""]


def main() -> None:
    """Print the page."""
    from benchmark.cli.main import main as group

    click.echo(reference(group), nl=False)


if __name__ == "__main__":
    main()
