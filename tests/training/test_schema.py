"""Rows come back from a CSV as they were in training."""

import io

import numpy as np
import pandas as pd
import pytest

from benchmark.protocol.errors import UserError
from benchmark.training import schema

ROWS = pd.DataFrame(
    {
        "code": pd.Series(["01", "7", "x", None], dtype="str"),
        "digits": pd.Series(["01", "7", "7", None], dtype="str"),
        "flag": pd.Series(["true", "false", "false", "true"], dtype="str"),
        "gaps": pd.Series(["TRUE", None, "FALSE", "TRUE"], dtype="str"),
        "whole": [1.0, 2.0, np.nan, 4.0],
        "full": [1.0, 2.0, 3.0, 4.0],
        "part": [0.5, 2.0, 3.0, np.nan],
        "count": [1, 2, 3, 4],
        "word": pd.Series(["a", "b", None, "n"], dtype="str"),
    }
)
KNOWN = schema.schema_of(ROWS)


def test_what_a_reader_makes_of_it_is_undone() -> None:
    written = ROWS.assign(full=[1, 2, 3, 4]).to_csv(index=False)  # as people write it
    read = pd.read_csv(io.StringIO(written))
    assert read["flag"].dtype == bool and read["digits"].dtype == float  # else nothing is undone
    back = schema.restore(read, KNOWN)
    for name in ROWS:
        expected, found = ROWS[name].tolist(), back[name].tolist()
        assert [v for v in found if v == v] == [v for v in expected if v == v], name
        assert back[name].isna().tolist() == ROWS[name].isna().tolist(), name


def test_only_what_a_reader_may_mistake_is_left_open() -> None:
    plain = {name for name, column in KNOWN.items() if column.plain}
    assert plain == {"part", "count", "word"}


def test_rows_that_cannot_be_read_are_named() -> None:
    with pytest.raises(UserError, match="column 'part' is missing"):
        schema.restore(ROWS.drop(columns="part"), KNOWN)
    with pytest.raises(UserError, match=r"column 'whole' must hold numbers.*much"):
        schema.restore(ROWS.assign(whole=["1", "much", "", "3"]), KNOWN)
