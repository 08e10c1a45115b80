"""The numbers in the table of strategies are those of the results."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.docs.pages import ROOT

RESULTS = {"insurance": "insurance", "photos": "catsdogs_scratch", "CIFAR-10": "cifar10lt"}
F1 = ("test/f1 mean", "test/f1_tuned mean")


def measured(name: str) -> dict[str, str]:
    """Strategy -> its F1 at its own and at the tuned threshold, as the table writes it."""
    path = ROOT / "docs" / "results" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["label"].replace("(positive=50)", ""): " / ".join(
                f"{float(row[column]):.3f}".removeprefix("0") for column in F1
            )
            for row in csv.DictReader(file)
        }


def rows(page: Path) -> list[list[str]]:
    """The cells of all rows with one cell for each of family, strategy, results and advice."""
    lines = page.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if len(row) == len(RESULTS) + 3]


def test_the_table_of_strategies_shows_the_results() -> None:
    heading, _, *table = rows(ROOT / "docs" / "strategies.md")
    assert heading[2:-1] == list(RESULTS)
    found = [measured(name) for name in RESULTS.values()]
    shown = {row[1].strip("`"): row[2:-1] for row in table}
    assert len(shown) > 25
    for strategy, numbers in shown.items():
        assert numbers == [of.get(strategy, "") for of in found], strategy
