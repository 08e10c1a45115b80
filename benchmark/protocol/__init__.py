"""The experiment: task, splits, strategy, the grid of cells, and how they are found and written."""
