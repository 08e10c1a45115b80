"""What a user asks of a search, and what identifies it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.protocol import grammar, grid
from benchmark.protocol.fingerprint import digest
from benchmark.protocol.grid import Conditions
from benchmark.results.objective import Objective
from benchmark.workflows.run import RunRequest
from benchmark.workflows.search.space import Pattern

FIRST_SEED = 1000  # of a search; confirmations begin at 0, as other benchmarks do
STRATEGY, SCORES, MEASURES, REASON = "strategy", "scores", "measures", "reason"  # of a trial
LOST = "its worker died, again and again"


@dataclass(frozen=True)
class Search:
    """What is searched. Small enough to send to every worker."""

    conditions: Conditions
    pattern: Pattern
    objective: str
    seeds: int  # of a trial
    trials: int
    storage: str

    @property
    def identity(self) -> str:
        """Hash of the search without its number of trials, so that a search can be extended."""
        code = grid.code_of(grammar.read(self.pattern.text))
        parts = (self.pattern.text, str(self.pattern), self.objective, self.seeds, code)
        return digest("search", self.conditions.identity, *parts)

    @property
    def name(self) -> str:
        """Name of Optuna's study."""
        title = f"{self.conditions.task}: {self.pattern.text} by {self.objective}"
        return f"{title} [{self.identity}]"


@dataclass(frozen=True)
class SearchRequest:
    """What the user asked for."""

    request: RunRequest  # of the confirmation: its strategies are the rivals, its seeds are fresh
    strategy: str
    spaces: str
    objective: Objective
    trials: int
    seeds: int  # of a trial
    confirm: bool
    storage: str
