"""Turns evidence into probabilities: two logistic regressions fitted by `bench/train_answerability.py`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TypedDict

import numpy as np

from generation.evidence import ANSWER_FEATURES, SENTENCE_FEATURES, Features


class _Model(TypedDict):
    bias: float
    weights: dict[str, float]


class _Weights(TypedDict):
    sentence: _Model
    answer: _Model


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticRegression:
    weights: Features
    bias: float

    def log_odds(self, features: Features) -> Features:
        return features @ self.weights + self.bias


def _read(model: _Model, names: Sequence[str]) -> LogisticRegression:
    if set(model["weights"]) != set(names):
        raise ValueError("The weights do not belong to these features: run bench/train_answerability.py.")
    weights = np.array([model["weights"][name] for name in names])
    return LogisticRegression(weights=weights, bias=model["bias"])


_WEIGHTS: _Weights = json.loads((files("generation") / "evidence_weights.json").read_text(encoding="utf-8"))

SENTENCE_SCORER = _read(_WEIGHTS["sentence"], SENTENCE_FEATURES)
"""Does this sentence answer the question, supposing that one does?"""
ANSWER_SCORER = _read(_WEIGHTS["answer"], ANSWER_FEATURES)
"""Does the best sentence answer the question at all?"""


def probability(log_odds: Features | float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
