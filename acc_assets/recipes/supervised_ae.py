"""What do labels do to the latent space of a plain autoencoder?"""

from typing import Literal

from acc_assets.datasets import Digits, Mnist
from acc_assets.families import STANDARD, Density, Distortion
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext
from acc_assets.tree.config import Amount

DATA = {"mnist": Mnist(image_size=28), "digits": Digits(image_size=16)}


class SupervisedAE(Recipe):
    name = "supervised_ae"
    title = "Supervised autoencoder"
    description = """
        One convolutional autoencoder, trained by the mean squared error over pixels alone, and by
        MSE + class_weight * cross-entropy of a linear classifier on the latent, both by Adam at one learning rate.
    """
    question = (
        "What do labels change in an autoencoder's latent space, and what does the reconstruction pay for it?"
    )
    hypothesis = "Classes become separable along straight lines; the reconstruction gets a little worse."
    seeds = (0, 1)

    def run(
        self,
        ctx: RecipeContext,
        steps: int = 4300,
        class_weight: Amount = 1.0,
        latent_dim: int = 16,
        lr: float = 1e-3,
        data: Literal["mnist", "digits"] = "mnist",
    ) -> None:
        images, size = ctx.load_dataset(data, DATA[data]), DATA[data].image_size
        ctx.create_model(ConvAutoencoder, image_size=size, latent_dim=latent_dim, channels=(16, 32))
        root = ctx.save_checkpoint("root")
        every = max(1, steps // 10)
        for branch in ("unsupervised", "supervised"):
            ctx.fork(root, branch)
            ctx.attach_task(ReconstructionTask("recon", images, error="mse", reduction="mean"))
            if branch == "supervised":
                ctx.attach_task(
                    ClassificationTask(
                        "digit", images, weight=class_weight, relative_weight=False, head_lr=lr
                    )
                )
            ctx.phase = f"Train {branch} ({steps} steps)"
            ctx.train(steps=steps, lr=lr, batch_size=128, validate_every=every, snapshot_every=every)
            ctx.save_checkpoint(f"{branch}_trained")
            ctx.evaluate(*STANDARD, Density(), Distortion())
