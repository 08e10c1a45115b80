"""The example notebook: executed as a person would, with the outputs that are committed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "digits.ipynb"


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def recommended(notebook: Any) -> str:
    """The first sentence of the recommendation, as it is shown."""
    [cell] = [cell for cell in code_cells(notebook) if cell.source.endswith("advice")]
    return str(cell.outputs[-1].data["text/plain"].splitlines()[0])


def test_the_committed_notebook_has_its_outputs() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum("image/png" in one.get("data", {}) for cell in cells for one in cell.outputs) == 2
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert str(Path.home()) + "/" not in text and "Traceback" not in text and "stderr" not in text


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, whose name is nowhere in what a person sees; see CONTRIBUTING.md."""
    import nbformat
    from nbclient import NotebookClient

    committed = nbformat.read(NOTEBOOK, as_version=4)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    shutil.copy(NOTEBOOK, tmp_path)
    executed = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(executed, timeout=300, kernel_name="python3", resources=resources).execute()
    assert recommended(executed) == recommended(committed)
    assert (tmp_path / "mlflow.db").exists()
