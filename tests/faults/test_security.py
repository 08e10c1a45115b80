"""What a hostile file, name or environment must not achieve."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from PIL import Image

from benchmark.cli.main import main
from benchmark.protocol import registry
from benchmark.protocol.errors import UserError, without_passwords
from benchmark.tracking import tags
from benchmark.training import fit as fitting
from benchmark.training import predictions as fit_files
from tasks import _template, catsdogs
from tasks.images import cache as array_cache
from tasks.images import catsdogs_archive
from tests import toys
from tests.slow import slow_but

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    file for name in ("benchmark", "tasks", "strategies") for file in (ROOT / name).rglob("*.py")
)


# --- nothing is unpickled, nothing is executed -------------------------------------------

EXECUTES = {"eval", "exec", "compile", "__import__"}
LOADS = {"load_model", "loads", "Unpickler", "unsafe_load", "full_load", "load_state", "pyfunc"}
KNOWN = {"json.loads", "tomllib.loads", "keras.saving.load_model"}  # the last one in safe mode
KNOWN |= {"CatBoostClassifier().load_model"}  # trees without code, of a file written a line before
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"}


# opens what Dask brings from the coordinator, which Dask unpickles itself everywhere else
SEALED = ROOT / "benchmark" / "workflows" / "execution" / "sealed.py"


def test_security_no_source_unpickles_or_executes_what_it_reads() -> None:
    assert SEALED in SOURCES
    for file in SOURCES:
        if file != SEALED:
            require_harmless(file)


def require_harmless(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module.partition(".")[0]]
        assert not MODULES & set(names), (file, ast.unparse(node))
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        last = called.rpartition(".")[2]
        place = f"{file}:{node.lineno}: {called}"
        executes = called in EXECUTES or called.startswith(("os.system", "subprocess"))
        assert not executes, place
        assert last not in LOADS or called in KNOWN, place
        assert "safe_mode" not in ast.unparse(node), place  # of Keras, which has it on
        if called in ("np.load", "numpy.load"):
            assert "allow_pickle=False" in ast.unparse(node), place
        assert "allow_pickle=True" not in ast.unparse(node), place
        assert not any(keyword.arg == "shell" for keyword in node.keywords), place


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.sprung,)


@pytest.fixture
def sprung(tmp_path: Path) -> Iterator[Path]:
    """Is there if anything was unpickled, which no test allows."""
    path = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(path)))
    assert path.exists()  # the trap works
    path.unlink()
    yield path
    assert not path.exists()


def trapped(sprung: Path, kind: str) -> bytes:
    array = np.array([Trap(sprung)], dtype=object)
    buffer = io.BytesIO()
    if kind == "npy":
        np.save(buffer, array, allow_pickle=True)
    elif kind == "npz":
        np.savez(buffer, x=array, y=array, numbers=array, validation_rows=array)
    else:
        pickle.dump(array, buffer)
    return buffer.getvalue()


KINDS = pytest.mark.parametrize("kind", ["npy", "npz", "pickle"])


@KINDS
def test_security_pickled_data_is_refused(sprung: Path, tmp_path: Path, kind: str) -> None:
    for name in ("data.npz", "data.npy", "train.csv", "cats/0.jpg"):
        file = tmp_path / kind / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(trapped(sprung, kind))
        with pytest.raises(UserError, match=name.partition("/")[0]):
            _template.TASK.load(_template.Settings(), file)
    (tmp_path / kind / "dogs").mkdir()
    shutil.copy(tmp_path / kind / "cats" / "0.jpg", tmp_path / kind / "dogs" / "1.jpg")
    for name in ("train.csv", "data.npz", "data.npy"):
        with pytest.raises(UserError):
            registry.task("insurance").load(None, tmp_path / kind / name)
        (tmp_path / kind / name).unlink()
    with pytest.raises(UserError, match="bad files"):
        registry.task("catsdogs").load(catsdogs.Settings(), tmp_path / kind)


@KINDS
@pytest.mark.parametrize("sealed", [False, True])
def test_security_a_pickle_in_the_cache_is_replaced(
    sprung: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, sealed: bool
) -> None:
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path))
    content = trapped(sprung, kind)
    content += hashlib.sha256(content).digest() * sealed
    (tmp_path / "entry.npy").write_bytes(content)
    kept = array_cache.cached("entry", (2,), np.uint8, lambda: [np.array([1, 2])])
    assert kept.tolist() == [1, 2]


@KINDS
def test_security_pickled_predictions_are_refused(sprung: Path, kind: str) -> None:
    with pytest.raises(Exception, match=r"allow_pickle|magic|zip|context|pickle"):
        fit_files.from_bytes(trapped(sprung, kind))


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of trainings, none of which trains."""
    seeds: list[int] = []

    def fit(*args: Any) -> fit_files.Fit:
        seeds.append(args[0].seed)
        return toys.FIT

    monkeypatch.setattr(fitting, "fit", fit)
    return seeds


def another_fit() -> bytes:
    """A whole and well-formed artifact, of another training."""
    import dataclasses

    forged = dataclasses.replace(toys.PREDICTIONS, best=toys.LOGITS * 0 + toys.LABELS[:, None])
    return fit_files.to_bytes(dataclasses.replace(toys.FIT, test=forged))


@pytest.mark.parametrize(
    "way",
    slow_but(["pickle"], ["file", "link out of the store", "pickle", "npz", "link to a device"]),
)
def test_security_an_artifact_that_was_exchanged_is_not_believed(
    toy: Path, store_uri: str, tmp_path: Path, fitted: list[int], sprung: Path, way: str
) -> None:
    assert toys.benchmark(store_uri, toy / "data.npz").exit_code == 0
    [artifact] = (tmp_path / "mlruns").rglob("predictions.npz")
    if way == "file":
        artifact.write_bytes(another_fit())
    elif way == "link out of the store":
        (tmp_path / "outside").write_bytes(another_fit())
        artifact.unlink()
        artifact.symlink_to(tmp_path / "outside")
    elif way == "link to a device":
        artifact.unlink()
        artifact.symlink_to("/dev/null")
    else:
        artifact.write_bytes(trapped(sprung, way))
    done = toys.benchmark(store_uri, toy / "data.npz", strategies="none,threshold")
    assert done.exit_code == 0, done.output
    assert fitted == [0, 0]  # trained again
    if way == "link out of the store":
        assert (tmp_path / "outside").read_bytes() == another_fit()


def test_security_an_artifact_that_is_what_it_was_is_believed(
    toy: Path, store_uri: str, fitted: list[int]
) -> None:
    for strategies in ("none", "none,threshold"):
        assert toys.benchmark(store_uri, toy / "data.npz", strategies=strategies).exit_code == 0
    assert fitted == [0]


# --- names do not leave their folder ------------------------------------------------------

ESCAPES = [
    "../evil.jpg",
    "../../evil.jpg",
    "PetImages/Cat/../../../evil.jpg",
    "/tmp/skewbench-evil.jpg",
    "//tmp/skewbench-evil.jpg",
    "PetImages/../../evil.jpg",
    "PetImages/Cat/..",
    "PetImages/Dog/.",
    "..",
    ".",
    "Cat/..\\..\\evil.jpg",
    "C:\\evil.jpg",
    "PetImages/Cat/evil.jpg\x00.jpg",
    "~/evil.jpg",
    "$HOME/evil.jpg",
    "Cat/\u2025/evil.jpg",
    "%2e%2e%2fevil.jpg",
    "Cat/....//evil.jpg",
    "x/" * 300 + "evil.jpg",
    "Cat/" + "e" * 300 + ".jpg",
    "cats",
    "PetImages",
]


def jpeg(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), (shade, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("name", ESCAPES, ids=lambda name: ascii(name[:30]))
@pytest.mark.parametrize("link", [False, True])
def test_security_an_archive_cannot_write_beside_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, link: bool
) -> None:
    import pooch

    archive, target = tmp_path / "archive.zip", tmp_path / "data" / "photos"
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("PetImages/Cat/0.jpg", jpeg(1))
        entry = zipfile.ZipInfo(name)
        if link:
            entry.external_attr = 0o120777 << 16
        files.writestr(entry, b"/etc/passwd" if link else jpeg(2))
        files.writestr("PetImages/Dog/0.jpg", jpeg(3))
    monkeypatch.setattr(pooch, "retrieve", lambda *_, **__: str(archive))
    try:
        catsdogs_archive.fetch(target)
    except UserError as error:
        assert "\n" not in str(error)
        assert not target.exists()
    else:
        assert not any(file.is_symlink() for file in target.rglob("*"))
    written = {file for file in tmp_path.rglob("*") if file.is_file()} - {archive}
    assert all(file.is_relative_to(target) for file in written)
    assert not Path("/tmp/skewbench-evil.jpg").exists()
    assert not list(target.parent.glob("tmp*"))


NAMES = [
    "../x",
    "..",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\x00b",
    "$(touch x)",
    "`x`",
    "%2e%2e",
    "x" * 5000,
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
@pytest.mark.parametrize("option", ["--task", "--strategies", "--settings"])
def test_security_a_name_from_the_command_line_is_no_path(
    name: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value = f"model={name}" if option == "--settings" else name
    result = CliRunner().invoke(main, ["run", option, value])
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../escape", "a/b", "a\x00b", "x" * 300, "ä"])
def test_security_names_in_the_cache_are_hashes(name: str) -> None:
    assert set(array_cache.key(name, "..", "/")) <= set("0123456789abcdef")


# --- downloads are checked ----------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """Answers everything with 200 and something else than what was asked for, or with 401."""

    status = 200

    def do_GET(self) -> None:
        content = b"something else"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """host:port of a server that gives the status that the test is parametrized with."""
    handler = type("Answers", (Handler,), {"status": getattr(request, "param", 200)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{made.server_port}"
        made.shutdown()


def test_security_a_download_with_another_hash_is_refused(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catsdogs_archive, "URL", f"http://{server}/photos.zip")
    monkeypatch.setenv("SKEWBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"SHA256|hash") as error:
        catsdogs_archive.fetch(tmp_path / "photos")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "photos").exists()
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]


# --- secrets stay where they are ----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:hunter2@host:5000", "http://me:***@host:5000"),
        ("https://:hunter2@host/x", "https://:***@host/x"),
        ("postgresql+psycopg2://me:hunter2@host/db", "postgresql+psycopg2://me:***@host/db"),
        ("postgresql://me:hun@ter2@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:hun/ter2@host/db", "postgresql://me:***@host/db"),
        (
            "postgresql://host/db?user=me&password=hunter2&x=1",
            "postgresql://host/db?user=me&password=***&x=1",
        ),
        ("x?sslPassword=hunter2", "x?sslPassword=***"),
        ("x?access_token=hunter2 failed", "x?access_token=*** failed"),
        (
            "no (http://me:hunter2@h/a) or http://me:hunter2@h",
            "no (http://me:***@h/a) or http://me:***@h",
        ),
        ("http://host:5000/#/experiments/1", "http://host:5000/#/experiments/1"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("http://me@host", "http://me@host"),
    ],
)
def test_security_passwords_are_not_shown(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert str(UserError(text)) == shown


@pytest.mark.parametrize("server", [401, 500], indirect=True)
def test_security_a_store_that_refuses_does_not_show_the_password(server: str) -> None:
    words = ["leaderboard", "--tracking", f"http://me:hunter2@{server}"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "http://me:***@127.0.0.1" in result.stderr
    assert "hunter2" not in result.output + repr(result.exception)


@pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql", "nonsense"])
def test_security_a_store_that_is_not_there_does_not_show_the_password(scheme: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"{scheme}://me:hunter2@127.0.0.1:{port}/db?password=hunter2"
    result = CliRunner().invoke(main, ["leaderboard", "--tracking", uri])
    assert result.exit_code == 2
    assert "me:***@127.0.0.1" in result.stderr
    assert "hunter2" not in result.output + repr(result.exception)


SECRETS = {
    name: f"planted-{number}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    for number, name in enumerate(
        [
            "AWS_SECRET_ACCESS_KEY",
            "KAGGLE_KEY",
            "GITHUB_TOKEN",
            "HF_TOKEN",
            "WANDB_API_KEY",
            "OPENAI_API_KEY",
            "SSH_PASSPHRASE",
            "PGPASSWORD",
            "SKEWBENCH_SECRET",
        ]
    )
}
PASSWORD = "planted-9-hunter2hunter2"


@pytest.fixture(scope="module")
def tracking_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """host:port of a MLflow server and the folder that it writes to."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.3)
        yield f"127.0.0.1:{port}", folder
    finally:
        process.terminate()
        process.wait(30)


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file, and of every member of those that are archives."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield str(file), file.read_bytes()
            if file.suffix == ".npz":
                with zipfile.ZipFile(file) as members:
                    yield from ((name, members.read(name)) for name in members.namelist())


@pytest.mark.slow
def test_security_ten_planted_secrets_are_nowhere(
    tracking_server: tuple[str, Path], tmp_path: Path
) -> None:
    address, folder = tracking_server
    uri = f"http://me:{PASSWORD}@{address}"
    environment = os.environ | SECRETS | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": uri}
    words = ["run", "--task", "insurance", "--data", "stand-in", "--seeds", "1", "--steps", "5"]
    words += ["--strategies", "none,threshold,smote(k=1000000)", "--workers", "1"]
    said = ""
    words += ["--tracking", uri.replace("//me:", "//you:")]
    for command, status in ((words, 1), (["leaderboard", "--output", "L.md", "--csv", "l.csv"], 0)):
        done = subprocess.run(
            [sys.executable, "-m", "benchmark", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        said += done.stdout + done.stderr
    assert "SYNTHETIC" in (tmp_path / "L.md").read_text()
    assert "http://you:***@127.0.0.1" in said  # shown, without the password
    files = [("output", said.encode()), *everything(folder), *everything(tmp_path)]
    assert sum(name.endswith("predictions.npz") for name, _ in files) >= 2
    for name, content in files:
        for secret in (*SECRETS.values(), PASSWORD):
            assert secret.encode() not in content, (name, secret)
    client = MlflowClient(f"http://{address}")
    experiment = client.get_experiment_by_name("insurance")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`{tags.KIND}` = 'cell'")
    assert sorted({one.info.status for one in found}) == ["FAILED", "FINISHED"]
