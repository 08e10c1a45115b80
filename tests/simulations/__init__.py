"""What the statistics promise, held against simulated and real data; run with ``-m slow -s``."""
