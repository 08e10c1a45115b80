"""SMOTE and logistic regression by other libraries, as their users write it.

Run by a peer's own Python, as their versions of scikit-learn differ: ``python peers.py LIBRARY
FOLDER STEPS``. FOLDER holds NAME~SEED.npz (x, y, train, test) and NAME.csv; each repeat is a line
of JSON with average precision, F1 at 0.5 and seconds of the processor.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

Scores = tuple[float, float]
TEST_SHARE = 0.15  # as in the benchmark


def imbens(file: Path, seed: int, steps: int) -> Scores:
    from imbens.sampler import SMOTE

    return on_our_split(file, SMOTE(random_state=seed).fit_resample, steps)


def smote_variants(file: Path, seed: int, steps: int) -> Scores:
    from smote_variants import SMOTE

    return on_our_split(file, SMOTE(n_neighbors=5, random_state=seed).sample, steps)


def on_our_split(file: Path, resample: Any, steps: int) -> Scores:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score, f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with np.load(file) as kept:
        x, y, train, test = (kept[key] for key in ("x", "y", "train", "test"))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=steps))
    p = model.fit(*resample(x[train], y[train])).predict_proba(x[test])[:, 1]
    return average_precision_score(y[test], p), f1_score(y[test], p > 0.5)


def balancr(file: Path, seed: int, steps: int) -> Scores:
    """Its own split, which is not stratified, of columns scaled before it."""
    from balancr.imbalance_analyser import BalancingFramework

    work = BalancingFramework()
    work.load_data(file.parent / f"{file.stem.partition('~')[0]}.csv", "target")
    work.preprocess_data(handle_missing="mean", scale="standard")
    options = {"SMOTE": {"random_state": seed}}
    work.apply_balancing_techniques(["SMOTE"], TEST_SHARE, seed, options)
    found = work.train_classifiers({"LogisticRegression": {"max_iter": steps}})
    measured = found["LogisticRegression"]["SMOTE"]["standard_metrics"]
    return measured["average_precision"], measured["f1"]


def main(library: str, folder: str, steps: str) -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    score = {"imbens": imbens, "smote_variants": smote_variants, "balancr": balancr}[library]
    files = sorted(Path(folder).glob("*.npz"))
    score(files[0], 0, int(steps))  # imports
    for file in files:
        seed = int(file.stem.partition("~")[2])
        began = time.process_time()
        precision, f1 = score(file, seed, int(steps))
        line = {"file": file.stem, "average_precision": precision, "f1": f1}
        print(json.dumps({**line, "seconds": time.process_time() - began}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
