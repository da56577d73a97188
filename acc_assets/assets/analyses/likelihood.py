"""The log-likelihood of test images, by importance sampling with the model's own posterior."""

from __future__ import annotations

from typing import Any

import numpy as np

from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.families import Likelihood, likelihood

KNOWN = 1_000  # examples of the model whose likelihood is known
APART = 1.0  # nats by which a tenth of the samples may be lower
BLACK_AND_WHITE = (0, 255)


def run(work: NodeWork) -> Outcome:
    """Estimate it for a model that can weigh draws of z, trained as a Bernoulli decoder on black and white images."""
    from acc_assets.analysis.likelihood import known_error, of_images

    request: Likelihood = work.request
    model: Any = work.model().model
    shown = work.data.test.images
    why = _refused(work, model, shown)
    if why is not None:
        return left_out(work, why, request.checks)
    count = min(request.images or len(shown), len(shown))
    images = shown[np.linspace(0, len(shown) - 1, count).round().astype(int)]
    found = of_images(model, images, request.samples, request.seed, work.runtime.apply())
    gap = float((found.value - found.elbo).mean())
    missed = known_error(request.samples, model.latent_dim, gap, KNOWN, request.seed)
    facts = {
        "samples": request.samples,
        "images": len(images),
        "of": len(shown),
        "dataset": work.dataset_name,
        "split": "test",
        "seed": request.seed,
        "log_likelihood": float(found.value.mean()),
        "fewer": float(found.fewer.mean()),
        "elbo": float(found.elbo.mean()),
        "standard_error": float(found.value.std(ddof=1) / len(images) ** 0.5) if len(images) > 1 else None,
        "error": float(np.sqrt(np.square(found.error).sum()) / len(images)),
        "dims": model.latent_dim,
        "known_error": missed[0],
        "known_fewer": missed[1],
        "ess": {
            "mean": float(found.ess.mean()),
            "median": float(np.median(found.ess)),
            "least": float(found.ess.min()),
        },
    }
    arrays = {"log_likelihood": found.value, "elbo": found.elbo, "ess": found.ess}
    likelihood.write(work.folder, {name: one.astype(np.float32) for name, one in arrays.items()}, facts)
    apart = facts["log_likelihood"] - facts["fewer"]
    told = f"{request.samples:,} samples give {apart:.2f} nats more than {request.samples // 10:,}"
    return Outcome(
        metadata={
            name: facts[name] for name in ("log_likelihood", "standard_error", "elbo", "samples", "images")
        },
        verdicts={"settled": Verdict(passed=apart < APART, reason=told)},
    )


def _refused(work: NodeWork, model: Any, images: np.ndarray) -> str | None:
    """Why there is no such likelihood here; None where there is."""
    if not callable(getattr(model, "weigher", None)):
        return f"{type(model).__name__} has no weigher(images, draws), which gives the weights of draws of z"
    errors = {task.error for task in work.node.tasks if hasattr(task, "error")}
    if errors != {"bce"}:
        return f"the decoder was trained with the error {', '.join(sorted(errors)) or 'of no task'}, not with 'bce'"
    if not np.isin(np.unique(images), BLACK_AND_WHITE).all():
        return "grey images have no Bernoulli likelihood: use Binarised(of=...) for the data set"
    return None
