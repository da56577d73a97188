"""Files behind data sets: what they hold is told by their bytes, never by their names."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from acc_assets.datasets import (
    DATASETS,
    DatasetError,
    Digits,
    FashionMnist,
    ImageData,
    Mnist,
    Split,
    Thickness,
    data_digest,
    source_digest,
)
from acc_assets.datasets.mnist_source import PUBLISHED_SHA256


def write_idx(path: Path, values: np.ndarray) -> None:
    """An IDX file of bytes, as MNIST's publishers write them."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes())


def write_fashion(folder: Path, shift: int = 0) -> None:
    """Files in Fashion-MNIST's layout with other content; `shift` moves the labels."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", 60_000), ("t10k", 10_000)):
        write_idx(raw / f"{name}-images-idx3-ubyte", np.zeros((count, 28, 28)))
        write_idx(raw / f"{name}-labels-idx1-ubyte", (np.arange(count) + shift) % 10)


@pytest.fixture
def fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ACC_DATA_DIR with such files."""
    monkeypatch.setenv("ACC_DATA_DIR", str(tmp_path))
    write_fashion(tmp_path)
    return tmp_path


def test_other_content_does_not_pass_as_fashion_mnist(fashion: Path) -> None:
    config = FashionMnist(image_size=28)
    digest = source_digest(config)
    for source in (config.source, config.load().source, config.describe()["source"]):
        assert "real product photographs" not in source
        assert f"files of unknown content in the layout of fashion_mnist, sha256 {digest[:12]}" in source
        assert str(fashion) not in source
    assert config.target_names == config.load().target_names == tuple("0123456789")


def test_published_content_has_its_description(fashion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in FashionMnist().files():
        known = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(PUBLISHED_SHA256["fashion_mnist"], path.name, known)
    assert "real product photographs" in FashionMnist().source
    assert FashionMnist().target_names[0] == "t-shirt"


def test_replaced_files_are_read_again_and_change_the_digest(fashion: Path) -> None:
    config = FashionMnist(image_size=28)
    before, loaded = source_digest(config), config.load()
    write_fashion(fashion, shift=1)
    assert source_digest(config) != before
    assert config.load().test.targets[:3].tolist() == [1, 2, 3]
    assert config.load().digest != loaded.digest


def test_the_digest_is_of_bytes_and_a_file_is_read_once(fashion: Path, tmp_path: Path) -> None:
    config = FashionMnist()
    before = source_digest(config)
    path = config.files()[1]
    times = path.stat()
    write_fashion(fashion, shift=1)
    write_idx(config.files()[3], np.arange(10_000) % 10)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert source_digest(config) == before  # same path, size and time: not read again
    os.utime(path)
    assert source_digest(config) != before
    write_fashion(fashion)
    assert source_digest(config) == before


def test_where_files_lie_and_how_they_are_drawn_does_not_count(
    fashion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = source_digest(FashionMnist())
    (tmp_path / "FashionMNIST").rename(tmp_path / "moved")
    (tmp_path / "other").mkdir()
    (tmp_path / "moved").rename(tmp_path / "other" / "FashionMNIST")
    monkeypatch.setenv("ACC_DATA_DIR", str(tmp_path / "other"))
    assert source_digest(FashionMnist(image_size=16, train_samples=10)) == digest


@pytest.mark.parametrize("kind", [Mnist, FashionMnist])
def test_missing_files_are_named(kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACC_DATA_DIR", str(tmp_path))
    with pytest.raises(DatasetError) as raised:
        source_digest(kind())
    for word in (kind.name, str(tmp_path), "train-images-idx3-ubyte", "No such file", "ACC_DATA_DIR"):
        assert word in str(raised.value)
    assert "not in $ACC_DATA_DIR yet" in kind().source


def test_only_data_from_files_have_a_digest() -> None:
    plain = {name: kind for name, kind in DATASETS.items() if name not in ("labelled", "held_out")}
    from_files = {name for name, kind in plain.items() if kind().files()}
    assert from_files == {"mnist", "fashion_mnist", "digits", "label_budget", "binarised"}
    assert source_digest(Thickness(n=20)) is None
    (path,) = Digits().files()
    assert path.name == "digits.csv.gz"
    assert len(source_digest(Digits())) == 64


@pytest.mark.mnist
def test_real_mnist_is_known_by_its_bytes(mnist_dir: Path) -> None:
    assert "real handwritten digits" in Mnist().source
    assert len(Mnist().files()) == 4


def split(count: int, **changes: np.ndarray) -> Split:
    arrays = {"images": np.zeros((count, 1, 8, 8), np.uint8), "targets": np.arange(count) % 3}
    return Split(**{**arrays, **changes})


def test_loaded_data_describe_themselves() -> None:
    data = ImageData("blobs", "made in a test", split(30), split(3), split(6), ("a", "b", "c"))
    assert data.load() is data
    assert data.digest == data_digest({"train": split(30), "validation": split(3), "test": split(6)})
    described = data.describe()
    assert (described["image_size"], described["in_channels"], described["num_classes"]) == (8, 1, 3)
    assert (described["train"], described["validation"], described["test"]) == (30, 3, 6)
    assert described["target_names"] == ["a", "b", "c"]
    real = {"targets": np.zeros((5, 2), np.float32)}
    numbers = ImageData("numbers", "made in a test", split(5, **real), split(5, **real), split(5, **real))
    assert (numbers.kind_of_target, numbers.target_dim, numbers.num_classes) == ("real", 2, None)


@pytest.mark.parametrize(
    ("changes", "names", "message"),
    [
        ({"images": np.zeros((6, 1, 8, 8), np.float32)}, (), "test split: images are float32.*uint8"),
        ({"images": np.zeros((6, 8, 8), np.uint8)}, (), r"images are uint8 \(6, 8, 8\).*N, C, H, W"),
        ({"images": np.zeros((6, 1, 8, 9), np.uint8)}, (), r"\(1, 8, 9\).*\(1, 8, 8\)"),
        ({"targets": np.zeros(6, np.float32)}, (), "targets are float32.*int64"),
        ({"targets": np.arange(5)}, (), "targets are int64.*6 images"),
        ({"targets": np.arange(6) - 1}, (), "classes from 0"),
        ({}, ("a", "b"), "target_names.*3 classes"),
    ],
)
def test_arrays_that_are_no_data_set_are_refused(changes: dict, names: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=f"data set 'blobs'.*{message}"):
        ImageData("blobs", "made in a test", split(30), split(3), split(6, **changes), names)
