"""Results of many data sets together; no formatting."""
