"""Questions that people ask of a benchmark: one file per study, named after it.

To add one, copy the shortest and change its `arms` (what is run) and `answer` (how it is read).
"""
