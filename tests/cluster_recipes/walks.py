"""Two trainings a seed and nothing else: what a cluster has to carry out, at a size for tests."""

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Walks(Recipe):
    name = "walks"
    seeds = (0, 1)

    def run(self, ctx: RecipeContext, steps: int = 4, snapshot_every: int = 2) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4)
        start = ctx.save_checkpoint("start")
        for branch, own_steps in (("left", steps), ("right", max(1, steps // 10))):
            ctx.fork(start, branch)
            ctx.attach_task(ReconstructionTask("recon", digits))
            ctx.train(steps=own_steps, snapshot_every=snapshot_every, batch_size=32)
            ctx.save_checkpoint(f"{branch}_trained")
