"""What every data set configuration promises before and after loading."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from acc_assets.datasets import (
    DATASETS,
    Augmentation,
    Digits,
    FashionMnist,
    Mnist,
    Shapes,
    Slant,
    Split,
    Thickness,
    data_digest,
)
from acc_assets.datasets.data import stratified_draw

WITHOUT_FILES = [
    Digits(),
    Digits(image_size=32),
    Shapes(n=60),
    Shapes(n=60, targets=("x", "scale")),
    Thickness(n=60),
    Slant(n=60),
]


def test_import_names_no_heavy_library() -> None:
    heavy = "{'torch', 'sklearn', 'umap', 'matplotlib', 'torchvision', 'dagster'}"
    code = f"import sys, acc_assets.datasets; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_registry_names() -> None:
    assert set(DATASETS) == {
        "mnist",
        "fashion_mnist",
        "digits",
        "shapes",
        "thickness",
        "slant",
        "label_budget",
        "labelled",
        "binarised",
        "held_out",
    }
    asked = {"labelled": {"people": "r"}, "held_out": {"classes": ("8",)}}
    for name, kind in DATASETS.items():
        assert kind.name == name
        config = partial(kind, **asked.get(name, {}))
        assert config() == config()  # every other field has a default, and configurations compare by value
        assert hash(config()) == hash(config())
        assert dataclasses.is_dataclass(kind)


@pytest.mark.parametrize("config", WITHOUT_FILES, ids=repr)
def test_loaded_arrays_are_what_the_configuration_says(config: object) -> None:
    data = config.load()
    described = config.describe()
    assert data.source == described["source"]
    assert len(data.digest) == 64
    for name in ("train", "validation", "test"):
        split = getattr(data, name)
        assert len(split) == described[name] == config.sizes[name]
        assert split.images.dtype == np.uint8
        assert split.images.shape == (len(split), 1, config.image_size, config.image_size)
        assert split.images.max() > 200
        assert (split.images.max(axis=(1, 2, 3)) > 0).all()
        if config.kind_of_target == "class":
            assert split.targets.dtype == np.int64
            assert split.targets.shape == (len(split),)
            assert set(split.targets) == set(range(config.num_classes))
        else:
            assert config.num_classes is None
            assert split.targets.dtype == np.float32
            assert split.targets.shape == (len(split), config.target_dim)
            assert split.targets.min() >= 0
            assert split.targets.max() <= 1
        for factor in (split.factors or {}).values():
            assert factor.shape == (len(split),)


def test_equal_configurations_share_one_load() -> None:
    assert Thickness(n=40).load() is Thickness(n=40).load()


def test_splits_have_no_image_in_common() -> None:
    for config in (Digits(), Thickness(n=200)):
        data = config.load()
        pictures = [
            {image.tobytes() for image in split.images} for split in (data.train, data.validation, data.test)
        ]
        assert not pictures[0] & pictures[1]
        assert not pictures[0] & pictures[2]
        assert not pictures[1] & pictures[2]


def test_digest_sees_every_array() -> None:
    split = Split(np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 1]), {"x": np.zeros(2, np.float32)})
    changed_pixel = split.images.copy()
    changed_pixel[1, 0, 3, 3] = 1
    variants = [
        split,
        dataclasses.replace(split, images=changed_pixel),
        dataclasses.replace(split, targets=np.array([1, 0])),
        dataclasses.replace(split, factors={"x": np.ones(2, np.float32)}),
        dataclasses.replace(split, images=split.images.reshape(2, 1, 2, 8)),
    ]
    digests = {data_digest({"train": variant, "validation": split, "test": split}) for variant in variants}
    assert len(digests) == len(variants)
    swapped = {"train": split, "validation": variants[1], "test": split}
    assert data_digest(swapped) not in digests


def test_digits_are_scikit_learns_and_stratified() -> None:
    from sklearn.datasets import load_digits

    data = Digits(image_size=8).load()
    images = np.concatenate([data.train.images, data.validation.images, data.test.images])
    labels = np.concatenate([data.train.targets, data.validation.targets, data.test.targets])
    pixels, digits = load_digits(return_X_y=True)
    ours = sorted(zip(images.reshape(-1, 64).astype(int).tolist(), labels.tolist(), strict=True))
    theirs = sorted(zip(np.rint(pixels * 255 / 16).astype(int).tolist(), digits.tolist(), strict=True))
    assert ours == theirs
    shares = np.bincount(digits) / len(digits)
    for split in (data.validation, data.test):
        assert np.abs(np.bincount(split.targets) - shares * len(split)).max() <= 1


def test_stratified_draw_keeps_shares_and_uses_all_it_is_asked_for() -> None:
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    rng = np.random.default_rng(3)
    drawn = stratified_draw(labels, 50, rng)
    assert len(set(drawn)) == 50
    assert np.bincount(labels[drawn]).tolist() == [30, 15, 5]
    assert sorted(stratified_draw(labels, 1000, rng)) == list(range(1000))
    assert len(stratified_draw(labels, 7, rng)) == 7


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Mnist(image_size=4), ["Mnist", "image_size", "4", "8 to 256"]),
        (lambda: Mnist(train_samples=55_001), ["train_samples", "55001", "1 to 55000"]),
        (lambda: Mnist(train_samples=0), ["train_samples", "0"]),
        (lambda: FashionMnist(validation_samples=60_000), ["FashionMnist", "validation_samples"]),
        (lambda: Digits(image_size=100), ["Digits", "image_size", "100", "8 to 64"]),
        (lambda: Thickness(n=3), ["Thickness", "n is 3", "from 10"]),
        (lambda: Slant(seed=-1), ["Slant", "seed", "-1"]),
        (lambda: Shapes(targets=("colour",)), ["Shapes", "colour", "'scale'"]),
        (lambda: Shapes(targets="xy"), ["Shapes", "'xy'", "'scale'"]),
        (lambda: Shapes(targets=3), ["Shapes", "targets is 3"]),
        (lambda: Augmentation(shift_px="far"), ["shift_px", "'far'", "number from 0"]),
        (lambda: Augmentation(shift_px=float("inf")), ["shift_px", "inf"]),
        (lambda: Augmentation(scale=2), ["scale is 2", "2 values"]),
        (lambda: Shapes(targets=("shape", "x")), ["Shapes", "target_names=('x', 'y')"]),
    ],
)
def test_errors_name_field_value_and_what_is_allowed(make: object, words: list[str]) -> None:
    with pytest.raises(ValueError, match="allowed is") as raised:
        make()
    for word in words:
        assert word in str(raised.value)
