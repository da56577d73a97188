"""Models as people outside the project write them: none says its `latent_dim`, and some lack a half."""

import torch
from torch import Tensor, nn

from acc_assets.datasets import Digits
from acc_assets.models import FactorGroup, ModelOutput, Outputs
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.tree import Recipe, RecipeContext

SIDE = 16
WIDTH = 6


def _encoder(width: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 32), nn.ReLU(), nn.Linear(32, width))


def _decoder(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, SIDE * SIDE), nn.Unflatten(1, (1, SIDE, SIDE))
    )


class OwnGroups(nn.Module):
    """Both halves, and names for parts of the latent."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body, self.head = _encoder(width), _decoder(width)
        self.factor_groups = (FactorGroup("what", 0, 4), FactorGroup("how", 4, width))

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return {ModelOutput.LATENT: self.body(images)}

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        return {ModelOutput.RECONSTRUCTION: self.head(code[ModelOutput.LATENT]).sigmoid()}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)


class ForwardOnly(nn.Module):
    """One pass, and no way to its halves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body, self.head = _encoder(width), _decoder(width)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        latent = self.body(images)
        return {ModelOutput.LATENT: latent, ModelOutput.RECONSTRUCTION: self.head(latent).sigmoid()}


class EncoderOnly(nn.Module):
    """A classifier's body: no image ever comes out of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = _encoder(width)

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return {ModelOutput.LATENT: self.body(images)}


class MapCode(nn.Module):
    """Its code is a map, not a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 1, 2, stride=2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        code = torch.relu(self.down(images))
        return {ModelOutput.SPATIAL: code, ModelOutput.RECONSTRUCTION: self.up(code).sigmoid()}


class Foreign(Recipe):
    name = "foreign"
    question = "Does every module of a user's own come to a page?"

    def run(self, ctx: RecipeContext, steps: int = 6) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=SIDE)
        for tag, model, reconstructs, classifies in (
            ("own_groups", OwnGroups, True, True),
            ("forward_only", ForwardOnly, True, True),
            ("encoder_only", EncoderOnly, False, True),
            ("map_code", MapCode, True, False),
        ):
            ctx.create_model(model, **({} if model is MapCode else {"width": WIDTH}))
            ctx.save_checkpoint(f"{tag}_root")
            ctx.fork(f"{tag}_root", tag)
            if reconstructs:
                ctx.attach_task(ReconstructionTask("recon", digits))
            if classifies:
                ctx.attach_task(ClassificationTask("digit", digits))
            ctx.train(steps=steps, snapshot_every=steps)
            ctx.save_checkpoint(f"{tag}_trained")
            ctx.evaluate()
