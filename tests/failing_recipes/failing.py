"""Three branches of one root: one learns, one raises in its model, one diverges."""

from typing import Any

import torch

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Stubborn(torch.nn.Module):
    """A model that fails as soon as it is trained."""

    def __init__(self, latent_dim: int = 4) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(latent_dim))

    def forward(self, images: torch.Tensor) -> dict[Any, torch.Tensor]:
        raise RuntimeError("this model never works")


class Failing(Recipe):
    name = "failing"

    def run(self, ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        for branch, model, lr in (
            ("good", ConvAutoencoder, 1e-3),
            ("raises", Stubborn, 1e-3),
            ("explodes", ConvAutoencoder, 1e6),
        ):
            size = {"image_size": 16} if model is ConvAutoencoder else {}
            ctx.create_model(model, latent_dim=4, **size)
            ctx.save_checkpoint(f"{branch}_root")
            ctx.attach_task(ReconstructionTask("recon", digits, error="mse"))
            ctx.train(steps=200, lr=lr, clip_norm=None)
            ctx.save_checkpoint(branch)
