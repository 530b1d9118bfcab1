# Shared by all templates: where things lie, how the score is printed, how a submission is written.
import csv
import os
import sys

import numpy as np
import pandas as pd

DATA = os.environ.get("PODIUM_DATA", "/home/data")
OUT = os.environ.get("PODIUM_OUT", "/home/submission/submission.csv")
SEED = int(CONFIG.get("seed", 0))
EFFORT = float(CONFIG.get("effort", 1.0))
METRIC = CONFIG.get("metric", "accuracy")


def say(*words):
    """No clock in it: a program that is done again prints the same."""
    print(*words, flush=True)


def finish(score, columns):
    """Print the validation score and write the submission: columns is a dict in the order of the sample's header."""
    frame = pd.DataFrame(columns)
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    frame.to_csv(OUT, index=False)
    say("wrote", OUT, frame.shape)
    print(f"Validation score: {score:.6f}", flush=True)


def measure(truth, predicted):
    """The task's metric on held-out rows: predicted are labels for accuracy, scores of the positive class else."""
    from sklearn.metrics import accuracy_score, roc_auc_score
    if METRIC == "accuracy":
        return accuracy_score(truth, predicted)
    if METRIC == "top_k_hits":
        k = max(1, int(round(CONFIG.get("top_share", 0.2) * len(truth))))
        best = np.argsort(-np.asarray(predicted), kind="stable")[:k]
        return float(np.asarray(truth)[best].sum()) / max(1, int(np.sum(truth)))
    return roc_auc_score(truth, predicted)
