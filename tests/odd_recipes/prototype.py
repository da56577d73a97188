"""Names that every JavaScript object has already: a page that keeps them as keys of an object goes wrong."""

from acc_assets.datasets import Digits
from acc_assets.families import STANDARD, Interactive, Manifold
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext


class Prototype(Recipe):
    name = "prototype"
    question = "Do the pages hold with such names?"
    seeds = (0,)

    def run(self, ctx: RecipeContext, steps: int = 6) -> None:
        digits = ctx.load_dataset("valueOf", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, channels=(8, 16), latent_dim=32)
        root = ctx.save_checkpoint("hasOwnProperty")
        for branch, trained in (("constructor", "toString"), ("isPrototypeOf", "toLocaleString")):
            ctx.fork(root, branch)
            ctx.attach_task(ReconstructionTask("valueOf", digits))
            ctx.attach_task(ClassificationTask("constructor", digits))
            ctx.phase = "watch"
            ctx.train(steps=steps, lr=2e-3, snapshot_every=steps // 2, validate_every=steps // 2)
            ctx.save_checkpoint(trained)
            ctx.evaluate(*STANDARD, Manifold(label_sets=(digits,), k=5), Interactive(points=120))
