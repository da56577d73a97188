"""The rules by which images are asked about: words that an analysis, a task and pages share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Rule = Literal[
    "entropy",
    "margin",
    "least_confidence",
    "outlier",
    "boundary",
    "class_balance",
    "diversity",
    "random",
]
RULES: Mapping[Rule, str] = {
    "entropy": "entropy of the class probabilities",
    "margin": "two classes almost equally likely",
    "least_confidence": "the likeliest class unlikely",
    "outlier": "far from its neighbours in the latent space",
    "boundary": "in the middle between two classes' means",
    "class_balance": "of a class with few labels",
    "diversity": "far from all labelled images and from those before it (k-centre greedy)",
    "random": "the control: drawn by the seed of the run",
}
CONTROL: Rule = "random"
