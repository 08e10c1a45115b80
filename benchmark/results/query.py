"""Which of a store's leaderboards is meant."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.protocol import grid, registry
from benchmark.protocol.errors import UserError
from benchmark.protocol.text import SYNTHETIC, option_words
from benchmark.results.leaderboard import Leaderboard, leaderboards
from benchmark.results.models import differ_in_model
from benchmark.results.predictions import with_predictions


@dataclass(frozen=True)
class LeaderboardQuery:
    """Which of a store's leaderboards is meant, as far as the user said."""

    task: str = ""
    settings: tuple[Any, ...] = ()  # instances of the task's settings: any of them
    data: str | None = None  # path; "" is synthetic data
    steps: int | None = None
    portion: str = "all"

    def fits(self, table: Leaderboard) -> bool:
        """Return whether a leaderboard may be meant; a confirmation has to be asked for."""
        facts = table.facts
        return (
            facts["task"] == (self.task or facts["task"])
            and (not self.settings or facts["settings"] in map(grid.format_settings, self.settings))
            and facts["steps"] == (self.steps or facts["steps"])
            and table.portion == self.portion
            and (self.data is None or _same_place(self.data, facts["data"]))
        )


def find_leaderboard(uri: str, query: LeaderboardQuery) -> Leaderboard:
    """Find the one leaderboard of a store that is meant.

    Raises:
        UserError: if there is none, or more than one, with what tells them apart.
    """
    fitting = _fitting(uri, query)
    if len(fitting) > 1:
        raise _ambiguous(uri, f"{len(fitting)} leaderboards fit", fitting)
    return with_predictions(uri, fitting[0])


def find_models(uri: str, query: LeaderboardQuery) -> list[Leaderboard]:
    """Find the one leaderboard that is meant, or those of several models of one data set.

    Raises:
        UserError: if there is none, or several that differ in more than their model.
    """
    fitting = _fitting(uri, query)
    if len(fitting) > 1 and not differ_in_model(fitting):
        raise _ambiguous(uri, f"{len(fitting)} leaderboards fit", fitting)
    return [with_predictions(uri, table) for table in fitting]


def _fitting(uri: str, query: LeaderboardQuery) -> list[Leaderboard]:
    tables = leaderboards(uri, [query.task] if query.task else registry.tasks())
    fitting = [table for table in tables if query.fits(table)]
    if not fitting:
        raise _ambiguous(uri, "no leaderboard fits", tables)
    return fitting


def _ambiguous(uri: str, what: str, tables: Sequence[Leaderboard]) -> UserError:
    lines = [f"  {_arguments_text(table)}" for table in tables]
    return UserError("\n".join([f"{uri}: {what}; choose one of", *lines]))


def leaderboard_arguments(table: Leaderboard) -> tuple[str, dict[str, object]]:
    """The argument TASK and the options that name a leaderboard on the command line."""
    facts = table.facts
    options = {
        "data": facts["data"] or SYNTHETIC,
        "settings": facts["settings"],
        "steps": facts["steps"],
        "portion": "" if table.portion == "all" else table.portion,
    }
    return facts["task"], options


def _arguments_text(table: Leaderboard) -> str:
    task, options = leaderboard_arguments(table)
    return shlex.join([task, *option_words(options)])


def _same_place(given: str, tracked: str) -> bool:
    return bool(given) == bool(tracked) and Path(given).resolve() == Path(tracked).resolve()
