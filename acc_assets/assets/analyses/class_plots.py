"""Plots of classifiers: how sure they are, whether they are right as often as that, and which classes they confuse."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.analyses.component_plots import no_responsibilities
from acc_assets.assets.analyses.plots import rounded, sentences
from acc_assets.families import Chart, Evaluated, plot
from acc_assets.families.latents import SCORED
from acc_assets.families.providers import Classified
from acc_assets.families.words import number

BINS = 20  # of confidence
RESPONSIBILITY = "largest responsibility max q(c|x)"


def no_classifier(found: Evaluated) -> str | None:
    """Why there are no class probabilities; None where there are."""
    return None if found.classifiers else "no task gives class probabilities"


def no_confidence(found: Evaluated) -> str | None:
    """Why nothing says how sure the model is."""
    if no_responsibilities(found) is not None and no_classifier(found) is not None:
        return "the model has no components, and no task gives class probabilities"
    return None


@plot("confidence", title="Confidence histogram", applies=no_confidence)
def confidence(found: Evaluated) -> Chart:
    """How sure the model is, of images that it classifies rightly and wrongly."""
    panels, told = [], []

    def add(title: str, values: np.ndarray, correct: np.ndarray | None, by: str) -> None:
        edges = np.linspace(0, 1, BINS + 1)
        parts = {"all": values} if correct is None else {"right": values[correct], "wrong": values[~correct]}
        counts = {name: np.histogram(part, edges)[0].tolist() for name, part in parts.items()}
        panels.append({"title": title, "counts": counts})
        means = [
            f"{number(100 * part.mean(), 1)} % {f'where {by} is {name}' if by else 'over all images'}"
            for name, part in parts.items()
            if len(part)
        ]
        told.append(f"{title}: a mean of {' and '.join(means)}.")

    judged = {name: one for name, one in found.classifiers.items() if one.same_images}
    if no_responsibilities(found) is None:
        largest = found.outputs["component"].max(1).astype(np.float64)
        first = next(iter(judged), None)
        add(RESPONSIBILITY, largest, judged[first].correct if first else None, first or "")
    for name, one in found.classifiers.items():
        add(f"class probability max p(y|x) of {name}", one.probabilities.max(1), one.correct, name)
    return Chart(
        title="Confidence",
        spec={"kind": "confidence", "panels": panels},
        caption="Test images by how sure the model is of the likeliest component and class: above those whose "
        "likeliest class is the true one, below the others.",
        told=sentences(told),
    )


@plot("accuracy", title="Per-class accuracy", applies=no_classifier)
def accuracy(found: Evaluated) -> Chart:
    """Accuracy of each class, with the interval that its number of test images leaves."""
    from acc_assets.tasks.calibration import wilson

    panels, told = [], []
    names = list(dict.fromkeys(name for one in found.classifiers.values() for name in one.classes))
    for name, one in found.classifiers.items():
        places = np.array([names.index(own) for own in one.classes])[one.targets]
        counts = np.bincount(places, minlength=len(names))
        right = np.bincount(places[one.correct], minlength=len(names))
        shares = 100 * np.divide(right, counts, out=np.full(len(names), np.nan), where=counts > 0)
        low, high = (100 * bound for bound in wilson(right, counts))
        panels.append(
            {"title": f"accuracy of {name}", "unit": "%", "digits": 1, "values": rounded(shares),
             "low": rounded(low), "high": rounded(high), "counts": counts.tolist(),
             "all": round(100 * float(one.correct.mean()), 2)}
        )  # fmt: skip
        known = np.flatnonzero(counts)
        worst, best = known[shares[known].argmin()], known[shares[known].argmax()]
        told.append(
            f"The task {name} is most often right about {names[best]}, {number(shares[best], 1)} %, and least often "
            f"about {names[worst]}, {number(shares[worst], 1)} %; {number(100 * one.correct.mean(), 2)} % over all."
        )
    return Chart(
        title="Accuracy by class",
        spec={"kind": "rows", "label": "class", "names": names, "panels": panels},
        caption="The share of each class's test images whose likeliest class is the true one, with the 95 % interval "
        "(Wilson) that their number leaves. The line is the accuracy over all of them.",
        told=sentences(told),
    )


@plot("calibration", title="Certainty calibration", applies=no_classifier)
def calibration(found: Evaluated) -> Chart:
    """Whether a classifier is right as often as it is sure."""
    from acc_assets.tasks.calibration import reliability

    series, told = [], []
    for name, one in found.classifiers.items():
        for title, sure in _sureness(found, name, one).items():
            curve = reliability(sure, one.correct)
            series.append(
                {"name": title, "counts": curve.counts.tolist(), "confidence": rounded(curve.confidence),
                 "accuracy": rounded(curve.accuracy), "ece": round(100 * curve.ece, 2)}
            )  # fmt: skip
            gap = float(sure.mean() - one.correct.mean())
            way = (
                "about as sure as it is right"
                if abs(gap) < 0.02
                else "too sure"
                if gap > 0
                else "not sure enough"
            )
            told.append(
                f"{title}: ECE {number(100 * curve.ece, 1)} %, on average {number(100 * sure.mean(), 1)} % sure and "
                f"{number(100 * one.correct.mean(), 1)} % right, so {way}."
            )
    return Chart(
        title="Calibration",
        spec={"kind": "reliability", "series": series},
        caption="Test images in 15 bins of equal width by how sure the classifier is; on the diagonal it is right as "
        "often as it says. Below: images in each bin. ECE is the mean distance from the diagonal, each bin as much as "
        "it has images (Guo et al. 2017).",
        told=sentences(told),
    )


PLOTS = (confidence, accuracy, calibration)


def _sureness(found: Evaluated, name: str, one: Classified) -> dict[str, np.ndarray]:
    """How sure (n,) a classifier is, by what measures it: its largest probability, and tau's certainty."""
    sure = {f"max p(y|x) of {name}": one.probabilities.max(1)}
    score = found.outputs.get(f"{SCORED}{name}/ood")  # 1 - the certainty, of a task that counts labels
    if score is not None and one.same_images and callable(getattr(found.heads.get(name), "tau", None)):
        sure[f"certainty max r τ of {name}"] = 1 - score.astype(np.float64)
    return sure
