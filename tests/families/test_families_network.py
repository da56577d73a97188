"""The network of the built tiny recipe: what was chosen before training is captured, kept by snapshot, and shown."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from built_tiny import environment, tiny_tree
from PIL import Image

from acc_assets.assets.analyses import network as asset
from acc_assets.assets.work import NodeWork
from acc_assets.families import Artifacts, RunArtifacts, network
from acc_assets.models.network_choice import chosen_channels
from acc_assets.report import scripts
from acc_assets.storage import Store
from acc_assets.training import load_model

NODE, STEPS = "labelled_trained", [0, 6, 12]
# the array names that the module's docstring and the client's contract describe
NAMES = re.compile(
    r"input|recon|layer/\d+|range/\d+|latent/(z|mu|logvar|qc_probs|z_sample)|probe/\d+|statistics/\d+"
    r"|conv/\d+/(patch|kernel|channel_sums|top_in|product|sum|bias|computed|captured|activated)"
    r"|kernel/\d+/(weight|bias|direct|aggregate|norms|top_in|slices)|perturb/\w+/(recon|delta|base_value|new_value)"
    r"|topk/\d+/(max/(indices|score|least|xy)|mean/(indices|score|least))"
)


@pytest.fixture(scope="module")
def store(built_storage: Path) -> Store:
    return Store(built_storage)


@pytest.fixture(scope="module")
def shown(store: Store) -> tuple[RunArtifacts, Artifacts]:
    run = RunArtifacts(store.run("tiny", NODE, 0), "tiny", NODE, 0, families=(network.FAMILY,))
    return run, Artifacts(store.recipe("tiny"))


def test_what_was_chosen_before_training_is_what_was_captured(shown: tuple[RunArtifacts, Artifacts]) -> None:
    run, _ = shown
    choice, facts = run.config["network"], run.document(network.FAMILY)
    assert facts["chosen_before_training"]
    assert facts["examples"] == choice["examples"] == run.config["viz_indices"][: len(choice["examples"])]
    assert facts["steps"] == STEPS
    assert facts["epochs"][0] == 0
    assert facts["epochs"] == sorted(facts["epochs"])
    assert [layer["name"] for layer in facts["layers"]] == [layer["name"] for layer in choice["layers"]]
    assert [layer["channels"] for layer in facts["layers"]] == [
        chosen_channels(one) for one in choice["layers"]
    ]
    assert facts["lacks"] == {}


def test_an_older_run_without_a_choice_gets_the_same_one(store: Store) -> None:
    with environment(store.root):
        run, node = store.run("tiny", NODE, 0), tiny_tree()[NODE]
    config = run.read_json("config.json")
    data = node.datasets["digits"].config.load()
    older = {name: value for name, value in config.items() if name != "network"}
    work = SimpleNamespace(
        run=SimpleNamespace(read_json=lambda path: older),
        data=data,
        examples=lambda count: np.array(config["viz_indices"]),
        abilities=SimpleNamespace(latent_dim=5, outputs={}),
    )
    choice, before = asset.network_choice(cast(NodeWork, work), load_model(run, node).model)
    assert not before
    assert choice == config["network"]


def test_every_snapshot_has_every_part_and_the_latest_is_the_last(store: Store) -> None:
    run = store.run("tiny", NODE, 0)
    for part, series in network.SERIES.items():
        assert series.steps(RunArtifacts(run, "tiny", NODE, 0)) == STEPS
        last, latest = (network.SERIES[part].read(run, step) for step in (STEPS[-1], None))
        assert last.keys() == latest.keys() == network.SERIES[part].read(run, 0).keys()
        assert all(np.array_equal(last[name], latest[name]) for name in last)
        assert all(NAMES.fullmatch(name) for name in last)
        assert last, part
    assert sum(one.size for one in run.manifest("network").files) < 5_000_000


def test_the_page_gets_one_script_a_snapshot_whose_arrays_fit_the_layers(
    shown: tuple[RunArtifacts, Artifacts],
) -> None:
    payloads = {one.what: one for one in network.FAMILY.payloads(*shown)}
    assert list(payloads) == ["network", *(f"network-{step}" for step in STEPS), "network-images"]
    meta, none = payloads["network"].make()
    assert none == {}
    assert len(meta["labels"]) == len(meta["examples"]) == 10
    assert len(set(meta["labels"])) == 10  # one of each class
    _, _, arrays = scripts.decode(scripts.encode("key", *payloads["network-12"].make()))
    count, close = len(meta["examples"]), meta["close_examples"]
    for layer in meta["layers"]:
        values, kept = arrays[f"layer/{layer['id']}"], len(layer["channels"])
        assert values.shape == (count, kept, *layer["shape"][1:])
        if len(layer["shape"]) == 3:
            places = len(layer["positions"])
            assert arrays[f"probe/{layer['id']}"].shape == (count, kept, places)
        if layer["receptive_field"]["status"] == "ok":
            assert len(layer["receptive_field"]["rows"]) == layer["shape"][1]
        if layer["conv_step"]["status"] == "ok":
            outs = len(layer["conv_step"]["out_channels"])
            assert arrays[f"conv/{layer['id']}/computed"].shape == (close, places, outs)
            assert layer["conv_step"]["difference"] <= layer["conv_step"]["tolerance"]
    images = payloads["network-images"].make()[1]["images"]
    assert len(images) == meta["subset_n"]
    assert max(values.max() for name, values in arrays.items() if name.endswith("indices")) < meta["subset_n"]


def test_the_nodes_page_shows_maps_and_layers(shown: tuple[RunArtifacts, Artifacts]) -> None:
    (picture,) = network.FAMILY.pictures(*shown)
    assert picture.draw is not None
    with Image.open(io.BytesIO(picture.draw("light"))) as drawn:
        assert drawn.size == picture.size
    layers, left = network.FAMILY.tables(shown[0])
    assert ("backbone.0", "Conv2d 3x3, 1 → 16", "16x16x16", "3x3") in layers.rows
    assert ("attention", "CrossAttention returns 2 values, not one tensor") in left.rows


def test_a_broken_step_fails_the_check_and_names_the_layer() -> None:
    ok: Any = {"status": "ok", "out_channels": [0], "activation": None}
    layers = [{"id": at, "name": name, "conv_step": dict(ok)} for at, name in enumerate(("one", "two"))]
    verdict = asset._agreement(layers, [{0: (1e-7, 1e-4)}, {0: (3e-4, 1e-4)}])
    assert not verdict.passed
    assert "one: 3.0e-04 of 1.0e-04" in verdict.reason
    assert layers[1]["conv_step"]["status"] == "unavailable"
    verdict = asset._agreement(
        [{"id": 0, "name": "one", "conv_step": dict(ok)}], [{0: (1e-7, 1e-4)}, {0: (np.nan, 1e-4)}]
    )
    assert (verdict.passed, verdict.reason) == (False, "computed or captured values are not finite: one")
