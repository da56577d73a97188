"""Mixture health and samples of a small mixture VAE: known answers, moments, the same when made again, and reasons."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import small_mixture
import torch
from PIL import Image
from small_mixture import net
from test_artifact_contract import contract, faults

from acc_assets.analysis.sampling import gaussian_draws
from acc_assets.assets.analyses import mixture as mixture_asset
from acc_assets.assets.analyses import samples as samples_asset
from acc_assets.assets.work import NodeWork
from acc_assets.families import (
    STANDARD,
    Mixture,
    RunArtifacts,
    Samples,
    analyses_of,
    latents,
    mixture,
    samples,
)
from acc_assets.families.samples import POSTERIOR, PRIOR
from acc_assets.models import ConvAutoencoder, GaussianMixtureVAE
from acc_assets.storage import RunDirectory, Store
from acc_assets.tasks.mixture_terms import component_usage
from acc_assets.tree import trace

STEPS, K, IMAGES = small_mixture.STEPS, small_mixture.K, 20


def run_of(root: Path, model: type = GaussianMixtureVAE) -> tuple[RunDirectory, Any]:
    """A run on noise with latents of two snapshots, and work on it."""
    images = np.random.default_rng(0).integers(0, 256, size=(IMAGES, 1, 16, 16), dtype=np.uint8)
    return small_mixture.run_of(Store(root), images, "noise", model)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, Any]:
    """The run of a small mixture VAE, with mixture health and samples."""
    run, work = run_of(tmp_path_factory.mktemp("mixture"))
    mixture_asset.run(cast(NodeWork, work))
    sampled(work, Samples(examples=2, draws=5))
    return run, work


def sampled(work: Any, request: Samples) -> None:
    work.request = request
    samples_asset.run(cast(NodeWork, work))


def test_health_of_even_and_of_collapsed_responsibilities() -> None:
    even = component_usage(np.eye(K)[np.arange(8) % K])
    assert (even["neff"], even["argmax_neff"], even["pmax"]) == pytest.approx((K, K, 1 / K))
    assert even["argmax_counts"] == [2] * K
    unsure = component_usage(np.full((6, 2), 0.5))
    assert (unsure["neff"], unsure["argmax_neff"], *unsure["argmax_counts"]) == pytest.approx((2, 1, 6, 0))
    alone = component_usage(np.tile([0.0, 1.0], (3, 1)))
    assert (alone["entropy"], alone["neff"], alone["top"], alone["psum"]) == pytest.approx((0, 1, 1, 1))
    mixed = component_usage(np.array([[0.8, 0.2], [0.4, 0.6]]))
    np.testing.assert_allclose(mixed["p"], [0.6, 0.4])
    assert mixed["entropy"] == pytest.approx(-(0.6 * np.log(0.6) + 0.4 * np.log(0.4)))
    with pytest.raises(ValueError, match="sum to 1"):
        mixture_asset.checked(np.full((3, 2), 0.4))


def test_health_is_written_of_every_snapshot_with_its_latest(small: tuple[RunDirectory, Any]) -> None:
    run, _ = small
    for step in STEPS:
        found = run.read_json(f"mixture/mixture_health_step_{step}.json")
        shares = latents.SERIES.read(run, step)["component"].astype(np.float64)
        np.testing.assert_allclose(found["p"], shares.mean(0), rtol=1e-6)
        assert found["neff"] == pytest.approx(np.exp(found["entropy"]))
        assert (found["step"], found["components"], found["subset_n"]) == (step, K, IMAGES)
        assert (found["sample_key"], sum(found["argmax_counts"])) == ("noise/test", IMAGES)
        assert run.exists(found["sample_indices_ref"])
    assert run.read_json("mixture/mixture_health_latest.json") == found


def test_pages_get_numbers_pictures_curves_and_colourings(small: tuple[RunDirectory, Any]) -> None:
    run, _ = small
    shown = RunArtifacts(run, "small", "node", 0, families=(mixture.FAMILY,))
    told = run.read_json("mixture/mixture_health_latest.json")
    numbers = {one.metric: one.value for one in mixture.FAMILY.numbers(shown)}
    assert numbers == {f"qc_{name}": told[name] for name in ("neff", "argmax_neff", "pmax")}
    (chart,) = mixture.FAMILY.charts(shown)
    soft, hard = chart.spec["panels"][0]["series"]
    assert (soft["x"], soft["y"][-1], hard["y"][-1]) == (list(STEPS), told["neff"], told["argmax_neff"])
    (picture,) = mixture.FAMILY.pictures(shown, shown)
    assert picture.draw is not None
    assert picture.draw("dark").startswith(b"\x89PNG")
    component, entropy, *responsibilities = mixture.FAMILY.colorings(shown)
    shares = np.stack([latents.SERIES.read(run, step)["component"] for step in STEPS])
    np.testing.assert_array_equal(component.make(STEPS), shares.argmax(2))
    assert component.described()["kind"] == "class"
    assert (entropy.make(STEPS) <= np.log(K) + 1e-6).all()
    np.testing.assert_allclose(
        np.stack([one.make(STEPS) for one in responsibilities], 2), shares, atol=1 / 500
    )


def test_a_mixture_of_many_components_shows_the_most_used_and_one_that_cannot_be_read_nothing(
    tmp_path: Path,
) -> None:
    run, many = Store(tmp_path).run(*small_mixture.RUN), mixture.COLORED + 8
    usage = np.full((many, many), 0.5 / many) + 0.5 * np.roll(np.eye(many), 1, axis=0)
    usage[:, -1] += 1.0
    told = component_usage(usage / usage.sum(axis=1, keepdims=True))
    mixture.write(run, {0: {"components": many, **told}})
    shown = RunArtifacts(run, "small", "node", 0, families=(mixture.FAMILY,))
    (picture,) = mixture.FAMILY.pictures(shown, shown)
    assert picture.draw is not None
    with Image.open(io.BytesIO(picture.draw("light"))) as drawn:
        assert drawn.size == picture.size
    assert picture.size[1] < (mixture.COLORED + 6) * mixture.CELL
    assert mixture.most_used([0.0] * many + [1.0])[-1] == many
    for name in ("step_0", "latest"):
        run.local_path(f"mixture/mixture_health_{name}.json").write_text("{")
    unread = RunArtifacts(run, "small", "node", 0, families=(mixture.FAMILY,))
    assert not list(mixture.FAMILY.payloads(unread, unread))


def test_draws_have_the_moments_of_their_gaussians() -> None:
    means, logvars = np.array([[1.0, -2.0], [0.0, 5.0]]), np.log([[4.0, 0.25], [1.0, 9.0]])
    drawn = gaussian_draws(means, logvars, 20_000, np.random.default_rng(7))
    np.testing.assert_allclose(drawn.mean(1), means, atol=0.08)
    np.testing.assert_allclose(drawn.var(1), np.exp(logvars), rtol=0.05)
    again = gaussian_draws(means + 1, logvars, 20_000, np.random.default_rng(7))
    np.testing.assert_allclose(again - drawn, 1, atol=1e-5)


def test_samples_are_decoded_draws_of_the_persisted_examples_and_of_every_component(
    small: tuple[RunDirectory, Any],
) -> None:
    run, _ = small
    facts = run.read_json("samples/samples.json")
    assert (facts["kinds"], facts["m"], facts["seed"]) == (
        {POSTERIOR: {"idx": [3, 1]}, PRIOR: {"component": [*range(K)]}},
        5,
        0,
    )
    for step in STEPS:
        arrays = latents.SERIES.read(run, step)
        around = samples.series(POSTERIOR, 5).read(run, step)
        own = (around["latents"] - arrays["mu"][[3, 1]][:, None]) / np.exp(arrays["logvar"][[3, 1]] / 2)[
            :, None
        ]
        prior = samples.series(PRIOR, 5).read(run, step)
        for one, rows in ((around, 2), (prior, K)):
            assert (one["images"].shape, one["images"].dtype) == ((rows, 5, 1, 16, 16), np.uint8)
            with torch.no_grad():
                decoded = net(step).decode({"latent": torch.from_numpy(one["latents"][0])})["reconstruction"]
            np.testing.assert_allclose(one["images"][0] / 255, decoded.numpy(), atol=1 / 250)
        assert np.abs(own).max() < 5  # in standard deviations
        told = run.read_json(f"samples/{PRIOR}_step_{step}_m_5.json")
        assert (told["kind"], told["component"], told["m"], told["seed"]) == (PRIOR, [*range(K)], 5, 0)
        assert told["compute_ms"] > 0
    assert run.read_bytes(f"samples/{PRIOR}_latest_m_5.png") == run.read_bytes(
        f"samples/{PRIOR}_step_5_m_5.png"
    )


def test_samples_are_the_same_bytes_until_another_seed_is_asked_for(small: tuple[RunDirectory, Any]) -> None:
    run, work = small
    before = run.manifest("samples").digest
    sampled(work, Samples(examples=2, draws=5))
    assert run.manifest("samples").digest == before
    sampled(work, Samples(examples=2, draws=5, seed=1))
    assert run.manifest("samples").digest != before
    sampled(work, Samples(examples=2, draws=5, seed=0))  # that of the run
    assert run.manifest("samples").digest == before


@pytest.mark.parametrize("family", ["mixture", "samples"])
def test_files_and_fields_are_those_of_the_page(small: tuple[RunDirectory, Any], family: str) -> None:
    run, _ = small
    assert not faults(run.local_path(family), contract()[family])


def test_a_model_without_a_distribution_is_left_out_with_the_reason(tmp_path: Path) -> None:
    run, work = run_of(tmp_path, ConvAutoencoder)
    work.plan = SimpleNamespace(family="samples")
    sampled(work, Samples())
    assert "LOGVAR" in run.read_json("samples/left_out.json")["reason"]


def test_mixture_is_standard_where_a_task_reads_responsibilities_and_nowhere_else() -> None:
    from acc_assets.recipes.gm_vae import GMVAE
    from acc_assets.recipes.supervised_ae import SupervisedAE

    assert Mixture() in STANDARD
    for recipe, has in ((GMVAE(), True), (SupervisedAE(), False)):
        for node in trace(recipe):
            if node.evaluated:
                assert ("mixture" in {one.name for one in analyses_of(node)}) is has
