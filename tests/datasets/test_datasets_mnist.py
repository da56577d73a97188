"""Real MNIST against known figures, and what a person is told when the files are missing or damaged."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from acc_assets.datasets import DatasetError, FashionMnist, Mnist

CLOSED_PROXY = "http://127.0.0.1:9"  # nothing listens there: a network that refuses at once


def psnr(squared_error: np.ndarray) -> float:
    return float(-10 * np.log10(squared_error.mean()))


@pytest.mark.mnist
def test_official_test_split_and_default_sizes(mnist_dir: Path) -> None:
    data = Mnist().load()
    assert (len(data.train), len(data.validation), len(data.test)) == (55_000, 5_000, 10_000)
    assert data.test.images.shape == (10_000, 1, 32, 32)
    assert data.test.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert data.train.targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(data.test.targets).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert "MNIST" in data.source
    assert str(mnist_dir) not in data.source


@pytest.mark.mnist
def test_black_and_mean_image_score_as_measured(mnist_dir: Path) -> None:
    data = Mnist().load()
    test = data.test.images / 255.0
    assert psnr(test**2) == pytest.approx(9.86, abs=0.05)
    assert test.mean() == pytest.approx(0.133, abs=0.001)
    mean = data.train.images.mean(axis=0) / 255.0
    assert psnr((test - mean) ** 2) == pytest.approx(12.43, abs=0.05)


@pytest.mark.mnist
def test_28_pixels_are_the_files_own_bytes(mnist_dir: Path) -> None:
    data = Mnist(image_size=28).load()
    raw = (mnist_dir / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()[16:]
    assert data.test.images.tobytes() == raw
    assert psnr((data.test.images / 255.0) ** 2) < psnr((Mnist().load().test.images / 255.0) ** 2)


@pytest.mark.mnist
def test_small_draws(mnist_dir: Path) -> None:
    everything = Mnist(image_size=28).load()
    plain = Mnist(image_size=28, train_samples=100).load()
    even = Mnist(image_size=28, train_samples=100, stratified=True).load()
    other = Mnist(image_size=28, train_samples=100, stratified=True, seed=1).load()
    shares = np.bincount(everything.train.targets) / 55_000
    assert np.abs(np.bincount(even.train.targets, minlength=10) - 100 * shares).max() < 1
    assert np.abs(np.bincount(plain.train.targets, minlength=10) - 100 * shares).max() > 1
    pool = {image.tobytes() for image in everything.train.images}
    for draw in (plain, even, other):
        pictures = {image.tobytes() for image in draw.train.images}
        assert len(pictures) == 100
        assert pictures <= pool
        np.testing.assert_array_equal(draw.validation.images, everything.validation.images)
        assert draw.test.images is everything.test.images
    assert len({draw.digest for draw in (everything, plain, even, other)}) == 4


@pytest.mark.mnist
@pytest.mark.parametrize("how", ["truncated", "flipped"])
def test_damaged_files_are_named(
    how: str, mnist_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "MNIST" / "raw"
    shutil.copytree(mnist_dir / "MNIST" / "raw", raw, copy_function=shutil.copyfile)
    raw.chmod(0o755)
    victim = raw / "t10k-images-idx3-ubyte"
    content = bytearray(victim.read_bytes())
    content[100_000] ^= 1
    victim.write_bytes(content[:50_000] if how == "truncated" else content)
    monkeypatch.setenv("ACC_DATA_DIR", str(tmp_path))
    with pytest.raises(DatasetError, match="damaged") as raised:
        Mnist().load()
    for word in ("'mnist'", str(raw), victim.name, "Delete that folder", "ACC_DATA_DIR"):
        assert word in str(raised.value)


@pytest.mark.parametrize("config", [Mnist(), FashionMnist()], ids=lambda config: config.name)
def test_missing_files_without_network(
    config: Mnist | FashionMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACC_DATA_DIR", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, CLOSED_PROXY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        urllib.request, "_opener", None
    )  # urllib keeps the proxies of its first request for good
    with pytest.raises(DatasetError, match="could not be downloaded") as raised:
        config.load()
    for word in (f"'{config.name}'", str(tmp_path), "ACC_DATA_DIR", "quickstart"):
        assert word in str(raised.value)


def test_default_folder_follows_the_storage_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from acc_assets.datasets.mnist_source import data_dir

    monkeypatch.delenv("ACC_DATA_DIR", raising=False)
    monkeypatch.setenv("ACC_STORAGE", str(tmp_path))
    assert data_dir() == tmp_path / "datasets"
    monkeypatch.delenv("ACC_STORAGE")
    assert data_dir().parts[-2:] == ("storage", "datasets")
    monkeypatch.setenv("ACC_DATA_DIR", str(tmp_path / "mine"))
    assert data_dir() == tmp_path / "mine"
