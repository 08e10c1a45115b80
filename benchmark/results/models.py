"""Models of one data set against each other: tables that differ in the setting `model` alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import stats
from benchmark.protocol import grammar
from benchmark.protocol.errors import UserError
from benchmark.protocol.text import interval, seeds
from benchmark.results import comparison
from benchmark.results.analysis import Analysis
from benchmark.results.leaderboard import Leaderboard
from benchmark.results.sentence import Sentence

AP = "test/average_precision"
MEASURES = ("test/f1", "test/f1_tuned", AP, "test/roc_auc", "test/ece", "timing/training")


@dataclass(frozen=True)
class ModelTable:
    """Strategies of several models, on the same splits.

    Attributes:
        analyses: model -> analysis of its leaderboard.
    """

    analyses: dict[str, Analysis]

    @property
    def rows(self) -> list[tuple[str, str, dict[str, float]]]:
        """Model, strategy and means over seeds, the best average precision first."""
        found = [
            (model, label, {name: analysis.mean(label, name) for name in MEASURES})
            for model, analysis in self.analyses.items()
            for label in analysis.complete
        ]
        return sorted(found, key=lambda row: (-row[2][AP], -row[2]["test/f1"]))

    @property
    def best(self) -> str:
        """The model whose baseline has the best average precision."""
        return max(self.baselines, key=lambda model: self.baselines[model])

    @property
    def baselines(self) -> dict[str, float]:
        """Model -> mean average precision of its baseline, where it has a complete one."""
        return {
            model: analysis.mean(analysis.baseline, AP)
            for model, analysis in self.analyses.items()
            if analysis.baseline
        }

    def sentences(self) -> Iterator[Sentence]:
        """Yield which model ranks rows best, and which are significantly behind it."""
        if len(self.baselines) < 2:
            return
        best = self.analyses[self.best]
        others = [model for model in self.baselines if model != self.best]
        found = [
            comparison.between(
                (self.analyses[model].table, self.analyses[model].baseline),
                (best.table, best.baseline),
                AP,
            )
            for model in others
        ]
        known = [(m, d) for m, d in zip(others, found, strict=True) if d.known]
        adjusted = stats.holm(np.array([difference.p for _, difference in known]))
        yield Sentence(
            f"Without a strategy, model={self.best} ranks rows best: average precision "
            f"{self.baselines[self.best]:.3f}.",
            f"{', '.join(f'{model} {value:.3f}' for model, value in self.baselines.items())}; "
            f"means over {seeds(best.seeds)}",
        )
        for (model, difference), p in zip(known, adjusted, strict=True):
            if p < best.level:
                yield Sentence(
                    f"model={model} is significantly behind: a better model gains more here than "
                    "a strategy for imbalance may.",
                    f"Δaverage precision {interval(difference)}",
                )


def by_models(analyses: Sequence[Analysis]) -> list[ModelTable]:
    """Group leaderboards that differ in the setting `model` alone; groups of one are left out."""
    groups: dict[tuple[str, ...], dict[str, Analysis]] = {}
    for analysis in analyses:
        model, key = _split(analysis.table)
        if model:
            groups.setdefault(key, {})[model] = analysis
    return [ModelTable(group) for group in groups.values() if len(group) > 1]


def differ_in_model(tables: Sequence[Leaderboard]) -> bool:
    """Return whether leaderboards differ in the setting `model` alone."""
    models, rest = zip(*map(_split, tables), strict=True)
    return "" not in models and len(set(models)) == len(models) and len(set(rest)) == 1


def model_of(table: Leaderboard) -> str:
    """The setting `model` of a leaderboard; "" without one."""
    return _split(table)[0]


def _split(table: Leaderboard) -> tuple[str, tuple[str, ...]]:
    """Return the model of a leaderboard, and all else that must be the same."""
    facts = table.facts
    try:
        words = grammar.split_words(facts["settings"], "settings")
    except UserError:  # whatever a store holds
        return "", ()
    model = next((word.partition("=")[2] for word in words if word.startswith("model=")), "")
    rest = sorted(word for word in words if not word.startswith("model="))
    return model, (facts["task"], facts["source"], facts["content"], table.portion, *rest)
