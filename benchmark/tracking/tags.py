"""Names of the tags that Skewbench writes on its runs."""

KIND = "skewbench.kind"  # "cell" or "invocation"
STRATEGY = "skewbench.strategy"  # in full; the parameter of that name is the short label
TRAINING_PART = "skewbench.training_part"
CELL = "skewbench.cell"  # identities, see benchmark/plan.py
TRAINING = "skewbench.training"
CONDITIONS = "skewbench.conditions"
INVOCATION = "skewbench.invocation"  # run id of the invocation that made a cell's run
PLAN = "skewbench.plan"  # of an invocation: JSON with its strategies and number of seeds
SOURCE = "skewbench.source"  # "real" or "synthetic"
CONTENT = "skewbench.content"  # hash of the data
ORIGIN = "skewbench.origin"  # where the data came from
DEVICE = "skewbench.device"
XLA = "skewbench.xla"
VERSIONS = "skewbench.versions"
COLLAPSED = "skewbench.collapsed"  # "yes" if every test row got the same decision
ERROR = "skewbench.error"  # why a run failed
DONE = "skewbench.done"  # written last, after everything else was read back
NOTE = "mlflow.note.content"  # what the UI shows as the description
