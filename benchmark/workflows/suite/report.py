"""The page of a stored suite."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmark.protocol.errors import UserError
from benchmark.protocol.processes import kept_processes
from benchmark.protocol.text import command
from benchmark.results.report import suite as report
from benchmark.results.report import suite_files, terminal
from benchmark.results.report.console import phase
from benchmark.results.report.files import write_files
from benchmark.results.suite.field import FEWEST_SETS
from benchmark.results.suite.members import results
from benchmark.results.suite.summary import Summary, summarise


def report_suite(uri: str, name: str, output: Path) -> int:
    """Write the page of a suite, print what was found, and return the exit status."""
    write_report(uri, name, output, terminal.console(stderr=True))
    return 0


def write_report(uri: str, name: str, output: Path, console: Console) -> dict[str, str]:
    """Write the page of a suite and its figures, print what was found, and return the files.

    Raises:
        UserError: if the store has no such suite, none of its data sets has a baseline, or the
            folder cannot be written to.
    """
    with kept_processes() as apply:
        with phase(console, "reading the runs"):
            members = results(uri, name, apply)
        with phase(console, "comparing strategies over data sets"):
            summary = summarise(members, apply)
        if not summary.models:
            raise UserError(
                f"suite {name!r} has no model with a complete baseline on {FEWEST_SETS} data sets: "
                "add none to --strategies, or data sets"
            )
        with phase(console, "drawing"):
            files = {
                "suite.md": report.page(summary, _command(summary)),
                "suite-datasets.md": suite_files.datasets(summary),
                "suite.csv": suite_files.csv(summary),
                **suite_files.drawn(summary, apply),
            }
    write_files(output, files)
    for line in report.findings(summary.answers):
        console.print(f"• {escape(line)}", highlight=False)
    console.print(f"written: {output / 'suite.md'} and {len(files) - 1} files beside it")
    return files


def _command(summary: Summary) -> str:
    """Return the line that runs the suite, on whatever folder the tables are in."""
    labels = dict.fromkeys(
        label for one in summary.answers for label in ("none", *(v.label for v in one.versus))
    )
    return command(
        *("suite", "run"),
        data="FOLDER",
        models=",".join(summary.models),
        strategies=", ".join(labels),
        seeds=summary.seeds,
    )
