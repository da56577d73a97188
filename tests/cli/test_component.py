"""Recipes in somebody else's Dagster project: beside its own assets, executor and resources, under a prefix."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest
from built_tiny import TINY_RECIPES

from acc_assets.component import RecipeComponent
from acc_assets.storage import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    """A host that has an executor, a resource called `store`, assets of its own, and two components."""
    for name in ("ACC_STORAGE", "ACC_RECIPES", "ACC_PARAMETERS", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)

    @dg.asset
    def its_own(store: dg.ResourceParam[str]) -> None:
        assert store == "a host's"

    parts = []
    for prefix in (["research", "digits"], ["other"]):
        folder = tmp_path / prefix[-1]
        (folder / "recipes").mkdir(parents=True)
        shutil.copy(TINY_RECIPES / "tiny.py", folder / "recipes")
        places = {"recipes": [str(folder / "recipes")], "storage": str(folder / "stored")}
        parts.append(dg.build_defs_for_component(RecipeComponent(key_prefix=prefix, **places)))
    own = dg.Definitions(assets=[its_own], resources={"store": "a host's"}, executor=dg.in_process_executor)
    return dg.Definitions.merge(own, *parts)


def test_two_components_and_a_host_make_one_code_location(host: dg.Definitions, tmp_path: Path) -> None:
    host.get_repository_def()
    keys = {key.to_user_string() for key in host.resolve_asset_graph().get_all_asset_keys()}
    assert {"its_own", "research/digits/tiny/plain_trained", "other/tiny/plain_trained"} <= keys
    job = host.resolve_job_def("research__digits__tiny")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key="1",
            asset_selection=[
                dg.AssetKey(["research", "digits", "tiny", name])
                for name in ("data_digits", "root", "plain", "plain_trained", "plain_trained_latents")
            ],
        )
        assert result.success
    store = Store(tmp_path / "digits" / "stored")
    assert store.run("tiny", "plain_trained", 1).read_json("summary.json")["status"] == "completed"
    assert store.run("tiny", "plain_trained", 1).has_family("latents")
    assert not (tmp_path / "other" / "stored" / "runs").exists()
