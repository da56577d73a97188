"""How many images does a latent space need before digits keep apart, and what makes up for missing ones?"""

from math import ceil
from typing import Any, Literal

from acc_assets.datasets import Augmentation, Digits, Mnist
from acc_assets.families import STANDARD, Interactive, Manifold
from acc_assets.models import ConvAutoencoder, FullyConnectedAutoencoder, ResNetAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Analysis, DatasetRef, Recipe, RecipeContext
from acc_assets.tree.config import PositiveNumber

DATA = {"mnist": Mnist, "digits": Digits}
SIZE, LATENT = 28, 32  # pixels, latent dimensions
BATCH = 128
FEW = 100  # training images of the low-data branches
FULL_EPOCHS, LOW_EPOCHS, COPIES = 15, 30, 100  # COPIES: augmented copies of an image in one epoch

AUGMENTATION = Augmentation(
    shift_px=2, rotation_degrees=12, intensity=(0.85, 1.15), noise_std=0.08, mask_probability=0.08
)


class Grounding(Recipe):
    name = "grounding"
    title = "Grounding: from a naive autoencoder to self-supervision"
    description = """
        Six autoencoders with a latent of 32 numbers, none of which ever sees a label. Each differs from the one before
        it in one thing: the network, the number of training images, dropout, augmentation, the encoder.
        protocol="fair" gives every low-data branch the same number of optimizer steps, the same stratified draw of
        100 images, and judges every branch with the same labels. protocol="reference" repeats an earlier study, where
        the branches differ in their steps and in the labels they are judged by.
    """
    question = "What makes a latent space keep digits apart when there are only 100 images to learn from?"
    hypothesis = (
        "Distorted copies of the few images, to be reconstructed clean, teach the encoder what does not matter, and "
        "a convolutional encoder with shortcuts learns that best."
    )
    seeds = (0, 1)

    def run(
        self,
        ctx: RecipeContext,
        protocol: Literal["fair", "reference"] = "fair",
        scale: PositiveNumber = 1.0,
        depth: int = 8,
        data: Literal["mnist", "digits"] = "mnist",
        draw: int = 0,
        points: int = 3000,
    ) -> None:
        fair = protocol == "fair"
        ctx.phase = "Load the data"
        full = ctx.load_dataset(f"{data}_full", DATA[data], image_size=SIZE)
        few = ctx.load_dataset(
            f"{data}_{FEW}", DATA[data], image_size=SIZE, train_samples=FEW, stratified=fair, seed=draw
        )

        def steps(epochs: int, images: int) -> int:
            return max(1, round(scale * epochs * ceil(images / BATCH)))

        long, augmented = steps(FULL_EPOCHS, full.config.train_size), steps(LOW_EPOCHS, FEW * COPIES)
        short = augmented if fair else steps(LOW_EPOCHS, FEW)
        small_batch = (
            BATCH if fair else FEW
        )  # the reference's batch cannot hold more than the images there are

        def judged(own: DatasetRef, pixels: bool = False) -> tuple[Analysis, ...]:
            labels = (few, full) if fair else (own,)
            return *STANDARD, Manifold(label_sets=labels, pixels=pixels), Interactive(points=points)

        # === Untrained networks: the controls, and what every branch starts from ===
        conv = ConvAutoencoder(image_size=SIZE, latent_dim=LATENT, channels=(8, 16))
        starts: dict[str, Any] = {
            "untrained_fc": FullyConnectedAutoencoder(image_size=SIZE, latent_dim=LATENT, hidden=(256, 128)),
            "untrained_conv": conv,
            "untrained_dropout": ConvAutoencoder(
                image_size=SIZE, latent_dim=LATENT, channels=(8, 16), dropout=0.2
            ),
            f"untrained_resnet{depth}": ResNetAutoencoder(image_size=SIZE, latent_dim=LATENT, depth=depth),
        }
        for tag, model in starts.items():
            ctx.phase = f"Build {tag}"
            ctx.create_model(model)
            ctx.attach_task(ReconstructionTask("recon", few, error="mse", reduction="mean"))
            ctx.save_checkpoint(tag)
            ctx.log("Control: random weights, no training.")
            if model.dropout == 0:  # with dropout the weights are those of untrained_conv
                ctx.evaluate(*judged(few, pixels=model is conv))

        def branch(
            tag: str, start: str, images: DatasetRef, count: int, change: str, **options: object
        ) -> None:
            ctx.fork(start, tag)
            ctx.detach_all_tasks()
            ctx.attach_task(ReconstructionTask("recon", images, error="mse", reduction="mean"))
            ctx.log(change)
            ctx.phase = f"Train {tag} ({count} steps)"
            ctx.train(steps=count, lr=1e-3, validate_every=max(1, count // 5), **options)
            ctx.save_checkpoint(f"{tag}_trained")
            ctx.log(change)
            ctx.evaluate(*judged(images))

        # === Plenty of images ===
        many = f"{full.config.train_size:,} images"
        branch("naive_fc", "untrained_fc", full, long, f"Fully connected, {many}.", batch_size=BATCH)
        branch("naive_conv", "untrained_conv", full, long, f"Convolutions instead, {many}.", batch_size=BATCH)

        # === A hundred images ===
        branch(
            "naive_conv_low",
            "untrained_conv",
            few,
            short,
            f"Only {FEW} images instead of {many}.",
            batch_size=small_batch,
        )
        branch(
            "regularized",
            "untrained_dropout",
            few,
            short,
            f"{FEW} images, and dropout of 0.2 after each hidden layer.",
            batch_size=small_batch,
        )
        branch(
            "self_supervised",
            "untrained_conv",
            few,
            augmented,
            f"{FEW} images, no dropout; the encoder sees distorted copies, the target is the clean image.",
            batch_size=BATCH,
            augment=AUGMENTATION,
        )
        branch(
            f"resnet{depth}",
            f"untrained_resnet{depth}",
            few,
            augmented,
            f"As self_supervised, with a ResNet-{depth} for the encoder.",
            batch_size=BATCH,
            augment=AUGMENTATION,
        )
