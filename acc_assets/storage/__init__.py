"""Run directories, atomic writes, manifests and locks: the only room that opens a run's files by hand."""

from acc_assets.storage.errors import (
    DamagedArtifact,
    MissingArtifact,
    StorageBusy,
    StorageError,
    StoreUnreachable,
    explained,
)
from acc_assets.storage.events import EVENTS, LogReader
from acc_assets.storage.family import FamilyWriter
from acc_assets.storage.folder import ArtifactFolder
from acc_assets.storage.labels import Label, LabelError, LabelFile, Labels, Problem, digest_of
from acc_assets.storage.manifest import Damage, FileRecord, MadeFrom, Manifest
from acc_assets.storage.names import LEFT_OUT
from acc_assets.storage.store import RunDirectory, Store

__all__ = [
    "EVENTS",
    "LEFT_OUT",
    "ArtifactFolder",
    "Damage",
    "DamagedArtifact",
    "FamilyWriter",
    "FileRecord",
    "Label",
    "LabelError",
    "LabelFile",
    "Labels",
    "LogReader",
    "MadeFrom",
    "Manifest",
    "MissingArtifact",
    "Problem",
    "RunDirectory",
    "StorageBusy",
    "StorageError",
    "Store",
    "StoreUnreachable",
    "digest_of",
    "explained",
]
