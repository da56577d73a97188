"""Where MNIST and Fashion-MNIST lie, and what their official files hold."""

from __future__ import annotations

import os
from pathlib import Path

from acc_assets.storage import ArtifactFolder, Store

OFFICIAL_TRAIN, OFFICIAL_TEST = 60_000, 10_000
DATA_DIR_VARIABLE = "ACC_DATA_DIR"
DATASETS = "datasets"  # a folder of the store
TORCHVISION_NAMES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
# sha256 of the four unpacked files as they were published, so that no other data pass for them. (Fashion-MNIST's
# publisher gives MD5 of the packed files, which torchvision checks; unpacked, those have these digests.)
PUBLISHED_SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}


def data_dir() -> Path:
    """Folder of downloaded data sets: `ACC_DATA_DIR`, else `datasets` in the store's folder on this machine."""
    named = os.environ.get(DATA_DIR_VARIABLE)
    return Path(named).expanduser() if named else Store().root / DATASETS


def shared_data() -> ArtifactFolder | None:
    """Where an object store keeps data sets for all machines; None where the store is a folder, or another is named."""
    store = Store()
    return None if store.is_local or os.environ.get(DATA_DIR_VARIABLE) else store.folder(DATASETS)
