"""A training that lasts long enough to be interrupted."""

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Slow(Recipe):
    name = "slow"

    def run(self, ctx: RecipeContext, steps: int = 1500) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4)
        ctx.fork(ctx.save_checkpoint("start"), "walk")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=steps, snapshot_every=steps)
        ctx.save_checkpoint("walk_trained")
