"""What Dagster recorded, of many assets at once: as Dagster itself says it of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from acc_assets.assets import recorded
from acc_assets.assets.instance import open_instance
from acc_assets.assets.recorded import recorded_versions
from acc_assets.storage import Store


@pytest.fixture
def instance(storage: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Store(storage)) as opened:
        yield opened


def made(instance: dg.DagsterInstance, key: dg.AssetKey, seed: int | None, version: str) -> None:
    partition = None if seed is None else str(seed)
    tags = {"dagster/data_version": version, "dagster/code_version": "1"}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key=key, partition=partition, tags=tags)
    )


def test_the_latest_of_every_asset_and_seed(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, latents, site, absent = (
        dg.AssetKey(["large", name]) for name in ("root", "latents", "site", "absent")
    )
    for key, seed, version in (
        (root, 0, "a"),
        (root, 1, "b"),
        (latents, 1, "c"),
        (site, None, "d"),
        (root, 0, "e"),
    ):
        made(instance, key, seed, version)
    found = {(root, 0): "e", (root, 1): "b", (latents, 1): "c", (site, None): "d"}
    assert recorded_versions(instance, [root, latents, site, absent]) == found
    monkeypatch.setattr(recorded, "AT_ONCE", 2)
    assert recorded_versions(instance, [root, latents, site, absent]) == found
    assert recorded_versions(instance, []) == {}
    tag = "dagster/data_version"
    theirs = instance.event_log_storage.get_latest_tags_by_partition(
        root, dg.DagsterEventType.ASSET_MATERIALIZATION, [tag]
    )
    assert {(root, int(seed)): tags[tag] for seed, tags in theirs.items()} == recorded_versions(
        instance, [root]
    )


def test_what_was_wiped_is_not_recorded_until_it_is_made_again(instance: dg.DagsterInstance) -> None:
    root, latents = dg.AssetKey(["large", "root"]), dg.AssetKey(["large", "latents"])
    for key in (root, latents):
        made(instance, key, 0, "a")
    instance.wipe_assets([root])
    assert recorded_versions(instance, [root, latents]) == {(latents, 0): "a"}
    made(instance, root, 1, "b")
    assert recorded_versions(instance, [root, latents]) == {(latents, 0): "a", (root, 1): "b"}
