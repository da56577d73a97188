"""Every kind of asset after a real materialization: its artifacts are there, and they say what is true."""

from __future__ import annotations

import io
import json
from pathlib import Path

import dagster as dg
import numpy as np
import onnxruntime
import pytest
import torch
from built_tiny import tiny_tree
from PIL import Image

from acc_assets.assets.instance import open_instance
from acc_assets.assets.plans import AssetPlan, plans
from acc_assets.report.table import SCHEMA, from_parquet
from acc_assets.storage import RunDirectory, Store
from acc_assets.training import load_model

TEST_POINTS, LATENT = 360, 5
NODES = ("plain_trained", "labelled_trained")
STEPS = (0, 6, 12)


@pytest.fixture(params=[(node, seed) for node in NODES for seed in (0, 1)], ids=lambda p: f"{p[0]}-{p[1]}")
def run(built: Path, request: pytest.FixtureRequest) -> RunDirectory:
    """The run directory of every trained node and seed."""
    return Store(built).run("tiny", *request.param)


@pytest.fixture
def images(built: Path) -> np.ndarray:
    """The test images as the encoder sees them, (N, 1, 16, 16) in [0, 1]."""
    stored = Store(built).recipe("tiny").read_npz("data-digits/test.npz")["images"]
    return stored.astype(np.float32) / 255


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"), dtype=float)


def materialized(instance: dg.DagsterInstance, plan: AssetPlan, seed: int | None) -> dg.EventLogEntry:
    partitions = None if seed is None else [str(seed)]
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=plan.key, asset_partitions=partitions), limit=1
    )
    return found.records[0].event_log_entry


def all_units() -> list[tuple[AssetPlan, int | None]]:
    tree = tiny_tree()
    return [(plan, seed) for plan in plans(tree) for seed in (tree.seeds if plan.node else (None,))]


def test_the_data_asset_holds_the_test_split_with_its_pictures(built: Path) -> None:
    folder = Store(built).recipe("tiny")
    arrays = folder.read_npz("data-digits/test.npz")
    assert arrays["images"].shape == (TEST_POINTS, 1, 16, 16)
    assert arrays["images"].dtype == np.uint8
    assert set(arrays["targets"]) == set(range(10))
    facts = folder.read_json("data-digits/dataset.json")
    assert "real handwritten digits" in facts["source"]
    atlas = opened(folder.read_bytes("data-digits/atlas.png"))
    columns = facts["atlas_columns"]
    row, column = divmod(123, columns)
    cell = atlas[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
    assert np.array_equal(cell, arrays["images"][123, 0])
    assert sum(folder.read_json("data-digits/targets.json")["counts"]) == facts["train"]


def test_config_and_summary_tell_what_was_trained(run: RunDirectory) -> None:
    config, summary = run.read_json("config.json"), run.read_json("summary.json")
    assert (config["recipe"], config["node"], config["seed"]) == ("tiny", run.node, run.seed)
    assert config["spec_hash"] == tiny_tree()[str(run.node)].spec_hash
    assert config["latent_dim"] == LATENT
    assert config["primary_dataset"] == "digits"
    assert config["parameters"] > 100_000
    assert summary["status"] == "completed"
    assert summary["step"] == STEPS[-1]
    assert set(summary["tasks"]) == {task.name for task in tiny_tree()[str(run.node)].tasks}
    events = run.events()
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["run.created", "run.started"]
    trained = kinds.index("run.completed")
    assert set(kinds[trained + 1 :]) - {"check.failed"} == {"artifact.created", "projection.progress"}
    told = {event["family"]: event["version"] for event in events if event["event"] == "artifact.created"}
    assert told == {family: run.manifest(family).data_version for family in run.families()}
    history = run.read_npz("history/history.npz")
    assert np.isfinite(history["total"]).all()
    assert history["val_step"].tolist() == [6, 12]


def test_latents_are_what_the_model_encodes_at_every_snapshot(run: RunDirectory, images: np.ndarray) -> None:
    for step in STEPS:
        model = load_model(run, tiny_tree()[str(run.node)], step=step).model
        with torch.no_grad():
            outputs = {str(key.value): value for key, value in model.encode(torch.from_numpy(images)).items()}
        stored = run.read_npz(f"latents/latents_step_{step}.npz")
        assert stored["mu"].shape == (TEST_POINTS, LATENT)
        assert stored["mu"].dtype == np.float32
        np.testing.assert_allclose(stored["mu"], outputs["mu"].numpy(), atol=1e-5)
        np.testing.assert_allclose(stored["logvar"], outputs["logvar"].numpy(), atol=1e-5)
    assert run.read_bytes("latents/latents_latest.npz") == run.read_bytes("latents/latents_step_12.npz")


def test_stored_errors_are_those_of_the_decoded_means(run: RunDirectory, images: np.ndarray) -> None:
    stored = run.read_npz("latents/latents_latest.npz")
    model = load_model(run, tiny_tree()[str(run.node)]).model
    with torch.no_grad():
        decoded = model.decode({"latent": torch.from_numpy(stored["mu"])})["reconstruction"]
    error = ((decoded.numpy() - images) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(stored["error"], error, atol=1e-5)
    metrics = run.read_json("metrics/metrics.json")["tasks"]["recon"]["metrics"]
    assert metrics["psnr"] == pytest.approx(-10 * np.log10(error.mean()), abs=1e-3)


def test_metrics_lie_in_their_ranges_and_agree_with_the_predictions(run: RunDirectory, built: Path) -> None:
    metrics = run.read_json("metrics/metrics.json")
    assert metrics["step"] == STEPS[-1]
    recon = metrics["tasks"]["recon"]
    assert 5 < recon["metrics"]["psnr"] < 40
    assert recon["baseline"]["psnr"] == pytest.approx(13.57, abs=0.01)  # the mean training image
    assert 0 <= recon["metrics"]["l1"] <= 1
    assert metrics["latent"]["kl"] == pytest.approx(sum(metrics["latent"]["kl_per_dim"]))
    assert metrics["tasks"]["kl"]["metrics"]["kl"] == pytest.approx(metrics["latent"]["kl"], abs=1e-4)
    assert set(metrics["latent"]["groups"]) == {"digit", "style"}
    if run.node == "labelled_trained":
        targets = Store(built).recipe("tiny").read_npz("data-digits/test.npz")["targets"]
        predicted = run.read_npz("latents/latents_latest.npz")["pred/digit"]
        assert metrics["tasks"]["digit"]["metrics"]["accuracy"] == pytest.approx(
            (predicted == targets).mean()
        )
        assert metrics["tasks"]["digit"]["factor"] == "digit"
    else:
        assert "pred/digit" not in run.read_npz("latents/latents_latest.npz")


def test_neighbours_are_the_nearest_in_latent_space(run: RunDirectory) -> None:
    graph = run.read_npz("neighbors/knn_latest.npz")
    mu = run.read_npz("latents/latents_latest.npz")["mu"].astype(float)
    assert graph["indices"].shape == graph["distances"].shape == (TEST_POINTS, 30)
    assert graph["indices"].dtype == np.int32
    distances = np.linalg.norm(mu[:, None] - mu[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = np.sort(distances, axis=1)[:, :30]
    np.testing.assert_allclose(graph["distances"], nearest, atol=1e-4)
    listed = np.take_along_axis(distances, graph["indices"].astype(int), axis=1)
    np.testing.assert_allclose(graph["distances"], listed, atol=1e-4)


@pytest.mark.parametrize("method", ["pca", "umap"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_projections_of_every_snapshot_are_finite(run: RunDirectory, method: str, dimensions: int) -> None:
    for step in STEPS:
        arrays = run.read_npz(f"projections/latent_{dimensions}d_step_{step}_{method}.npz")
        coords = arrays["coords"]
        assert coords.shape == (TEST_POINTS, dimensions)
        assert coords.dtype == np.float32
        assert np.isfinite(coords).all()
        assert coords.std(axis=0).min() > 0
        indices = run.read_npz(f"neighbors/knn_step_{step}.npz")["indices"]
        edges = np.linalg.norm(coords[:, None] - coords[indices], axis=2)
        np.testing.assert_allclose(arrays["neighbor_distances"], edges, atol=1e-4)
    latest = run.read_bytes(f"projections/latent_{dimensions}d_latest_{method}.npz")
    assert latest == run.read_bytes(f"projections/latent_{dimensions}d_step_{STEPS[-1]}_{method}.npz")
    trust = run.read_json("projections/projections.json")["trustworthiness"][f"{method}_{dimensions}d"]
    assert 0.7 < trust <= 1


def test_pca_is_ordered_by_variance_and_says_how_much_it_explains(run: RunDirectory) -> None:
    mu = run.read_npz("latents/latents_latest.npz")["mu"].astype(float)
    values = np.linalg.eigvalsh(np.cov(mu.T))[::-1]
    facts = run.read_json("projections/projections.json")
    assert facts["explained_variance"]["12"] == pytest.approx((values / values.sum())[:3], rel=1e-3)
    spread = run.read_npz("projections/latent_3d_latest_pca.npz")["coords"].var(axis=0, ddof=1)
    assert (np.diff(spread) <= 1e-6).all()


def test_exported_models_give_in_onnxruntime_what_torch_gives(run: RunDirectory, images: np.ndarray) -> None:
    latents = run.read_npz("latents/latents_latest.npz")
    encoder = onnxruntime.InferenceSession(run.read_bytes("onnx/encoder.onnx"))
    decoder = onnxruntime.InferenceSession(run.read_bytes("onnx/decoder.onnx"))
    (mu,) = encoder.run(["latent"], {"input": images[:7]})
    np.testing.assert_allclose(mu, latents["mu"][:7], atol=1e-4)
    (decoded,) = decoder.run(["reconstruction"], {"latent": latents["mu"]})
    error = ((decoded - images) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(error, latents["error"], atol=1e-4)
    facts = run.read_json("onnx/onnx.json")
    assert facts["parity"]["passed"]
    assert (facts["card"]["node"], facts["card"]["seed"], facts["step"]) == (run.node, str(run.seed), 12)
    low, high = np.array(facts["ranges"]).T
    assert (low < high).all()
    inside = (latents["mu"] >= low) & (latents["mu"] <= high)
    assert inside.mean() > 0.9


def test_figures_are_pictures_of_the_promised_size(run: RunDirectory) -> None:
    for factor in ("digit", "style"):
        traversal = opened(run.read_bytes(f"traversals/traversal_{factor}.png"))
        assert traversal.shape[0] >= 5 * 16
        assert traversal.shape[1] >= 9 * 16
        assert traversal.std() > 1
        assert opened(run.read_bytes(f"traversals/traversal_{factor}_dims.png")).std() > 1
        assert opened(run.read_bytes(f"sorted/sorted_{factor}.png")).std() > 1
        mu = run.read_npz("latents/latents_latest.npz")["mu"]
        order = run.read_json("sorted/sorted.json")["factors"][factor]
        assert max(order["activation_lowest"]) <= min(order["activation_highest"])
        assert len(set(order["lowest"]) | set(order["highest"])) == 40
        assert max(order["lowest"]) < len(mu)
    example = opened(run.read_bytes("reconstructions/reconstructions.png"))
    assert example.std() > 1
    assert len(run.read_json("reconstructions/reconstructions.json")["indices"]) == 20
    facts = run.read_json("traversals/traversals.json")
    assert facts["offsets"] == pytest.approx(np.linspace(-3, 3, 9))
    for factor, (start, stop) in {"digit": (0, 3), "style": (3, 5)}.items():
        assert len(facts["factors"][factor]["direction"]) == stop - start
        assert np.linalg.norm(facts["factors"][factor]["direction"]) == pytest.approx(1)
        own = mu[facts["indices"], start:stop] - mu[:, start:stop].mean(axis=0)
        along = own @ facts["factors"][factor]["direction"] / facts["factors"][factor]["std"]
        assert facts["factors"][factor]["positions"] == pytest.approx(along.tolist(), abs=1e-4)
        assert len(facts["factors"][factor]["dim_positions"]) == stop - start
        assert f"{along[0]:+.1f}" in facts["captions"][f"traversal_{factor}.png"]


def test_attention_shares_sum_to_one_and_match_the_model(run: RunDirectory) -> None:
    arrays = run.read_npz("attention/attention.npz")
    maps, indices = arrays["maps"], arrays["indices"]
    assert maps.shape == (6, 2, 8, 8)
    np.testing.assert_allclose(maps.sum(axis=1), 1, atol=1e-5)
    model = load_model(run, tiny_tree()[str(run.node)]).model
    mu = run.read_npz("latents/latents_latest.npz")["mu"][indices]
    with torch.no_grad():
        expected = model.attention_maps({"latent": torch.from_numpy(mu)}).numpy()
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    facts = run.read_json("attention/attention.json")
    assert "8x8 map" in facts["caption"]
    assert sum(one["share"] for one in facts["factors"]) == pytest.approx(1)
    assert opened(run.read_bytes("attention/attention.png")).std() > 1


def test_the_comparison_holds_every_seed_and_their_mean(built: Path) -> None:
    store = Store(built)
    folder = store.recipe("tiny")
    table = from_parquet(folder.read_bytes("comparison/metrics.parquet"))
    for node in NODES:
        metrics = [store.run("tiny", node, seed).read_json("metrics/metrics.json") for seed in (0, 1)]
        rows = table[table["node"].eq(node) & table["key"].eq("recon.psnr")].sort_values("seed")
        assert rows["value"].tolist() == [one["tasks"]["recon"]["metrics"]["psnr"] for one in metrics]
    assert folder.read_json("comparison/missing.json") == []
    history = from_parquet(folder.read_bytes("comparison/history.parquet"))
    assert set(history["node"]) == set(NODES)
    assert folder.manifest("comparison").schema == SCHEMA


def test_no_artifact_is_damaged(built: Path) -> None:
    store = Store(built)
    folders = [store.recipe("tiny")]
    folders += [store.run("tiny", n, s) for n in store.nodes("tiny") for s in store.seeds("tiny", n)]
    assert len(folders) == 11
    assert [damage for folder in folders for damage in folder.verify()] == []


def test_data_versions_are_digests_of_what_was_written(built: Path) -> None:
    store = Store(built)
    with open_instance(store) as instance:
        for plan, seed in all_units():
            tags = materialized(instance, plan, seed).tags
            version = tags["dagster/data_version"]
            assert tags["dagster/code_version"] == plan.code_version
            if plan.request is not None or plan.dataset is not None:
                folder = (
                    store.recipe("tiny") if plan.node is None else store.run("tiny", plan.node.tag, seed or 0)
                )
                assert version == folder.manifest(plan.family).digest[:16], plan.name
            else:
                assert len(version) == 16, plan.name


def test_metadata_carries_numbers_pictures_and_the_source(built: Path) -> None:
    store = Store(built)
    by_name = {plan.name: plan for plan in plans(tiny_tree())}
    with open_instance(store) as instance:

        def metadata(name: str) -> dict[str, object]:
            entry = materialized(instance, by_name[name], 0 if by_name[name].node else None)
            event = entry.asset_materialization
            assert event is not None
            return {key: value.value for key, value in event.metadata.items()}

        run = store.run("tiny", "labelled_trained", 0)
        measured = run.read_json("metrics/metrics.json")["tasks"]
        metrics = metadata("labelled_trained_metrics")
        assert metrics["recon psnr"] == pytest.approx(measured["recon"]["metrics"]["psnr"])
        assert metrics["digit accuracy"] == pytest.approx(measured["digit"]["metrics"]["accuracy"])
        assert "real handwritten digits" in str(metrics["data"])
        trained = metadata("labelled_trained")
        assert trained["step"] == 12
        assert float(str(trained["steps per second"])) > 0
        assert trained["loss recon"] == pytest.approx(
            run.read_json("summary.json")["tasks"]["recon"]["final"]
        )
        assert str(metadata("labelled_trained_traversals")["traversal digit"]).startswith("![")
        assert "data:image/png;base64," in str(metadata("labelled_trained_attention")["attention"])
        assert "real handwritten digits" in str(metadata("data_digits")["source"])
        assert metadata("labelled_trained_onnx")["opset"] == 20
        assert metadata("comparison")["missing"] == 0
        site = metadata("site")
        assert Path(str(site["open"])).exists()
        assert site["unreadable artifacts"] == "none"


def test_checks_say_pass_or_fail_as_the_artifacts_do(built: Path) -> None:
    store = Store(built)
    with open_instance(store) as instance:
        found: dict[str, dict[str, dg.AssetCheckEvaluation]] = {}
        for record in instance.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION), limit=500
        ):
            event = record.event_log_entry.get_dagster_event()
            check = event.asset_check_evaluation_data
            found.setdefault(check.asset_key.path[-1], {})[check.check_name] = check
    assert set(found["plain_trained"]) == {"finite_loss", "loss_health", "matches_recipe"}
    assert set(found["site"]) == {"site_links", "matches_recipe"}
    assert found["plain_trained"]["finite_loss"].passed
    assert found["labelled_trained_onnx"]["onnx_parity"].passed
    assert found["labelled_trained_projection"]["projection_finite"].passed
    assert found["site"]["site_links"].passed
    # Twelve steps learn little, and the checks say so rather than flatter.
    assert not found["plain_trained"]["loss_health"].passed
    assert found["plain_trained"]["loss_health"].severity == dg.AssetCheckSeverity.WARN
    assert "recon" in str(found["plain_trained"]["loss_health"].description)
    generalises = found["labelled_trained_metrics"]["generalises"]
    kept = store.run("tiny", "labelled_trained", 0).read_json("metrics/metrics.json")
    levels = {
        name: task["generalisation"] and task["generalisation"]["level"]
        for name, task in kept["tasks"].items()
    }
    assert levels["kl"] is None
    assert kept["generalisation"] in levels.values()
    assert generalises.passed == (set(levels.values()) <= {None, "healthy"})
    assert "on test images" in str(generalises.description)
    assert "mean training image" in str(found["plain_trained_metrics"]["beats_mean_image"].description)


def test_json_artifacts_are_strict_json(built: Path) -> None:
    for path in (built / "runs").rglob("*.json"):
        json.loads(
            path.read_text(), parse_constant=lambda text, path=path: pytest.fail(f"{path} holds {text}")
        )
