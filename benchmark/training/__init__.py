"""One cell: rows in, predictions and scores out. Keras, TensorFlow and scikit-learn live here."""
