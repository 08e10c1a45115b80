"""Runs in and out of MLflow: the only package that imports it.

Everything is logged synchronously, in large batches, through a client with an
explicit run id, by the process that has the numbers. A cell is done when a run
with its identity carries the tag DONE, which is written last.
"""
