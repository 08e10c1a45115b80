"""Types of arguments and options: what help shows of them, and how the shell completes them."""

from __future__ import annotations

import re

import click
from click.shell_completion import CompletionItem

from benchmark.protocol import registry
from benchmark.protocol.selection import ALL
from benchmark.results import study

LAST_NAME = re.compile(r"^(.*[,+]\s*)?(\w*)$", re.DOTALL)  # what comes before it, and its letters


class TaskName(click.ParamType[str]):
    """A task; an unknown one is refused later, with a suggestion."""

    name = "task"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return all tasks."""
        return f"[{'|'.join(registry.tasks())}]"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the name of a task."""
        return [
            CompletionItem(name, help=registry.task(name).summary)
            for name in registry.tasks()
            if name.startswith(incomplete)
        ]


class Strategies(click.ParamType[str]):
    """Strategies, joined by `+` and, where several are allowed, separated by commas."""

    name = "strategies"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the last name of the list."""
        found = LAST_NAME.match(incomplete)
        if not found:
            return []
        before, begun = found[1] or "", found[2]
        names = [*registry.strategies(), *([] if before else [ALL])]
        return [CompletionItem(before + name) for name in names if name.startswith(begun)]


class StudyName(click.ParamType[str]):
    """A study; an unknown one is refused later, with a suggestion."""

    name = "study"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the name of a study."""
        return [CompletionItem(name) for name in study.studies() if name.startswith(incomplete)]


TASK, STRATEGIES, STUDY = TaskName(), Strategies(), StudyName()
PATH = click.Path()  # the shell completes it
