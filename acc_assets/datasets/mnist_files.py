"""The official files of MNIST and Fashion-MNIST: found or downloaded, verified, read through torchvision."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from acc_assets.datasets.data import DatasetError, Split
from acc_assets.datasets.mnist import DATA_DIR_VARIABLE, OFFICIAL_TEST, OFFICIAL_TRAIN
from acc_assets.datasets.resize import resize_images
from acc_assets.datasets.torchvision_compat import torchvision_datasets

TORCHVISION_NAMES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
CONNECT_TIMEOUT = 20.0  # seconds without an answer before a download counts as failed

# sha256 of the four unpacked files of the published MNIST, so that no other data passes for it. torchvision checks
# Fashion-MNIST's packed files when it downloads them; no digest of the unpacked ones is published.
PUBLISHED_SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }
}


# One size each of both data sets; every draw of training images shares these arrays.
@lru_cache(maxsize=3)
def read_official(name: str, folder: Path, image_size: int) -> tuple[Split, Split]:
    """Return the official train (60,000) and test (10,000) splits at `image_size`.

    name: `mnist` or `fashion_mnist`. folder: in torchvision's layout, `<folder>/MNIST/raw/...`.
    Raises `DatasetError` when the files are missing and cannot be downloaded, or are damaged.
    """
    kind = getattr(torchvision_datasets(), TORCHVISION_NAMES[name])
    raw = folder / TORCHVISION_NAMES[name] / "raw"
    _download_if_missing(kind, name, folder, raw)
    _verify(name, raw)
    splits = []
    for train, expected in ((True, OFFICIAL_TRAIN), (False, OFFICIAL_TEST)):
        try:
            official = kind(str(folder), train=train)
        except Exception as error:
            raise _damaged(name, raw, f"torchvision cannot read it ({_short(error)})") from error
        images, labels = official.data.numpy(), official.targets.numpy()  # (N, 28, 28) uint8, (N,) int64
        if images.shape != (expected, 28, 28) or labels.shape != (expected,):
            raise _damaged(name, raw, f"it holds {images.shape} images and {labels.shape} labels")
        splits.append(Split(resize_images(images[:, None], image_size), labels))
    return splits[0], splits[1]


def _download_if_missing(kind: Any, name: str, folder: Path, raw: Path) -> None:
    """Download once, also when several processes ask at the same time."""
    if _files_exist(kind, folder):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"):
            if not _files_exist(kind, folder):
                with _socket_timeout(CONNECT_TIMEOUT):
                    kind(str(folder), download=True)
    except Exception as error:
        raise DatasetError(
            f"The data set '{name}' is not in {raw} and could not be downloaded ({_short(error)}). "
            f"Set the environment variable {DATA_DIR_VARIABLE} to a folder that holds it in torchvision's layout "
            f"(<folder>/{raw.parent.name}/raw/train-images-idx3-ubyte and three more), or run again with access to "
            "the network and a writable folder. The recipe 'quickstart' needs no download."
        ) from error


def _files_exist(kind: Any, folder: Path) -> bool:
    try:
        kind(str(folder))
    except (
        RuntimeError
    ) as error:  # torchvision's way to say that files are missing; also its way of other errors
        return "not found" not in str(error).lower()
    except Exception:  # present, but unreadable: for the reader to report
        return True
    return True


def _verify(name: str, raw: Path) -> None:
    for file_name, expected in PUBLISHED_SHA256.get(name, {}).items():
        path = raw / file_name
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise _damaged(
                name, raw, f"{file_name} has sha256 {found[:12]}..., the published file {expected[:12]}..."
            )


def _damaged(name: str, raw: Path, fact: str) -> DatasetError:
    return DatasetError(
        f"The data set '{name}' in {raw} is damaged: {fact}. Delete that folder and run again with access to the "
        f"network, or set {DATA_DIR_VARIABLE} to a folder that holds an intact copy."
    )


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
