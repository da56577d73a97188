"""Which images are worth a label? An oracle is asked by several rules, round after round, and at random."""

from typing import Any, Literal

from acc_assets.datasets import Augmentation, Digits, LabelBudget, Mnist
from acc_assets.families import Metrics, Oracle
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import HeadClassifierTask, OracleTask, ReconstructionTask
from acc_assets.tree import DatasetRef, Recipe, RecipeContext
from acc_assets.tree.asking import Rule
from acc_assets.tree.config import Positive, Several

DATA = {"mnist": Mnist(image_size=28), "digits": Digits(image_size=16)}
SHIFT = 0.1  # of the image's width


class ActiveLearning(Recipe):
    name = "active_learning"
    title = "Active learning with a simulated oracle"
    description = """
        A convolutional autoencoder sees all training images, and a perceptron on its latent is trained on the few that
        have a label, distorted, in batches of their own. All branches go on from `start`, whose labels are the same
        number of each class. Before each round the model as it is ranks images without a label by the branch's rule, an
        oracle reveals the true classes of the first of them, and the model is trained on with all labels so far: each
        branch by as many steps. `random` is the control.
    """
    question = "Which images are worth a label?"
    hypothesis = (
        "Images that the model is unsure of are worth more than random ones, once its class probabilities mean "
        "something; with very few labels random ones are hard to beat."
    )
    seeds = (0, 1, 2, 3, 4)

    def run(
        self,
        ctx: RecipeContext,
        labels: Positive = 20,
        asked: Positive = 40,
        rounds: Positive = 4,
        steps: Positive = 300,
        start_steps: Positive = 1000,
        rules: Several[Rule] = ("random", "entropy", "margin", "boundary", "class_balance", "diversity"),
        label_weight: float = 20.0,
        latent_dim: Positive = 16,
        lr: float = 1e-3,
        data: Literal["mnist", "digits"] = "mnist",
    ) -> None:
        whole = DATA[data]
        images = ctx.load_dataset(data, LabelBudget(of=whole, labels=labels))
        few = ctx.load_dataset("labelled", LabelBudget(of=whole, labels=labels, labelled_only=True))
        ctx.create_model(
            ConvAutoencoder, image_size=whole.image_size, latent_dim=latent_dim, channels=(16, 32)
        )
        attach_terms(ctx, images, few, label_weight, SHIFT * whole.image_size)
        root = ctx.save_checkpoint("root")
        options: dict[str, Any] = {"lr": lr, "batch_size": 64, "log_every": 50}
        ctx.fork(root, "start")
        ctx.phase = f"{labels} labels, the same number of each class"
        ctx.train(steps=start_steps, snapshot_every=start_steps, **options)
        start = ctx.save_checkpoint("start_trained")
        ctx.evaluate(Metrics())
        for rule in rules:
            ctx.fork(start, rule)
            ctx.attach_task(OracleTask("oracle", images, rule=rule, labels=asked))
            for number in range(1, rounds + 1):
                ctx.phase = f"Round {number}: {asked} labels by {rule}"
                ctx.train(steps=steps, snapshot_every=steps, **options)
                ctx.save_checkpoint(f"{rule}_{labels + number * asked}")
                ctx.evaluate(Metrics(), Oracle())


def attach_terms(
    ctx: RecipeContext, images: DatasetRef, few: DatasetRef, label_weight: float, shift: float
) -> None:
    """Attach reconstruction of all images, and the classifier of those with a label."""
    distortions = Augmentation(shift_px=shift, rotation_degrees=15.0, scale=(0.85, 1.15))
    ctx.attach_task(ReconstructionTask("recon", images))
    ctx.attach_task(
        HeadClassifierTask("digit", few, weight=label_weight, relative_weight=False, augment=distortions)
    )
