"""What a model makes of the batch's clean images when they are distorted: one more pass of its encoder."""

from __future__ import annotations

import torch

from acc_assets.datasets.augmentation import Augmentation
from acc_assets.models import Outputs
from acc_assets.models.abilities import coded, every_output
from acc_assets.tasks.view import StepView


def drawn_seed(view: StepView) -> int:
    """A seed from torch's generator of the images' device, which the trainer seeds for each step."""
    return int(torch.randint(2**62, (), device=view.batch.images.device))


def distorted_outputs(view: StepView, augment: Augmentation, seed: int, needed: str) -> Outputs:
    """Outputs for the distorted images, among them the one that is needed; the seed draws the distortions."""
    images = view.batch.images
    drawn = torch.Generator(device=images.device).manual_seed(seed)
    distorted = augment.apply(images, drawn)
    outputs = coded(view.model, distorted)
    # an encoder may give the latent alone
    return outputs if needed in outputs else every_output(view.model, distorted)
