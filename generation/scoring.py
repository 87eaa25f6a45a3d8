"""Turns evidence into probabilities, with fitted weights.

`bench/train_sentences.py` fits those of the sentences, `bench/train_answerability.py` those of the answer.
"""

import json
from importlib.resources import files
from typing import TypedDict

import numpy as np

from generation.evidence import ANSWER_FEATURES, SENTENCE_FEATURES, Features


class _Weights(TypedDict):
    sentence: dict[str, float]
    answer: dict[str, float]
    answer_bias: float


_WEIGHTS: _Weights = json.loads((files("generation") / "evidence_weights.json").read_text(encoding="utf-8"))
# A feature without its weight is a KeyError: the file belongs to other features and must be made anew.
_SENTENCE = np.array([_WEIGHTS["sentence"][name] for name in SENTENCE_FEATURES])
_ANSWER = np.array([_WEIGHTS["answer"][name] for name in ANSWER_FEATURES])


def sentence_scores(features: Features) -> Features:
    """Conditional logit: how well each sentence answers, compared with the others of the same question."""
    return features @ _SENTENCE


def answer_probability(features: Features) -> float:
    """Logistic regression: the probability that the best sentence answers at all, 0 to 1."""
    return float(1 / (1 + np.exp(-(features @ _ANSWER + _WEIGHTS["answer_bias"]))))
