"""An export's run, and the names that the registry takes."""

from __future__ import annotations

from collections.abc import Iterator

import mlflow
import pytest

from benchmark.protocol.errors import UserError
from benchmark.tracking import model_registry, tags
from benchmark.tracking.store import Store
from tests.tracking.conftest import get_run


@pytest.fixture(autouse=True)
def tracking_uri() -> Iterator[None]:
    """Forget MLflow's global address, which an export sets."""
    yield
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


def test_names_that_the_registry_takes_pass() -> None:
    model_registry.check_names("skewbench-insurance", "champion")


@pytest.mark.parametrize(
    ("name", "alias", "option"),
    [("a/b:c", "champion", "--name"), ("", "champion", "--name"), ("m", "a b:c", "--alias")],
)
def test_names_that_it_refuses_are_named_with_their_option(
    name: str, alias: str, option: str
) -> None:
    with pytest.raises(UserError, match=f"^{option} "):
        model_registry.check_names(name, alias)


def test_an_exports_run_finishes_with_the_block(opened: Store) -> None:
    with model_registry.exporting(opened, "export: none", {tags.LABEL: "none"}) as run_id:
        assert get_run(opened, run_id).info.status == "RUNNING"
    run = get_run(opened, run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "export: none")
    assert (run.data.tags[tags.KIND], run.data.tags[tags.LABEL]) == ("export", "none")


def test_an_exports_run_fails_with_the_block(opened: Store) -> None:
    with (
        pytest.raises(ValueError, match="no model"),
        model_registry.exporting(opened, "export: none", {}) as run_id,
    ):
        raise ValueError("no model")
    assert get_run(opened, run_id).info.status == "FAILED"


def test_a_column_that_may_change_its_type_is_any() -> None:
    schema = model_registry._schema({"age": "long", "mixed": "any"})
    assert [column.name for column in schema] == ["age", "mixed"]
    assert [str(column.type) for column in schema] == ["DataType.long", "Any"]


def test_the_code_that_goes_with_a_model_is_there() -> None:
    for name in model_registry.CODE:
        assert (model_registry.ROOT / name / "__init__.py").exists()
    assert model_registry.SCRIPT.exists()
