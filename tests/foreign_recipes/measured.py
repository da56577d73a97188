"""Data with known factors, a class and numbers in one pass, and classes that a model keeps perfectly apart."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.datasets import ImageData, Shapes, Split
from acc_assets.families import STANDARD, Interactive, Manifold
from acc_assets.models import ConvAutoencoder, FactorGroup, ModelOutput
from acc_assets.tasks import ClassificationTask, ReconstructionTask, RegressionTask
from acc_assets.tree import Recipe, RecipeContext

NAMES = ("dark", "grey", "bright")


def plain(train: int = 60, validation: int = 15, test: int = 45) -> ImageData:
    """Pictures of one colour: all of a class are the same."""

    def split(count: int) -> Split:
        labels = np.arange(count, dtype=np.int64) % 3
        images = np.zeros((count, 1, 8, 8), np.uint8)
        images += (60 + 90 * labels).astype(np.uint8)[:, None, None, None]
        return Split(images, labels)

    source = "pictures of one colour, made here"
    return ImageData("plain", source, split(train), split(validation), split(test), target_names=NAMES)


class Brightness(nn.Module):
    """Encodes a picture by its mean, so that each class of `Plain` is a single place."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        return {ModelOutput.LATENT: images.mean(dim=(1, 2, 3))[:, None] * self.scale}


class Measured(Recipe):
    name = "measured"
    question = "Do known factors and perfect separation reach the pages?"

    def run(self, ctx: RecipeContext, steps: int = 40) -> None:
        shapes = ctx.load_dataset("shapes", Shapes, n=300, image_size=16)
        groups = (FactorGroup("what", 0, 4), FactorGroup("where", 4, 8))
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=8, factor_groups=groups)
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "both")
        ctx.attach_task(ReconstructionTask("recon", shapes))
        ctx.attach_task(ClassificationTask("shape", shapes, factor_name="what"))
        ctx.attach_task(
            RegressionTask(
                "place", shapes, target_names=("x", "y"), factor_name="where", head_lr=0.01, weight=20
            )
        )
        ctx.train(steps=steps, lr=2e-3, snapshot_every=steps)
        ctx.save_checkpoint("both_trained")
        ctx.evaluate(
            *STANDARD,
            Manifold(label_sets=(shapes,), metric="cosine", split="train", pixels=True),
            Interactive(split="train", points=100),
        )

        places = ctx.load_dataset("places", Shapes, n=300, image_size=16, targets=("x", "y"))
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=8)
        ctx.save_checkpoint("numbers_root")
        ctx.fork("numbers_root", "numbers")
        ctx.attach_task(RegressionTask("height", places, target_names=("y",)))
        ctx.train(steps=steps, lr=2e-3, snapshot_every=steps)
        ctx.save_checkpoint("numbers_trained")
        ctx.evaluate()

        colours = ctx.load_dataset("plain", plain)
        ctx.create_model(Brightness)
        ctx.save_checkpoint("apart_root")
        ctx.fork("apart_root", "apart")
        ctx.attach_task(ClassificationTask("colour", colours))
        ctx.train(steps=2, snapshot_every=2)
        ctx.save_checkpoint("apart_trained")
        ctx.evaluate(*STANDARD, Manifold(label_sets=(colours,)), Interactive(points=30))
