"""What is compared: task, splits, strategy, the grid of cells; and how they are found."""
