"""The official files of MNIST and Fashion-MNIST: found or downloaded, verified, read through torchvision."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from acc_assets.datasets.arrays import Split
from acc_assets.datasets.files import DatasetError
from acc_assets.datasets.mnist_source import (
    DATA_DIR_VARIABLE,
    OFFICIAL_TEST,
    OFFICIAL_TRAIN,
    PUBLISHED_SHA256,
    TORCHVISION_NAMES,
    shared_data,
)
from acc_assets.datasets.resize import resize_images
from acc_assets.datasets.torchvision_compat import torchvision_datasets
from acc_assets.storage import copies

CONNECT_TIMEOUT = 20.0  # seconds without an answer before a download counts as failed


# One size each of both data sets; every draw of training images shares these arrays.
@lru_cache(maxsize=3)
def read_official(name: str, folder: Path, image_size: int, content: str | None) -> tuple[Split, Split]:
    """Return the official train (60,000) and test (10,000) splits at `image_size`.

    name: `mnist` or `fashion_mnist`. folder: in torchvision's layout, `<folder>/MNIST/raw/...`. content: digest of the
    files, so that changed ones are read again. Raises `DatasetError` when the files are damaged.
    """
    kind = getattr(torchvision_datasets(), TORCHVISION_NAMES[name])
    raw = folder / TORCHVISION_NAMES[name] / "raw"
    splits = []
    for train, expected in ((True, OFFICIAL_TRAIN), (False, OFFICIAL_TEST)):
        try:
            official = kind(str(folder), train=train)
        except Exception as error:
            raise damaged(name, raw, f"torchvision cannot read it ({_short(error)})") from error
        images, labels = official.data.numpy(), official.targets.numpy()  # (N, 28, 28) uint8, (N,) int64
        if images.shape != (expected, 28, 28) or labels.shape != (expected,):
            raise damaged(name, raw, f"it holds {images.shape} images and {labels.shape} labels")
        if not 0 <= labels.min() <= labels.max() <= 9:
            raise damaged(name, raw, f"its labels go from {labels.min()} to {labels.max()} instead of 0 to 9")
        splits.append(Split(resize_images(images[:, None], image_size), labels))
    return splits[0], splits[1]


def download(name: str, folder: Path) -> None:
    """Download the files into a folder; once, also when several processes ask at the same time.

    An object store keeps them, so that other machines take them from there.
    Raises `DatasetError` where that is not possible.
    """
    kind = getattr(torchvision_datasets(), TORCHVISION_NAMES[name])
    raw = folder / TORCHVISION_NAMES[name] / "raw"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"):
            shared = shared_data()
            if shared is not None:
                copies.fetch(shared, name, raw)
            if not _files_exist(kind, folder):
                with _socket_timeout(CONNECT_TIMEOUT):
                    kind(str(folder), download=True)
                if shared is not None:
                    copies.put(shared, name, raw, PUBLISHED_SHA256[name])
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


def damaged(name: str, raw: Path, fact: str) -> DatasetError:
    """The error that says what is wrong with the files, and what to do."""
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
