"""A mixture VAE whose decoder takes a latent and component probabilities, with its objective as one task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from acc_assets.datasets import Digits
from acc_assets.models import ModelOutput, Outputs
from acc_assets.tasks import (
    ClassificationTask,
    Health,
    LinearRamp,
    Loss,
    LossHealth,
    ReconstructionTask,
    StepView,
    Task,
)
from acc_assets.tree import Recipe, RecipeContext

SIDE, WIDTH, COMPONENTS = 16, 4, 3


class MixtureNet(nn.Module):
    """q(z|x), q(c|x) and p(z|c) = N(means, I); the decoder adds a component's embedding to the latent."""

    code_parts = ("latent", "component")
    shared_outputs = frozenset({"component_means"})

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 32), nn.ReLU())
        self.posterior, self.router = nn.Linear(32, 2 * WIDTH), nn.Linear(32, COMPONENTS)
        self.means = nn.Parameter(torch.randn(COMPONENTS, WIDTH))
        self.embedding = nn.Linear(COMPONENTS, WIDTH)
        self.head = nn.Sequential(
            nn.Linear(WIDTH, 32), nn.ReLU(), nn.Linear(32, SIDE * SIDE), nn.Unflatten(1, (1, SIDE, SIDE))
        )

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        features = self.body(images)
        mu, logvar = self.posterior(features).chunk(2, dim=1)
        latent = mu + torch.randn_like(mu) * (logvar / 2).exp() if self.training else mu
        return {
            ModelOutput.LATENT: latent,
            ModelOutput.MU: mu,
            ModelOutput.LOGVAR: logvar,
            "component": self.router(features).softmax(1),
            "component_means": self.means,
        }

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        latent = code["latent"] + self.embedding(code["component"])
        return {ModelOutput.RECONSTRUCTION: self.head(latent).sigmoid()}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)


class Mixture:
    """Mean of the objective over examples, in evaluation."""

    def __init__(self, task: MixtureKL) -> None:
        self.task, self.total, self.count = task, 0.0, 0

    def update(self, view: StepView) -> None:
        self.total += float(self.task.loss(view).value) * len(view.batch.images)
        self.count += len(view.batch.images)

    def compute(self) -> dict[str, float]:
        return {"loss": self.total / self.count}


@dataclass(frozen=True, kw_only=True)
class MixtureKL(Task):
    """w_cat KL(q(c|x) || uniform) + E_q(c|x) KL(q(z|x) || p(z|c)), nats per image; w_cat rises in `ramp` steps."""

    ramp: int = 10

    kind: ClassVar[str] = "mixture_kl"

    @property
    def unit(self) -> str:
        return "nats per image"

    def needs(self) -> frozenset[str]:
        return frozenset({ModelOutput.MU, ModelOutput.LOGVAR, "component", "component_means"})

    def loss(self, view: StepView) -> Loss:
        mu, logvar = view.outputs[ModelOutput.MU], view.outputs[ModelOutput.LOGVAR]
        shares, means = view.outputs["component"], view.outputs["component_means"]
        entropy = -(shares * shares.clamp(min=1e-8).log()).sum(1).mean()
        apart = (mu[:, None] - means).square()  # (B, K, D)
        kl_z = 0.5 * (shares * (logvar.exp()[:, None] + apart - 1.0 - logvar[:, None]).sum(2)).sum(1).mean()
        kl_c = math.log(COMPONENTS) - entropy
        weight = LinearRamp(0.0, 1.0, steps=self.ramp).at(view.step)
        told = {"kl_c": kl_c, "kl_z": kl_z, "categorical_weight": weight}
        return Loss(weight * kl_c + kl_z, told)

    def evaluator(self) -> Mixture:
        return Mixture(self)

    def baseline(self, dataset: Any) -> dict[str, float]:
        return {"loss": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        return LossHealth(Health.HEALTHY, "not judged")


class TwoPart(Recipe):
    name = "two_part"
    question = "Does a code of two parts come to every figure?"

    def run(self, ctx: RecipeContext, steps: int = 24) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=SIDE)
        ctx.create_model(MixtureNet)
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "mixture")
        ctx.attach_task(ReconstructionTask("recon", digits, error="mse", reduction="mean"))
        ctx.attach_task(MixtureKL("mixture", digits))
        ctx.attach_task(ClassificationTask("digit", digits))
        ctx.train(steps=steps, snapshot_every=max(1, steps // 2), log_every=4)
        ctx.save_checkpoint("mixture_trained")
        ctx.evaluate()
