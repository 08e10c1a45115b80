"""Training of one cell: rows in, predictions and scores out. Uses Keras and scikit-learn."""
