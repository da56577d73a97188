"""The least that trains, is evaluated, and has a site."""

from acc_assets.datasets import Digits
from acc_assets.families import Latents, Metrics
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Micro(Recipe):
    name = "micro"
    title = "Micro"
    seeds = (0,)

    def run(self, ctx: RecipeContext, steps: int = 2) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=8)
        ctx.create_model(ConvAutoencoder, image_size=8, latent_dim=2, channels=(4,))
        ctx.fork(ctx.save_checkpoint("root"), "plain")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=steps, batch_size=32, snapshot_every=1)
        ctx.save_checkpoint("plain_trained")
        ctx.evaluate(Latents(), Metrics())
