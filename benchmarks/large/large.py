"""A recipe of 500 nodes and twenty seeds: a root, and branches of a fork with two trained checkpoints each."""

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import KLDivergenceTask, ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Large(Recipe):
    name = "large"
    title = "Large"
    description = "As many nodes and seeds as an experiment may have; nothing of it is trained."
    seeds = tuple(range(20))

    def run(self, ctx: RecipeContext, nodes: int = 500) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4, variational=True)
        root = ctx.save_checkpoint("root")
        made = 1
        branch = 0
        while made < nodes:
            ctx.fork(root, f"branch_{branch}")
            made += 1
            ctx.attach_task(ReconstructionTask("recon", digits))
            ctx.attach_task(KLDivergenceTask("kl", digits, weight=1.0 + branch))
            for part in ("early", "late"):
                if made < nodes:
                    ctx.phase = f"Train {part}"
                    ctx.train(steps=100)
                    ctx.save_checkpoint(f"branch_{branch}_{part}")
                    ctx.evaluate()
                    made += 1
            branch += 1
