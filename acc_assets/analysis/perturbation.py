"""Single entries of a latent vector moved, and what the model decodes then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.analysis.sampling import gaussian_draws
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import code_of, code_parts
from acc_assets.models.layer_calls import evaluating
from acc_assets.models.network_choice import MOVES

Array = np.ndarray
PROBABILITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
SAMPLE_SEED = 0
DEVIATIONS, PROBABILITY = "standard deviations over the subset", "probability"


@dataclass(frozen=True)
class Path:
    """How a vector becomes a picture: base (e, n), the values to be tried (e, d, t), and their decoding.

    moves: what is added, in `unit`; of a probability the new value itself.
    changed: from base, dimension and new values (e, t) to vectors (e, t, n). code: from vectors (m, n) and their
    examples (m,) to what `decode` takes.
    """

    label: str
    path: str
    unit: str
    base: Array
    dims: Sequence[int]
    moves: Sequence[float]
    new_values: Array
    changed: Callable[[Array, int, Array], Array]
    code: Callable[[Array, Array], dict[str, Tensor]]


def latent_vectors(outputs: Mapping[str, Tensor]) -> dict[str, Array]:
    """The latent vectors (B, n) of a model's outputs, as the inspector names them.

    `z` of a model without a posterior; else mu, logvar and `z_sample`, drawn with the noise of `SAMPLE_SEED`;
    `qc_probs`, q(c|x).
    """
    found: dict[str, Tensor] = {}
    mu, logvar = outputs.get(ModelOutput.MU), outputs.get(ModelOutput.LOGVAR)
    latent = outputs.get(ModelOutput.LATENT)
    if mu is not None and mu.ndim == 2:
        found["mu"] = mu
        if logvar is not None:
            found["logvar"] = logvar
            drawn = gaussian_draws(mu.numpy(), logvar.numpy(), 1, np.random.default_rng(SAMPLE_SEED))
            found["z_sample"] = torch.from_numpy(drawn[:, 0])
    elif latent is not None and latent.ndim == 2:
        found["z"] = latent
    if (component := outputs.get(ModelOutput.COMPONENT)) is not None and component.ndim == 2:
        found["qc_probs"] = component
    return {name: value.numpy().astype(np.float32) for name, value in found.items()}


def paths(
    model: nn.Module,
    outputs: Mapping[str, Tensor],
    dims: Mapping[str, Sequence[int]],
    deviations: Array | None,
) -> dict[str, Path]:
    """What can be moved of a model that decodes, from its outputs for e images.

    dims: of the latent and of q(c|x) (`latent`, `component`). deviations (D,): of each latent dimension, the unit of a
    move. q(c|x) is decoded by a code that holds it, else by the mean of the components' means that it weighs.
    """
    vectors = latent_vectors(outputs)
    fixed = code_of(model, outputs)
    labels = {"z": "the latent", "mu": "the posterior mean", "z_sample": "a sample of the posterior"}
    found: dict[str, Path] = {}

    def with_part(part: str) -> Callable[[Array, Array], dict[str, Tensor]]:
        def code(moved: Array, rows: Array) -> dict[str, Tensor]:
            kept = {name: value[torch.from_numpy(rows)] for name, value in fixed.items()}
            return {**kept, part: torch.from_numpy(moved)}

        return code

    for name, label in labels.items():
        if name in vectors and deviations is not None:
            base = vectors[name]
            steps = np.outer(deviations[list(dims["latent"])], MOVES)  # (d, t)
            new = base[:, list(dims["latent"]), None] + steps
            found[name] = Path(
                label,
                f"decode({name})",
                DEVIATIONS,
                base,
                dims["latent"],
                MOVES,
                new,
                _set,
                with_part("latent"),
            )
    if "qc_probs" in vectors and dims["component"]:
        base = vectors["qc_probs"]
        shape = (len(base), len(dims["component"]), len(PROBABILITIES))
        means = outputs.get(ModelOutput.COMPONENT_MEANS)
        inside = ModelOutput.COMPONENT in code_parts(model)

        def weighed(moved: Array, rows: Array) -> dict[str, Tensor]:
            assert means is not None
            return with_part("latent")((moved @ means.numpy()).astype(np.float32), rows)

        if inside or means is not None:
            found["qc_probs"] = Path(
                "the component's probability q(c|x)",
                "decode(latent, q)" if inside else "decode(sum over c of q(c) times the mean of component c)",
                PROBABILITY,
                base,
                dims["component"],
                PROBABILITIES,
                np.broadcast_to(np.array(PROBABILITIES, np.float32), shape),
                _reweighed,
                with_part(ModelOutput.COMPONENT) if inside else weighed,
            )
    return found


def perturb(model: nn.Module, path: Path) -> dict[str, Array]:
    """Decode every move: recon (e, d, t, C, H, W) in [0, 1], delta and new_value (e, d, t), base_value (e, d)."""
    count, tried, moves = path.new_values.shape
    vectors = np.stack(
        [path.changed(path.base, dim, path.new_values[:, at]) for at, dim in enumerate(path.dims)], axis=1
    )  # (e, d, t, n)
    flat = vectors.reshape(-1, vectors.shape[-1]).astype(np.float32)
    rows = np.repeat(np.arange(count), tried * moves)
    decode: Callable[[dict[str, Tensor]], Mapping[str, Tensor]] = model.decode  # type: ignore[assignment]
    with evaluating(model) as device:
        code = {name: value.to(device) for name, value in path.code(flat, rows).items()}
        images = decode(code)[ModelOutput.RECONSTRUCTION].float().cpu().numpy()
    base = path.base[:, list(path.dims)]
    return {
        "recon": images.reshape(count, tried, moves, *images.shape[1:]),
        "delta": (path.new_values - base[..., None]).astype(np.float32),
        "base_value": base.astype(np.float32),
        "new_value": path.new_values.astype(np.float32),
    }


def _set(base: Array, dim: int, values: Array) -> Array:
    """Vectors (e, n) with one entry put to values (e, t): (e, t, n)."""
    moved = np.repeat(base[:, None], values.shape[1], axis=1)
    moved[:, :, dim] = values
    return moved


def _reweighed(base: Array, dim: int, values: Array) -> Array:
    """Distributions (e, n) with one probability put to values (e, t), the others in proportion: (e, t, n)."""
    others = np.delete(base, dim, axis=1).astype(np.float64)  # (e, n - 1)
    total = others.sum(axis=1, keepdims=True)
    even = np.full_like(others, 1.0 / max(others.shape[1], 1))
    shares = np.where(total > 0, others / np.where(total > 0, total, 1.0), even)
    rest = shares[:, None] * (1.0 - values[:, :, None])  # (e, t, n - 1)
    return np.concatenate([rest[..., :dim], values[..., None], rest[..., dim:]], axis=-1)
