"""What commands print at 80 and 120 columns, as committed text, piped; and the same in a terminal.

`UPDATE_SCREENS=1 uv run pytest tests/cli/test_screens.py` writes the screens anew.
"""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.cli.main import main
from benchmark.protocol import registry
from tests import stores
from tests.results.report.test_screens import expect

SCREENS = Path(__file__).parent / "screens"
ROOT = Path(__file__).parents[2]
WIDTHS = pytest.mark.parametrize("width", [80, 120])
COLOUR = re.compile(r"\x1b\[[\d;]*3[0-7]m")
RUN = re.compile(r"[0-9a-f]{32}")  # its id
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


@pytest.fixture
def work(toy: Path, fresh_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where a person works, with the data of the task `toy` and an empty store."""
    (toy / "mlflow.db").write_bytes(fresh_store.read_bytes())
    monkeypatch.chdir(toy)
    return toy


def shown(width: int, *words: str) -> str:
    """All that a command prints into a pipe."""
    done = CliRunner().invoke(main, words, env={"COLUMNS": str(width)})
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    # what is to be pasted into a shell is never wrapped
    text = [line for line in lines if not line.startswith("  uv run") and "http://" not in line]
    assert max(map(len, text)) <= width and "…" not in done.output and "\x1b" not in done.output
    output = done.output.replace(f" --project {ROOT}", "")  # as in the checkout itself
    return RUN.sub("RUN", output)


def run(width: int) -> str:
    words = ["run", "--task", "toy", "--data", "data.npz", "--steps", "10", "--seeds", "3"]
    words += ["--strategies", "none,threshold,class_weight+threshold"]
    return shown(width, *words, "--workers", "0")


@WIDTHS
def test_run(width: int, work: Path, untrained: list[int]) -> None:
    expect("run", width, run(width), SCREENS)


@WIDTHS
def test_recommend(width: int, work: Path, untrained: list[int]) -> None:
    run(80)
    expect("recommend", width, shown(width, "recommend", "toy"), SCREENS)
    costs = shown(width, "recommend", "toy", "--cost", "fp=1,fn=10")
    expect("recommend-cost", width, costs, SCREENS)


@WIDTHS
def test_inspect(width: int, work: Path) -> None:
    expect("inspect", width, shown(width, "inspect", "toy", "--data", "data.npz"), SCREENS)


@WIDTHS
def test_listings(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some tasks and strategies, so that a new one changes no screen."""
    for kind, names in {"tasks": ["csv", "insurance"], "strategies": ["none", "smote"]}.items():
        found = {name: vars(registry)[kind]()[name] for name in names}
        monkeypatch.setattr(registry, kind, lambda found=found: found)
        expect(kind, width, shown(width, kind), SCREENS)


def in_terminal(work: Path, words: list[str], **environment: str) -> str:
    """What a command shows in a terminal of 80 columns."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words],
        cwd=work,
        stdin=child,
        stdout=child,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT), **environment},
    )
    os.close(child)
    text = b""
    while True:
        try:
            text += os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
    os.close(parent)
    assert process.wait() == 0, text.decode()
    return text.decode()


DONE = ["--task", "insurance", "--data", "synthetic", "--seeds", "2", "--steps", "100"]
DONE += ["--strategies", "none,threshold,class_weight", "--workers", "0"]  # as `measured` has it
WORDS = {"tasks": [], "strategies": [], "leaderboard": [], "recommend": [], "run": DONE}
WORDS |= {"inspect": ["insurance", "--data", "synthetic"]}


@pytest.mark.slow
@pytest.mark.parametrize("command", WORDS)
def test_a_terminal_shows_the_same_without_colour_and_dumb(
    command: str, measured: str, tmp_path: Path
) -> None:
    words = [command, *WORDS[command]]
    if command not in ("tasks", "strategies"):
        words += ["--tracking", stores.copy_of(measured, tmp_path)]
    colours = in_terminal(tmp_path, words, TERM="xterm-256color")
    plain = in_terminal(tmp_path, words, TERM="xterm-256color", NO_COLOR="1")
    dumb = in_terminal(tmp_path, words, TERM="dumb")
    assert "\x1b" not in dumb and not COLOUR.search(plain) and "\x1b" in colours
    first, *others = (RUN.sub("RUN", ESCAPES.sub("", text)) for text in (colours, plain, dumb))
    assert first.strip() and others == [first, first]
