"""Names of the tags that Skewbench writes on its runs.

Tags, unlike parameters, are written in the call that creates a run: a run that was
interrupted at any later moment still says what it was. Those of a cell that no query needs are
folded into one, as JSON; whoever reads runs through `store.pages` gets each by its own name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

KIND = "skewbench.kind"  # "cell", "invocation", "study", "trial", "search", "inspection", ...
CONDITIONS = "skewbench.conditions"  # identities, see benchmark/protocol/grid.py
CELL = "skewbench.cell"
TRAINING = "skewbench.training"
FACTS = "skewbench.facts"  # the conditions for readers: JSON
STRATEGY = "skewbench.strategy"  # in full; the parameter of that name is the short label
LABEL = "skewbench.label"
CODE = "skewbench.code"  # fingerprint of the strategy's own modules
SEED = "skewbench.seed"
TRAINING_PART = "skewbench.training_part"
CREATION = "skewbench.creation"  # identifies a run whose creation was never confirmed
ATTEMPT = "skewbench.attempt"  # number of the attempt at the training, within an invocation
OWNER = "skewbench.owner"  # of an invocation: the process that runs it, JSON
ALIVE = "skewbench.alive"  # of an invocation: its last heartbeat, seconds since 1970
INVOCATION = "skewbench.invocation"  # run id of the invocation that made a cell's run
SUITE = "skewbench.suite"  # of a suite, and of the plans in it: JSON
PLAN = "skewbench.plan"  # of an invocation: JSON, in pieces .0, .1, ...
SEARCH = "skewbench.search"  # identity, of a search and its trials
TRIAL = "skewbench.trial"  # number in Optuna's storage
STATE = "skewbench.state"  # of a trial, as Optuna names it
SOURCE = "skewbench.source"  # "real" or "synthetic"
DEVICE = "skewbench.device"
XLA = "skewbench.xla"
VERSIONS = "skewbench.versions"
COLLAPSED = "skewbench.collapsed"  # "yes" if all test rows are predicted as one class
PREDICTIONS = "skewbench.predictions"  # SHA-256 of the artifact
TEST_ROWS = "skewbench.test_rows"  # hash of the row numbers of the test split
ERROR = "skewbench.error"  # why a run failed
FILES = "skewbench.files"  # names of the artifacts that a done run has, JSON
DONE = "skewbench.done"  # written last, after everything else was read back
NOTE = "mlflow.note.content"  # what the UI shows as the description

DETAILS = "skewbench.details"  # of a cell: the tags in FOLDED, JSON
FOLDED = (
    *(LABEL, SEED, STRATEGY, TRAINING_PART, DEVICE, VERSIONS, XLA, COLLAPSED, ATTEMPT),
    *(CELL, CODE, PREDICTIONS, TEST_ROWS, FILES, FACTS),
)
AS_JSON = (FILES, FACTS)
PREFIX = "skewbench."

OF_CELL = {CONDITIONS, CELL, FACTS, STRATEGY, TRAINING_PART, LABEL, CODE, SEED}
OF_INVOCATION = {CONDITIONS, FACTS, f"{PLAN}.0"}
LIMIT = 7500  # characters of a value; MLflow truncates at 8,000 silently


def fold(values: Mapping[str, str]) -> dict[str, str]:
    """Fold tags into one; what is too long for it stays a tag of its own."""
    folded = {name: values[name] for name in FOLDED if name in values}
    while len(text := _details(folded)) > LIMIT:
        del folded[max(folded, key=lambda name: len(folded[name]))]
    return {name: value for name, value in values.items() if name not in folded} | {DETAILS: text}


def _details(folded: Mapping[str, str]) -> str:
    return json.dumps(
        {
            name.removeprefix(PREFIX): json.loads(value) if name in AS_JSON else value
            for name, value in folded.items()
        }
    )


def unfold(found: dict[str, str]) -> None:
    """Add the tags that were folded, under their own names; a damaged one is left out."""
    with suppress(ValueError, AttributeError):  # no JSON, or no object
        for name, value in json.loads(found.get(DETAILS, "{}")).items():
            found[PREFIX + name] = value if isinstance(value, str) else json.dumps(value)
