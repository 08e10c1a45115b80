"""Draw where the time of a run goes, measured here; ``python -m docs.make_profile_figure``.

Each scenario is profiled in a process of its own, as `profile` does it. Takes two minutes on one
quiet core; writes ``profile.svg`` beside this file.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from benchmark.cli.options import complete_settings
from benchmark.protocol import grammar
from benchmark.workflows.profile import MEANING, Profile, profile_run

DOCS = Path(__file__).parent
DATA = DOCS.parents[1] / "shared" / "data"
COLOURS = ("#5f6670", "#c9ced6", "#d95f02", "#1f5fa8", "#7aa6d6", "#1b9e77")
SHORTEST = 0.06  # share of a bar that holds a number


@dataclass(frozen=True)
class Scenario:
    """What is profiled, with `none`."""

    title: str
    task: str
    path: Path
    settings: str = ""
    steps: int | None = None


SCENARIOS = (
    Scenario("small table,\n500 steps", "csv", DATA / "tables" / "pc4.csv", "target=Class", 500),
    Scenario("insurance,\n2,000 steps", "insurance", DATA / "insurance"),
    Scenario("photos, frozen\nMobileNet", "catsdogs", DATA / "catsdogs"),
    Scenario(
        "photos from scratch,\n300 steps", "catsdogs", DATA / "catsdogs", "model=compact", 300
    ),
)


def measure(scenario: Scenario) -> Profile:
    """Profile a scenario in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_profile, scenario).result()


def _profile(scenario: Scenario) -> Profile:
    path = str(scenario.path)
    settings = complete_settings(
        scenario.task, grammar.settings(scenario.task, scenario.settings), path
    )
    return profile_run(scenario.task, settings, path, grammar.read("none"), scenario.steps)


def draw(profiles: Mapping[Scenario, Profile]) -> Figure:
    """Return one stacked bar for the first run of each scenario and one for the next run."""
    figure = Figure(figsize=(8.6, 4.2), facecolor="white")
    axes = figure.add_axes((0.19, 0.12, 0.67, 0.74))
    places, labels = [], []
    for row, (scenario, profiled) in enumerate(profiles.items()):
        for offset, kind, seconds in (
            (0.0, "first run", profiled.first),
            (0.38, "next run", profiled.second),
        ):
            y, total, left = row + offset, sum(seconds.values()), 0.0
            for stage, colour in zip(MEANING, COLOURS, strict=True):
                share = seconds.get(stage, 0.0) / total
                axes.barh(y, share, 0.34, left=left, color=colour)
                if share > SHORTEST:
                    dark = colour not in (COLOURS[1], COLOURS[4])
                    axes.text(
                        left + share / 2, y, f"{share:.0%}", ha="center", va="center",
                        fontsize=8, color="white" if dark else "black",
                    )  # fmt: skip
                left += share
            axes.text(1.01, y, f"{kind} {total:.1f} s", va="center", fontsize=8)
        places.append(row + 0.19)
        labels.append(scenario.title)
    axes.set_yticks(places, labels, fontsize=9)
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    handles = [axes.barh(0, 0, color=colour) for colour in COLOURS]
    figure.legend(handles, list(MEANING), loc="upper center", ncols=6, frameon=False, fontsize=9)
    return figure


def main() -> None:
    """Measure all scenarios and write the figure."""
    profiles = {scenario: measure(scenario) for scenario in SCENARIOS}
    draw(profiles).savefig(DOCS / "profile.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
