"""What does it cost, and what does it bring, to make a trained network larger?"""

from typing import Literal

from acc_assets.datasets import Digits, Mnist
from acc_assets.families import Metrics
from acc_assets.models import FullyConnectedAutoencoder
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext
from acc_assets.tree.config import Amount, Positive

DATA = {"mnist": Mnist(image_size=28), "digits": Digits(image_size=16)}
SMALL, DEEP = (32, 16), (32, 16, 16)


class Growing(Recipe):
    name = "growing"
    title = "Growing a trained autoencoder"
    description = """
        A small fully connected autoencoder with a classifier on its latent is trained, forked and made larger there by
        the rules of Net2Net (Chen, Goodfellow and Shlens, 2016), and trained on. Beside it: the small one trained on,
        and the larger ones trained from scratch for as many steps as the fork.
    """
    question = (
        "How far does accuracy dip when a trained network is widened or deepened, and what is gained after?"
    )
    hypothesis = (
        "Nothing is lost without noise, and copies then learn alike; a little noise costs little and brings more. At "
        "equal steps a grown network is ahead of a larger one from scratch."
    )
    seeds = (0, 1, 2)

    def run(
        self,
        ctx: RecipeContext,
        steps: int = 1500,
        noise: Amount = 0.5,
        factor: Positive = 2,
        data: Literal["mnist", "digits"] = "mnist",
    ) -> None:
        wide = tuple(factor * width for width in SMALL)
        images, size = ctx.load_dataset(data, DATA[data]), DATA[data].image_size
        options = {"batch_size": 128, "validate_every": max(1, steps // 30), "snapshot_every": steps}

        def start(root: str, hidden: tuple[int, ...]) -> str:
            ctx.create_model(FullyConnectedAutoencoder, image_size=size, hidden=hidden, latent_dim=10)
            ctx.attach_task(ReconstructionTask("recon", images, error="mse", reduction="mean"))
            ctx.attach_task(ClassificationTask("digit", images, relative_weight=False, head_lr=1e-3))
            return ctx.save_checkpoint(root)

        def train(branch: str) -> str:
            ctx.phase = f"Train {branch} ({steps} steps)"
            ctx.train(steps=steps, **options)
            trained = ctx.save_checkpoint(f"{branch}_trained")
            ctx.evaluate(Metrics())
            return trained

        ctx.fork(start("root", SMALL), "small")
        small = train("small")
        ctx.fork(small, "unchanged")
        train("unchanged")
        for branch, hidden, shaken in (
            ("widened", wide, 0.0),
            ("widened_with_noise", wide, noise),
            ("deepened", DEEP, 0.0),
        ):
            ctx.fork(small, branch)
            ctx.grow_model(hidden=hidden, noise=shaken)
            ctx.evaluate(Metrics())  # before a step is trained: the dip
            train(branch)
        for branch, hidden in (("wide_from_scratch", wide), ("deep_from_scratch", DEEP)):
            ctx.fork(start(f"root_{branch}", hidden), branch)
            train(branch)
