"""A first run with no download: what do labels do to the latent space of a small VAE?"""

from acc_assets.datasets import Digits
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Quickstart(Recipe):
    name = "quickstart"
    title = "Quickstart: with and without labels"
    description = "A small factor-slot VAE on scikit-learn's handwritten digits, forked into two branches from one root."
    question = "What changes in the latent space when the digit slot is trained to tell the digits apart?"
    seeds = (0, 1)

    def run(self, ctx: RecipeContext, steps: int = 600) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        groups = (FactorGroup("digit", 0, 4), FactorGroup("style", 4, 8))
        ctx.create_model(FactorSlotAutoencoder, image_size=16, factor_groups=groups)
        root = ctx.save_checkpoint("root")
        every = max(1, steps // 6)

        ctx.fork(root, "unsupervised")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(KLDivergenceTask("kl", digits))
        ctx.phase = "Train without labels"
        ctx.train(steps=steps, lr=2e-3, snapshot_every=every, validate_every=every)
        ctx.save_checkpoint("unsupervised_trained")
        ctx.evaluate()

        ctx.fork(root, "supervised")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(KLDivergenceTask("kl", digits))
        ctx.attach_task(ClassificationTask("digit", digits, factor_name="digit", weight=10.0))
        ctx.phase = "Train with labels on the digit slot"
        ctx.train(steps=steps, lr=2e-3, snapshot_every=every, validate_every=every)
        ctx.save_checkpoint("supervised_trained")
        ctx.evaluate()
