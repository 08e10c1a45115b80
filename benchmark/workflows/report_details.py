"""Tables of a report that need more than its runs: costs of decisions, and subgroups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.metrics.cost_spec import CostSpec
from benchmark.results.analysis import Analysis
from benchmark.results.expected_cost import expected_costs
from benchmark.results.predicted import Predicted
from benchmark.results.report import costs, subgroups
from benchmark.results.report.tables import TextTable
from benchmark.results.subgroups import subgroups as measure
from benchmark.results.verdict import headline
from benchmark.workflows.tracked_data import costs_of, load_data


@dataclass(frozen=True)
class Details:
    """What a report is to tell beside the leaderboards."""

    uri: str
    costs: CostSpec | None = None
    by: Sequence[str] = ()  # columns of the data

    def tables(self, analysis: Analysis) -> list[TextTable]:
        """Return the tables of a leaderboard that has its predictions.

        Raises:
            UserError: for other classes or columns than its data has, or lost predictions.
        """
        found = []
        if self.costs and analysis.complete:
            priced = costs_of(self.costs, analysis.table)
            found.append(costs.table(expected_costs(self.uri, analysis, priced)))
        if not self.by:
            return found
        used = next((sentence.use for sentence in headline(analysis) if sentence.use), "")
        for label in dict.fromkeys(filter(None, [used, analysis.baseline])):
            seeds = analysis.table.row_errors.predicted.get(label, ())
            found += by_columns(analysis, label, seeds, self.by)
        return found


def by_columns(
    analysis: Analysis, label: str, seeds: Sequence[Predicted], columns: Sequence[str]
) -> list[TextTable]:
    """Return the tables of a strategy in the subgroups of columns of the data.

    Args:
        seeds: its predictions, as it decides.

    Raises:
        UserError: for columns that the data lacks, or data that has changed.
    """
    if not columns or not seeds:
        return []
    _, _, data = load_data(analysis.table)
    return [
        subgroups.table(measure(name, label, seeds, data.column(name, "--by"))) for name in columns
    ]
