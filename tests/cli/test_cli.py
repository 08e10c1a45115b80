"""What a person gets wrong: one line, status 2, nothing half-written."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark import __version__
from benchmark.cli import main as cli_main
from benchmark.cli import options
from benchmark.cli.main import main
from benchmark.protocol import registry
from benchmark.protocol.errors import UserError
from benchmark.training import fit as fitting
from benchmark.workflows.execution import connection
from tests import toys

ROOT = Path(__file__).parents[2]
HEAVY = {
    *("tensorflow", "keras", "mlflow", "optuna", "sklearn", "pandas"),
    *("imblearn", "scipy", "distributed", "matplotlib"),
}

WRONG = {
    "task": (["--task", "catdogs"], "did you mean 'catsdogs'?"),
    "strategy": (["--strategies", "none,oversampel"], "did you mean 'oversample'?"),
    "argument": (["--strategies", "focal(gama=2)"], "did you mean 'gamma'?"),
    "range": (["--strategies", "oversample(ratio=2)"], "ratio must be between 0 and 1"),
    "two losses": (["--strategies", "focal+logit_adjust"], "two losses cannot be joined"),
    "setting": (["--settings", "imbalanse=20"], "did you mean 'imbalance'?"),
    "setting's range": (["--settings", "imbalance=0.5"], "imbalance must be at least 1"),
    "setting's form": (["--settings", "imbalance:20"], "settings are written name=value"),
    "model": (["--settings", "model=Xcepton"], "did you mean 'Xception'?"),
    "strategies": (["--strategies", "none+" * 3000 + "]"], "cannot read strategies"),
    "setting twice": (["--settings", "size=64 size=32"], "size is given twice"),
    "seeds": (["--seeds", "three"], "--seeds must be a whole number"),
    "strange number": (["--seeds", "²"], "--seeds must be a whole number"),
    "steps": (["--steps", "0"], "--steps must be a whole number, at least 1"),
    "workers": (["--workers", "-1"], "--workers must be a whole number"),
    "no such data": (["--data", "/nowhere/photos"], "/nowhere/photos"),
    "smote on images": (
        ["--strategies", "smote", "--settings", "train=20 validation=10 test=10 size=16"],
        "needs a table, but this task has images",
    ),
    "scheduler without a server": (["--scheduler", "tcp://127.0.0.1:1"], "tracking server"),
    "password in an address that goes to a cluster": (
        ["--scheduler", "tcp://127.0.0.1:1", "--tracking", "http://me:secret@127.0.0.1:1"],
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, here and in the workers'",
    ),
}


@pytest.fixture
def store_uri(tmp_path: Path) -> str:
    """A store that does not exist yet, and must not after a wrong request."""
    return f"sqlite:///{tmp_path}/mlflow.db"


def invoke(store_uri: str, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["run", "--tracking", store_uri, *words])
    return result.exit_code, result.stderr


@pytest.mark.parametrize("words, expected", WRONG.values(), ids=list(WRONG))
def test_a_wrong_request_is_one_line_and_leaves_nothing(
    words: list[str], expected: str, store_uri: str, tmp_path: Path
) -> None:
    status, errors = invoke(store_uri, *words)
    assert status == 2
    [line] = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert expected in line
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())


def test_data_that_is_too_small_for_the_settings_is_refused_before_any_run(
    store_uri: str, tmp_path: Path
) -> None:
    rows = ["id,Gender,Age,Driving_License,Region_Code,Previously_Insured,Vehicle_Age,"]
    rows[0] += "Vehicle_Damage,Annual_Premium,Policy_Sales_Channel,Vintage,Response"
    rows += [f"{i},Male,4{i},1,28.0,0,1-2 Year,Yes,3000{i}.0,26.0,2{i},0" for i in range(5)]
    data = tmp_path / "train.csv"
    data.write_text("\n".join(rows) + "\n")
    status, errors = invoke(store_uri, "--task", "insurance", "--data", str(data))
    assert status == 2 and "\nerror: " in errors
    assert list(tmp_path.iterdir()) == [data]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    "uri, reason",
    [
        ("http://127.0.0.1:{port}", " cannot be reached (ConnectionError)"),
        ("sqlite:////nowhere/at/all/mlflow.db", ": there is no folder /nowhere/at/all"),
    ],
)
def test_a_store_that_cannot_be_reached_is_named(uri: str, reason: str) -> None:
    address = uri.format(port=free_port())
    words = ["--task", "insurance", "--data", "synthetic", "--strategies", "none"]
    status, errors = invoke(address, *words)
    assert status == 2
    assert f"error: tracking store {address}{reason}" in errors


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1.0)
    address = f"tcp://127.0.0.1:{free_port()}"
    for wrong in (address, "nonsense://"):
        expected = pytest.raises(UserError, match=f"no Dask scheduler answers at {wrong}")
        with expected:
            connection.connect(wrong)


def test_leaderboard_of_an_empty_store_says_so(store_uri: str, fresh_store: Path) -> None:
    for uri, expected in {store_uri: "there is no", f"sqlite:///{fresh_store}": "no runs"}.items():
        result = CliRunner().invoke(main, ["leaderboard", "--tracking", uri])
        assert result.exit_code == 2
        assert expected in result.stderr
    assert not Path(store_uri.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("command", ["tasks", "strategies"])
def test_listings_name_everything_with_its_defaults(command: str) -> None:
    shown = CliRunner().invoke(main, [command])
    assert shown.exit_code == 0
    for expected in {"tasks": ["catsdogs", "imbalance=10"], "strategies": ["smote", "k=5"]}[
        command
    ]:
        assert expected in shown.output


def test_data_is_found_where_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKEWBENCH_DATA", str(tmp_path / "shared"))
    assert options.find_data("insurance", "") == ""
    (tmp_path / "shared" / "insurance").mkdir(parents=True)
    assert options.find_data("insurance", "") == str(tmp_path / "shared" / "insurance")
    (tmp_path / "data" / "insurance").mkdir(parents=True)
    assert options.find_data("insurance", "") == str(Path("data/insurance"))
    assert options.find_data("insurance", "mine.csv") == "mine.csv"


def test_a_path_that_mlflow_run_does_not_find_is_to_be_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_RUN_ID", "run")
    with pytest.raises(UserError, match=r"data=mine.csv: no such file.*give its whole path"):
        options.find_data("csv", "mine.csv")
    (tmp_path / "mine.csv").touch()
    assert options.find_data("csv", "mine.csv") == "mine.csv"


@pytest.mark.parametrize("asked", ["synthetic", "stand-in"])
def test_synthetic_data_can_be_asked_for(
    asked: str, measured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "insurance").mkdir(parents=True)
    assert options.find_data("insurance", asked) == ""
    words = ["recommend", "insurance", "--data", asked, "--tracking", measured]
    assert CliRunner().invoke(main, words).exit_code == 0


def test_the_version_is_printed() -> None:
    shown = CliRunner().invoke(main, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"skewbench, version {__version__}\n")


LISTINGS = [["--help"], ["--version"], ["tasks"], ["strategies"], ["studies"]]


@pytest.mark.parametrize(
    "words", [*LISTINGS, *([name, "--help"] for name in main.commands)], ids=" ".join
)
def test_help_and_listings_import_no_heavy_library(words: list[str]) -> None:
    code = (
        "import sys; from benchmark.cli.main import main; "
        f"main({words}, standalone_mode=False); "
        f"print('loaded:', sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("loaded: []\n")


def test_a_profile_accounts_for_all_stages() -> None:
    words = ["profile", "insurance", "--data", "synthetic", "--steps", "20"]
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0, shown.output
    for stage in ("start", "data", "compilation", "training", "evaluation", "logging", "all"):
        assert f" {stage} " in shown.output
    assert "20 steps of 512 rows" in shown.output


def test_a_profile_of_what_makes_no_sense_is_refused() -> None:
    shown = CliRunner().invoke(main, ["profile", "insurance", "--strategy", "none,focal"])
    assert shown.exit_code == 2 and "error: " in shown.stderr


def test_strategies_are_listed_by_family() -> None:
    lines = CliRunner().invoke(main, ["strategies"]).output.splitlines()
    group, groups = "", {}
    for line in lines:
        if line[0].isupper():
            group = line
        elif not line.startswith(" "):
            groups[line] = group
    assert list(dict.fromkeys(groups.values())) == [
        *("Baseline", "Resampling", "Augmentation", "Sample weights", "Loss", "Classifier head"),
        *("Initial bias", "Stages of training", "Ensemble", "Calibration", "Decision threshold"),
    ]
    assert set(groups) == set(registry.strategies())
    for name, family in {"ldam": "Classifier head", "under_bagging": "Ensemble"}.items():
        assert groups[name] == family


def every_help() -> list[list[str]]:
    return [["--help"], *([name, "--help"] for name in main.commands)]


@pytest.mark.parametrize("words", every_help(), ids=" ".join)
def test_help_fits_80_columns_with_whole_summaries_and_examples(words: list[str]) -> None:
    shown = CliRunner().invoke(main, words, terminal_width=80)
    lines = shown.output.splitlines()
    assert shown.exit_code == 0
    assert max(map(len, lines)) <= 80
    if words[0] not in ("tasks", "strategies", "studies"):
        assert "  Examples:" in lines


def test_summaries_are_whole() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--help"], terminal_width=80).output.split())
    for command in main.commands.values():
        summary, *_ = (command.help or "").split("\n\n")
        assert " ".join(summary.split()) in shown


def test_commands_are_in_groups() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    places = [shown.index(group.TITLE) for group in cli_main.GROUPS]
    assert places == sorted(places)
    grouped = {command.name for group in cli_main.GROUPS for command in group.COMMANDS}
    assert grouped == set(main.commands)


@pytest.mark.parametrize("shell", cli_main.SHELLS)
def test_completion_scripts_are_printed(shell: str) -> None:
    shown = CliRunner().invoke(main, ["--completion", shell])
    assert shown.exit_code == 0
    assert "_SKEWBENCH_COMPLETE" in shown.output and "skewbench" in shown.output


@pytest.mark.parametrize(
    "typed, expected",
    [
        ("ru", "run"),
        ("run --task insur", "insurance"),
        ("run --strategies none,over", "none,oversample"),
        ("run --strategies focal+thr", "focal+threshold"),
        ("run --until-decided y", "yes"),
        ("study wei", "weights"),
        ("run --see", "--seeds"),
    ],
)
def test_words_are_completed(typed: str, expected: str) -> None:
    words = typed.split()
    environment = {
        "_SKEWBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": f"skewbench {typed}",
        "COMP_CWORD": str(len(words)),
    }
    shown = CliRunner().invoke(main, [], prog_name="skewbench", env=environment)
    assert expected in [line.partition(",")[2] for line in shown.output.splitlines()]


def test_the_log_file_has_messages_with_their_time_and_phases(
    store_uri: str, tmp_path: Path
) -> None:
    log = tmp_path / "run.log"
    words = [
        "run",
        "--task",
        "insurance",
        "--data",
        "synthetic",
        "--strategies",
        "none,smote+remix",
    ]
    done = CliRunner().invoke(main, [*words, "--tracking", store_uri, "--log-file", str(log)])
    assert done.exit_code == 2
    lines = log.read_text().splitlines()
    assert all(
        re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|DEBUG) benchmark", line)
        for line in lines
        if line[:2] == "20"
    )
    assert any("insurance: 2 strategies, 3 seeds" in line for line in lines)
    assert any(re.search(r"DEBUG .*: reading the data: \d+\.\d s", line) for line in lines)


def test_a_log_file_that_cannot_be_written_is_named(store_uri: str) -> None:
    status, errors = invoke(store_uri, "--log-file", "/nowhere/run.log")
    assert status == 2 and "error: cannot write --log-file /nowhere/run.log" in errors


def test_the_log_file_has_the_traceback_of_a_failure(
    toy: Path, store_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(fitting, "fit", fit)
    log = tmp_path / "run.log"
    words = ["--log-file", str(log)]
    done = toys.benchmark(store_uri, toy / "data.npz", *words, strategies="none,threshold")
    assert done.exit_code == 1 and "Traceback" not in done.output
    text = log.read_text()
    assert text.count("Traceback") == 1  # of a training that two runs share
    assert "ZeroDivisionError: a bug" in text and "test_cli.py" in text
