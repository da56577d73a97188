"""Modules that a user wrote: what can be built is built green, what cannot is left out with the reason."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import numpy as np
import onnxruntime
import pytest
import torch
from foreign_built import foreign_storage, foreign_tree, storage

import acc_assets
from acc_assets.assets.instance import open_instance
from acc_assets.assets.plans import plans
from acc_assets.storage import LEFT_OUT, RunDirectory, Store

__all__ = ["foreign_storage", "storage"]

WIDTH = 6
NO_DECODER = "has no method decode(code)"
# what each module cannot have, and the words that say why
LEFT = {
    "own_groups": {},
    "forward_only": {"traversals": f"ForwardOnly {NO_DECODER}"},
    "encoder_only": {
        "traversals": f"EncoderOnly {NO_DECODER}",
        "reconstructions": "EncoderOnly returns no image under ModelOutput.RECONSTRUCTION",
    },
    "map_code": dict.fromkeys(
        ("latents", "traversals", "sorted", "neighbors", "projections", "onnx"),
        "MapCode returns no flat latent (B, D) under ModelOutput.LATENT",
    ),
}


def run_of(storage: Path, branch: str) -> RunDirectory:
    return Store(storage).run("foreign", f"{branch}_trained", 0)


@pytest.mark.parametrize("branch", LEFT)
def test_what_a_model_cannot_do_is_left_out_with_the_reason(storage: Path, branch: str) -> None:
    run = run_of(storage, branch)
    families = {
        plan.family
        for plan in plans(foreign_tree())
        if plan.node and plan.node.tag == run.node and plan.request
    }
    found = {f: run.read_json(f"{f}/{LEFT_OUT}")["reason"] for f in families if run.exists(f"{f}/{LEFT_OUT}")}
    assert found == LEFT[branch]
    assert all(run.has_family(family) for family in families)
    assert run.verify() == []
    lacks = run.read_json("config.json")["lacks"]  # known before the first step of training
    assert set(LEFT[branch].values()) <= set(lacks.values())
    said = [event["text"] for event in run.events() if event["event"] == "run.message"]
    assert all(f"{why}: what needs it is left out." in said for why in lacks.values())


def test_the_graph_says_so_too_and_is_green(storage: Path) -> None:
    with open_instance(Store(storage)) as instance:
        for plan in plans(foreign_tree()):
            if plan.request is None or plan.node is None:
                continue
            found = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=plan.key, asset_partitions=["0"]), limit=1
            )
            event = found.records[0].event_log_entry.asset_materialization
            assert event is not None
            why = LEFT[plan.node.branch].get(plan.family)
            assert (event.metadata["left out"].value if "left out" in event.metadata else None) == why
            for check in plan.checks:
                key = dg.AssetCheckKey(plan.key, check.name)
                record = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)[0]
                assert record.event is not None
                result = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
                if why is not None:
                    assert result.passed
                    assert result.description == f"nothing to judge: {why}"


@pytest.mark.parametrize("branch", ["own_groups", "forward_only", "encoder_only"])
def test_the_width_is_known_though_no_module_says_it(storage: Path, branch: str) -> None:
    run = run_of(storage, branch)
    assert run.read_npz("latents/latents_latest.npz")["mu"].shape == (360, WIDTH)
    assert run.read_json("config.json")["latent_dim"] == WIDTH
    assert run.read_json("latents/latents.json")["latent_dim"] == WIDTH


def test_the_modules_own_groups_are_the_only_ones(storage: Path) -> None:
    run = run_of(storage, "own_groups")
    groups = [{"name": "what", "start": 0, "stop": 4}, {"name": "how", "start": 4, "stop": WIDTH}]
    assert run.read_json("config.json")["factor_groups"] == groups
    assert set(run.read_json("metrics/metrics.json")["latent"]["groups"]) == {"what", "how"}
    assert set(run.read_json("sorted/sorted.json")["factors"]) == {"what", "how"}
    assert set(run.read_json("traversals/traversals.json")["factors"]) == {"what", "how"}


@pytest.mark.parametrize("branch", ["forward_only", "encoder_only"])
def test_the_encoder_is_exported_alone_and_agrees(storage: Path, branch: str) -> None:
    run = run_of(storage, branch)
    images = Store(storage).recipe("foreign").read_npz("data-digits/test.npz")["images"]
    session = onnxruntime.InferenceSession(run.read_bytes("onnx/encoder.onnx"))
    (latents,) = session.run(["latent"], {"input": images.astype(np.float32) / 255})
    np.testing.assert_allclose(latents, run.read_npz("latents/latents_latest.npz")["mu"], atol=1e-4)
    facts = run.read_json("onnx/onnx.json")
    assert NO_DECODER in facts["no_decoder"]
    assert facts["parity"]["passed"]
    assert not run.exists("onnx/decoder.onnx")


@pytest.mark.parametrize("branch", ["forward_only", "map_code"])
def test_a_model_without_decode_still_shows_what_it_makes_of_images(storage: Path, branch: str) -> None:
    run = run_of(storage, branch)
    errors = run.read_json("reconstructions/reconstructions.json")["mse"]
    assert len(errors) == 20
    metrics = run.read_json("metrics/metrics.json")
    assert metrics["tasks"]["recon"]["metrics"]["psnr"] > 5
    if branch == "forward_only":
        indices = run.read_json("reconstructions/reconstructions.json")["indices"]
        stored = run.read_npz("latents/latents_latest.npz")["error"][indices]
        np.testing.assert_allclose(errors, stored, atol=1e-5)
    else:
        assert metrics["latent"] is None


def test_pages_say_why_and_advise_nothing_that_cannot_be_done(storage: Path) -> None:
    site = storage / "site" / "recipes" / "foreign"
    node = (site / "nodes" / "map_code_trained.html").read_text()
    assert "<b>Left out:</b>" in node
    assert "MapCode returns no flat latent" in node
    assert "Not built yet" not in node
    assert not (site / "latent" / "map_code_trained.html").exists()
    encoder = (site / "nodes" / "encoder_only_trained.html").read_text()
    assert "the decoder as onnx, and with it the playground" in encoder.lower()
    playground = (site / "playground.html").read_text()
    assert f"encoder_only_trained, seed 0: EncoderOnly {NO_DECODER}" in playground
    assert "acc build foreign --select encoder_only_trained" not in playground
    recipe = (site / "index.html").read_text()
    assert "Left out: EncoderOnly returns no image" in recipe
    assert "The latent of forward_only_trained has no part named what." in recipe
    assert "leave the ONNX asset out" not in node + encoder + playground + recipe


def test_a_notebook_gets_a_module_of_a_users_own_from_the_store_alone(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACC_RECIPES")  # the recipe's file, which defines it, is kept in the store
    results = acc_assets.open(storage)["foreign"]
    model, latents = results.model("own_groups_trained", 0), results.latents("own_groups_trained", 0)
    assert (type(model).__name__, model.training) == ("OwnGroups", False)
    with torch.no_grad():
        code = model.encode(torch.from_numpy(latents.images).float() / 255)["latent"]
    np.testing.assert_allclose(code.numpy(), latents["mu"], atol=1e-5)
    with pytest.raises(KeyError, match="has no latents: MapCode returns no flat latent"):
        results.latents("map_code_trained", 0)
