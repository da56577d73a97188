"""The real pipeline at a size for tests: real digits, real components, a few steps."""

from acc_assets.datasets import Digits
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask
from acc_assets.tree import Log, Recipe, RecipeContext


class Tiny(Recipe):
    name = "tiny"
    title = "Tiny <b>& quick</b>"
    description = "Two branches of a small VAE on digits."
    question = "Does every part of the pipeline work together?"
    seeds = (0, 1)

    def run(self, ctx: RecipeContext, steps: int = 12, weight: float = 5.0) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        groups = (FactorGroup("digit", 0, 3), FactorGroup("style", 3, 5))
        ctx.create_model(FactorSlotAutoencoder, image_size=16, factor_groups=groups)
        root = ctx.save_checkpoint("root")
        for branch, labelled in (("plain", False), ("labelled", True)):
            ctx.fork(root, branch)
            ctx.attach_task(ReconstructionTask("recon", digits))
            ctx.attach_task(KLDivergenceTask("kl", digits))
            if labelled:
                ctx.attach_task(ClassificationTask("digit", digits, factor_name="digit", weight=weight))
            ctx.phase = f"Train {branch}"
            ctx.train(
                steps=steps, lr=2e-3, snapshot_every=max(1, steps // 2), validate_every=max(1, steps // 2)
            )
            ctx.save_checkpoint(f"{branch}_trained")
            ctx.evaluate()
        ctx.open("plain", {"task.kl.weight": Log(0.1, 10), "train.lr": Log(1e-4, 1e-2)}, metric="recon.psnr")
