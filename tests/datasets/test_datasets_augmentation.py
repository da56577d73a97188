"""Augmentation: each step against a known answer, and all randomness from one generator."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from acc_assets.datasets import Augmentation, Digits

FULL = Augmentation(
    shift_px=2,
    rotation_degrees=12,
    scale=(0.9, 1.1),
    intensity=(0.85, 1.15),
    noise_std=0.08,
    mask_probability=0.08,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digits() -> Tensor:
    return torch.from_numpy(Digits(image_size=32).load().train.images[:256]).float() / 255


def blob(x: float, y: float, count: int = 64, size: int = 32) -> Tensor:
    """A round spot at (x, y) pixels from the upper left corner, smooth enough for bilinear sampling."""
    place = torch.arange(size) + 0.5
    spot = torch.exp(-((place[None, :] - x) ** 2 + (place[:, None] - y) ** 2) / 8)
    return spot.expand(count, 1, size, size).clone()


def centres(images: Tensor) -> Tensor:
    """Centre of brightness (B, 2) in pixels, x to the right and y down."""
    place = torch.arange(images.shape[-1]) + 0.5
    ink = images.sum((1, 2, 3))
    x = (images * place).sum((1, 2, 3)) / ink
    y = (images * place[:, None]).sum((1, 2, 3)) / ink
    return torch.stack([x, y], 1)


def test_defaults_change_nothing_and_return_a_copy(digits: Tensor) -> None:
    result = Augmentation().apply(digits, seeded())
    assert torch.equal(result, digits)
    assert result.data_ptr() != digits.data_ptr()


def test_input_is_left_alone(digits: Tensor) -> None:
    before = digits.clone()
    FULL.apply(digits, seeded())
    assert torch.equal(digits, before)


def test_same_generator_state_same_bits(digits: Tensor) -> None:
    torch.manual_seed(1)
    first = FULL.apply(digits, seeded(4))
    torch.manual_seed(2)
    assert torch.equal(first, FULL.apply(digits, seeded(4)))
    assert not torch.equal(first, FULL.apply(digits, seeded(5)))


def test_result_stays_in_range_shape_and_type(digits: Tensor) -> None:
    result = FULL.apply(digits, seeded())
    assert result.shape == digits.shape
    assert result.dtype == digits.dtype
    assert result.min() == 0
    assert result.max() == 1


def test_matches_torchs_affine_grid() -> None:
    images = torch.rand(8, 2, 20, 28, generator=seeded(9))  # not square: the aspect ratio counts
    ours = Augmentation(shift_px=3, rotation_degrees=40, scale=(0.7, 1.3)).apply(images, seeded(1))
    source = seeded(1)
    shift = torch.empty(2, 8).uniform_(-3, 3, generator=source)
    angle = torch.empty(8).uniform_(-40 * torch.pi / 180, 40 * torch.pi / 180, generator=source)
    factor = torch.empty(8).uniform_(0.7, 1.3, generator=source)
    expected = []
    for i in range(8):
        turn = torch.tensor([[angle[i].cos(), angle[i].sin()], [-angle[i].sin(), angle[i].cos()]]) / factor[i]
        half = torch.diag(torch.tensor([14.0, 10.0]))  # half width and height in pixels
        matrix = half.inverse() @ turn @ half
        offset = -half.inverse() @ shift[:, i]
        theta = torch.cat([matrix, offset[:, None]], 1)[None]
        grid = torch.nn.functional.affine_grid(theta, [1, 2, 20, 28], align_corners=False)
        expected.append(torch.nn.functional.grid_sample(images[i : i + 1], grid, align_corners=False))
    torch.testing.assert_close(ours, torch.cat(expected), atol=1e-4, rtol=1e-4)


def test_shift_moves_within_its_range_on_both_axes() -> None:
    moved = centres(Augmentation(shift_px=4).apply(blob(16, 16, 2000), seeded())) - 16
    assert moved.abs().max() < 4.05
    torch.testing.assert_close(moved.std(0), torch.full((2,), 4 / 3**0.5), atol=0.1, rtol=0)
    assert moved.mean(0).abs().max() < 0.15
    assert torch.corrcoef(moved.T)[0, 1].abs() < 0.07


def test_rotation_turns_about_the_centre() -> None:
    turned = centres(Augmentation(rotation_degrees=30).apply(blob(24, 16, 2000), seeded())) - 16
    torch.testing.assert_close(turned.norm(dim=1), torch.full((2000,), 8.0), atol=0.05, rtol=0)
    angle = torch.rad2deg(torch.atan2(turned[:, 1], turned[:, 0]))
    assert angle.abs().max() < 30.2
    assert angle.min() < -29
    assert angle.max() > 29


def test_scale_grows_and_shrinks_about_the_centre() -> None:
    distance = centres(Augmentation(scale=(0.5, 1.5)).apply(blob(20, 16, 2000), seeded()))[:, 0] - 16
    assert 1.98 < distance.min() < 2.1
    assert 5.9 < distance.max() < 6.02


def test_shift_comes_before_rotation() -> None:
    # Rotation about the centre after the shift keeps the distance that the shift gave.
    both = Augmentation(shift_px=4, rotation_degrees=180).apply(blob(16, 16, 2000), seeded(3))
    alone = Augmentation(shift_px=4).apply(blob(16, 16, 2000), seeded(3))  # the shift is the first draw
    torch.testing.assert_close(
        (centres(both) - 16).norm(dim=1), (centres(alone) - 16).norm(dim=1), atol=0.05, rtol=0
    )


def test_intensity_is_one_factor_per_image(digits: Tensor) -> None:
    half = digits * 0.5
    ratio = Augmentation(intensity=(0.5, 1.5)).apply(half, seeded()) / half
    for picture, shown in zip(ratio, half > 0.1, strict=True):
        assert picture[shown].std() < 1e-5
    per_image = torch.stack([picture[shown].mean() for picture, shown in zip(ratio, half > 0.1, strict=True)])
    assert 0.5 <= per_image.min() < 0.52
    assert 1.48 < per_image.max() <= 1.5


def test_noise_has_its_standard_deviation() -> None:
    grey = torch.full((64, 1, 32, 32), 0.5)
    noise = Augmentation(noise_std=0.08).apply(grey, seeded()) - grey
    assert abs(noise.std().item() - 0.08) < 0.001
    assert noise.mean().abs() < 0.001


@pytest.mark.parametrize("probability", [0.001, 0.08, 0.5, 1.0])
def test_mask_blackens_pixels_with_its_probability(probability: float) -> None:
    grey = torch.full((65, 1, 31, 33), 0.5)  # 66,495 pixels, no multiple of four
    masked = Augmentation(mask_probability=probability).apply(grey, seeded())
    assert set(masked.unique().tolist()) <= {0.0, 0.5}
    spread = (probability * (1 - probability) / grey.numel()) ** 0.5
    assert abs((masked == 0).float().mean().item() - probability) <= 4 * spread
    neighbours = ((masked[..., 1:] == 0) & (masked[..., :-1] == 0)).float().mean().item()
    assert abs(neighbours - probability**2) < 0.01


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Augmentation)])
def test_every_field_changes_the_result(field: str, digits: Tensor) -> None:
    without = dataclasses.replace(FULL, **{field: getattr(Augmentation(), field)})
    assert not torch.equal(FULL.apply(digits, seeded()), without.apply(digits, seeded()))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shift_px", -1),
        ("rotation_degrees", 200),
        ("noise_std", -0.1),
        ("mask_probability", 1.2),
        ("scale", (0.0, 1.0)),
        ("intensity", (1.2, 0.8)),
    ],
)
def test_errors_name_field_value_and_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"Augmentation: {field} is .*allowed is"):
        Augmentation(**{field: value})
