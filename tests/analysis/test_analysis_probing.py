"""What a linear classifier reads from a slot, against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from acc_assets.analysis.probing import CLASS, WHOLE, ClassProbe, probe_classes
from acc_assets.models import FactorGroup

GROUPS = (FactorGroup("digit", 0, 2), FactorGroup("style", 2, 4))


def latents(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of unequal size around the corners of a triangle in the first two dimensions; noise in the rest."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, size=300, p=[0.5, 0.3, 0.2])
    corners = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    mu = rng.normal(size=(300, 4))
    mu[:, :2] += corners[labels]
    return mu.astype(np.float32), labels


def test_the_slot_that_carries_the_class_tells_it_and_the_other_does_not() -> None:
    mu, labels = latents()
    found = {probe.slice: probe for probe in probe_classes(mu, GROUPS, labels)}
    assert list(found) == [WHOLE, "digit", "style"]
    chance = np.bincount(labels).max() / 300
    assert found["digit"].accuracy > 0.99
    assert abs(found["style"].accuracy - chance) < 0.08
    assert {probe.chance for probe in found.values()} == {chance}
    assert found["digit"].told() == ("accuracy of the class from digit", found["digit"].accuracy)
    assert found["digit"].to_json()["property"] == CLASS


def test_the_scale_of_a_dimension_does_not_matter() -> None:
    mu, labels = latents()
    assert probe_classes(mu * np.float32(1e4), GROUPS, labels) == probe_classes(mu, GROUPS, labels)


def test_one_class_alone_is_always_right_and_a_dead_slot_guesses() -> None:
    mu, labels = latents()
    assert probe_classes(mu, GROUPS, np.zeros(300, np.int64))[0] == ClassProbe(WHOLE, CLASS, 1.0, 1.0, 300)
    mu[:, 2:] = 0.0
    assert probe_classes(mu, GROUPS, labels)[2].accuracy == pytest.approx(np.bincount(labels).max() / 300)


def test_labels_of_another_length_are_refused() -> None:
    mu, labels = latents()
    with pytest.raises(ValueError, match="299 labels for 300 latents"):
        probe_classes(mu, GROUPS, labels[1:])
