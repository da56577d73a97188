"""A first run with no download: what do labels do to the latent space of a small VAE?"""

from acc_assets.datasets import Digits
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, LinearRamp, ReconstructionTask
from acc_assets.tree import Log, Recipe, RecipeContext


class Quickstart(Recipe):
    name = "quickstart"
    title = "Quickstart: with and without labels"
    description = "A small factor-slot VAE on scikit-learn's handwritten digits, with and without labels."
    question = "What changes in the latent space when the digit slot is trained to tell the digits apart?"
    hypothesis = "The digit slot alone comes to separate the classes; reconstruction hardly changes."
    seeds = (0, 1)

    def run(self, ctx: RecipeContext, steps: int = 600) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(
            FactorSlotAutoencoder,
            image_size=16,
            factor_groups=(FactorGroup("digit", 0, 4), FactorGroup("style", 4, 8)),
            backbone_channels=(8, 16),
            embed_dim=32,
        )
        root = ctx.save_checkpoint("root")

        every = max(1, steps // 6)
        kl_weight = LinearRamp(0.0, 1.0, steps=every)
        options = {"lr_schedule": "cosine", "warmup_steps": min(50, steps // 10), "snapshot_every": every}

        ctx.fork(root, "unsupervised")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(KLDivergenceTask("kl", digits, weight=kl_weight))
        ctx.phase = "Train without labels"
        ctx.train(steps=steps, lr=4e-3, validate_every=every, **options)
        ctx.save_checkpoint("unsupervised_trained")
        ctx.evaluate()

        ctx.fork(root, "supervised")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(KLDivergenceTask("kl", digits, weight=kl_weight))
        ctx.attach_task(ClassificationTask("digit", digits, factor_name="digit"))
        ctx.phase = "Train with labels on the digit slot"
        ctx.train(steps=steps, lr=4e-3, validate_every=every, **options)
        ctx.save_checkpoint("supervised_trained")
        ctx.evaluate()
        tuned = {"task.digit.weight": Log(0.1, 100), "train.lr": Log(5e-4, 2e-2)}
        ctx.open("supervised", tuned, metric="digit.accuracy")
