"""A code of two parts through every asset: a latent with component probabilities, and means that all images share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from foreign_built import foreign_storage, foreign_tree, storage

from acc_assets.datasets import Digits
from acc_assets.storage import LEFT_OUT, RunDirectory, Store
from acc_assets.training import Runtime, TrainingCancelled, build_checkpoint, load_checkpoint, load_model

__all__ = ["foreign_storage", "storage"]

NODE = "mixture_trained"


@pytest.fixture
def run(storage: Path) -> RunDirectory:
    return Store(storage).run("two_part", NODE, 0)


def images() -> np.ndarray:
    return Digits(image_size=16).load().test.images.astype(np.float32) / 255


def test_every_output_of_an_example_is_stored_by_its_name(run: RunDirectory) -> None:
    node = foreign_tree("two_part")[NODE]
    facts = run.read_json("latents/latents.json")
    assert facts["code"] == {"latent": [4], "component": [3]}
    assert facts["outputs"] == {"mu": [4], "logvar": [4], "component": [3]}
    assert facts["shared"] == {"component_means": [3, 4]}
    assert facts["lacks"] == {}
    assert {name: run.read_json("config.json")[name] for name in ("code", "shared")} == {
        name: facts[name] for name in ("code", "shared")
    }
    for step in (0, 12, 24):
        stored = run.read_npz(f"latents/latents_step_{step}.npz")
        assert set(stored) == {
            *(
                "mu",
                "logvar",
                "component",
                "component_means",
                "error",
                "pred/digit",
                "score/digit/uncertainty",
            )
        }
        model = load_model(run, node, step=step).model
        with torch.no_grad():
            outputs = model(torch.from_numpy(images()))
        for name in ("mu", "logvar", "component", "component_means"):
            np.testing.assert_allclose(stored[name], outputs[name].detach().numpy(), atol=1e-5)


def test_diagnostics_and_units_reach_curves_metrics_and_pages(storage: Path, run: RunDirectory) -> None:
    history = run.read_npz("history/history.npz")
    weight = history["mixture/categorical_weight"]
    np.testing.assert_allclose(
        weight[:3], [0.15, 0.55, 0.925], atol=1e-6
    )  # a ramp of 10, by logs of four steps
    parts = history["mixture/kl_c"] + history["mixture/kl_z"]
    np.testing.assert_allclose(history["loss/mixture"][3:], parts[3:], rtol=1e-5)
    tasks = run.read_json("metrics/metrics.json")["tasks"]
    assert {name: task["unit"] for name, task in tasks.items()} == {
        "recon": "squared error per pixel",
        "mixture": "nats per image",
        "digit": "nats per image",
    }
    assert set(tasks["mixture"]["diagnostics"]) == {"kl_c", "kl_z", "categorical_weight"}
    csv = (storage / "site/downloads/two_part/comparison.csv").read_text()
    assert "recon,loss,squared error per pixel" in csv


def test_onnx_has_both_parts_by_name_and_agrees(run: RunDirectory) -> None:
    facts = run.read_json("onnx/onnx.json")
    assert facts["inputs"] == {
        "encoder": {"input": [1, 16, 16]},
        "decoder": {"latent": [4], "component": [3]},
    }
    assert facts["outputs"]["encoder"] == facts["inputs"]["decoder"]
    assert facts["parity"]["passed"]
    stored = run.read_npz("latents/latents_latest.npz")
    encoder, decoder = (
        onnxruntime.InferenceSession(run.read_bytes(f"onnx/{half}.onnx")) for half in ("encoder", "decoder")
    )
    latent, component = encoder.run(["latent", "component"], {"input": images()})
    np.testing.assert_allclose(latent, stored["mu"], atol=1e-4)
    np.testing.assert_allclose(component, stored["component"], atol=1e-4)
    (made,) = decoder.run(["reconstruction"], {"latent": latent, "component": component})
    np.testing.assert_allclose(np.square(made - images()).mean((1, 2, 3)), stored["error"], atol=1e-4)


def test_a_traversal_holds_the_other_part_of_each_image(run: RunDirectory) -> None:
    facts = run.read_json("traversals/traversals.json")
    assert not run.exists(f"traversals/{LEFT_OUT}")
    node = foreign_tree("two_part")[NODE]
    stored, factor = run.read_npz("latents/latents_latest.npz"), facts["factors"]["latent"]
    model = load_model(run, node).model
    rows = np.array(facts["indices"])
    shift = (np.array(facts["offsets"])[None] - np.array(factor["positions"])[:, None]) * factor["std"]
    codes = stored["mu"][rows][:, None] + shift[:, :, None] * np.array(factor["direction"])
    with torch.no_grad():
        code = {
            "latent": torch.from_numpy(codes.reshape(-1, 4)).float(),
            "component": torch.from_numpy(stored["component"][rows].repeat(codes.shape[1], axis=0)),
        }
        made = model.decode(code)["reconstruction"].numpy().reshape(*codes.shape[:2], 16, 16)
    middle = made[:, [made.shape[1] // 2]]
    assert factor["effect"] == pytest.approx(np.abs(made - middle).mean(), rel=1e-3)


def test_it_resumes_in_the_same_bits(storage: Path, tmp_path: Path) -> None:
    tree, source = foreign_tree("two_part"), Store(storage)
    parent = source.run("two_part", "mixture", 0)
    target = Store(tmp_path).run("two_part", NODE, 0)
    arguments = {
        "recipe": "two_part", "seed": 0, "run": target, "parent_run": parent,
        "runtime": Runtime(device="cpu", threads=1),
    }  # fmt: skip
    calls = iter([False] * 16 + [True])
    with pytest.raises(TrainingCancelled):
        build_checkpoint(tree[NODE], **arguments, should_stop=lambda: next(calls))
    result = build_checkpoint(tree[NODE], **arguments)
    assert result.resumed_from == 17
    whole = source.run("two_part", NODE, 0)
    assert load_checkpoint(whole).digest == result.digest
    for name, column in whole.read_npz("history/history.npz").items():
        np.testing.assert_array_equal(target.read_npz("history/history.npz")[name], column)
