"""Samples of posterior and prior, decoded by every snapshot's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

import numpy as np

from acc_assets.assets.analyses.density import prior_of
from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NO_PARTS, NodeWork, left_out, picture
from acc_assets.families import Samples, latents, samples
from acc_assets.families.samples import POSTERIOR, PRIOR, Drawn
from acc_assets.models import ModelOutput
from acc_assets.tree import LATENT

SCALE = 2
NOTHING_TO_DRAW = (
    "the model returns neither variances (ModelOutput.LOGVAR) nor components, or has a prior that is no Gaussian "
    "of its latent, so that there is no distribution to draw from"
)


def run(work: NodeWork) -> Outcome:
    """Draw from each snapshot's distributions with the same noise, and let its own decoder decode."""
    request: Samples = work.request
    seed = work.seed if request.seed is None else request.seed
    rows = work.examples(request.examples)
    drawn: dict[str, dict[int, Drawn]] = {}
    why_not: dict[str, str] = {}
    others = [name for name in work.abilities.code if name != LATENT]
    for step in latents.facts(work.run)["steps"]:
        arrays = latents.SERIES.read(work.run, step)
        prior = prior_of(arrays)
        if prior is None:
            return left_out(work, NOTHING_TO_DRAW)
        decode = work.decoder(step)
        if ModelOutput.LOGVAR in arrays:
            posterior = (arrays["mu"][rows], arrays[ModelOutput.LOGVAR][rows])
            found = _drawn(decode, POSTERIOR, rows, posterior, request.draws, seed)
            drawn.setdefault(POSTERIOR, {})[step] = found
        else:
            why_not[POSTERIOR] = "the model returns no variances under ModelOutput.LOGVAR"
        if set(others) - {ModelOutput.COMPONENT}:
            why_not[PRIOR] = f"the decoder also takes {', '.join(others)}, which no prior is known of"
        else:
            chosen = np.arange(len(prior.means))
            components = (prior.means, prior.logvars)
            certain = {name: np.eye(len(chosen)) for name in others}  # each row is of one component
            found = _drawn(decode, PRIOR, chosen, components, request.draws, seed, certain)
            drawn.setdefault(PRIOR, {})[step] = found
    if not drawn:
        return left_out(work, "; ".join(why_not.values()))
    means = arrays.get(ModelOutput.COMPONENT_MEANS)
    words = "N(0, I)" if means is None else f"a mixture of {len(means)} Gaussians"
    samples.write(work.folder, drawn, draws=request.draws, seed=seed, prior=words, why_not=why_not)
    return Outcome(
        metadata={
            "seed": seed,
            "draws": request.draws,
            **{
                kind: picture(
                    by_step[max(by_step)].png,
                    work.folder,
                    samples.FAMILY.path(samples.series(kind, request.draws, ".png").name()),
                )
                for kind, by_step in drawn.items()
            },
        }
    )


def _drawn(
    decode: Callable[..., np.ndarray],
    kind: str,
    chosen: np.ndarray,
    gaussians: tuple[np.ndarray, np.ndarray],
    draws: int,
    seed: int,
    certain: Mapping[str, np.ndarray] = NO_PARTS,
) -> Drawn:
    """Draws from Gaussians (means and logvars (I, D)), decoded with what else the code of their test images has.

    certain: other parts of the code (I, ...), in the place of those of test images.
    """
    from acc_assets.analysis.figures import tile, to_png, to_uint8
    from acc_assets.analysis.sampling import gaussian_draws
    from acc_assets.training.randomness import derived_seed

    started = perf_counter()
    noise = np.random.default_rng(derived_seed(seed, "samples", kind))
    points = gaussian_draws(*gaussians, draws, noise).astype(np.float32)  # (I, m, D)
    owners = chosen if kind == POSTERIOR else np.zeros_like(chosen)  # a draw from the prior has no image
    cells = np.stack(
        [
            to_uint8(decode(drawn, rows, {name: part[[i] * draws] for name, part in certain.items()}))
            for i, (drawn, rows) in enumerate(
                zip(points, owners.repeat(draws).reshape(-1, draws), strict=True)
            )
        ]
    )  # (I, m, C, H, W)
    labels = [f"#{key}" if kind == POSTERIOR else str(key) for key in chosen]
    png = to_png(tile(cells, scale=SCALE, row_labels=labels))
    return Drawn(chosen, points, cells, png, round(1000 * (perf_counter() - started), 1))
