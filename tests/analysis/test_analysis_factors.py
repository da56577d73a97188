"""Statistics, traversals, sorting, attention and probes of factor groups on latents that are known."""

from __future__ import annotations

import numpy as np
import pytest

from acc_assets.analysis.attention import attention_overlays, attention_summary
from acc_assets.analysis.latent_stats import kl_per_dim, latent_stats
from acc_assets.analysis.probing import probe_properties
from acc_assets.analysis.sorting import sort_by_activation
from acc_assets.analysis.traversals import traverse
from acc_assets.models import FactorGroup

GROUPS = (FactorGroup("first", 0, 2), FactorGroup("second", 2, 4))


def test_kl_has_its_known_values() -> None:
    mu, logvar = np.zeros((4, 3)), np.zeros((4, 3))
    mu[:, 1] = 2.0
    logvar[:, 2] = np.log(4.0)
    np.testing.assert_allclose(kl_per_dim(mu, logvar), [0.0, 2.0, 0.5 * (4.0 - 1.0 - np.log(4.0))])


def test_a_group_that_does_not_vary_has_collapsed() -> None:
    rng = np.random.default_rng(0)
    mu = np.concatenate([rng.normal(size=(2000, 2)), 0.01 * rng.normal(size=(2000, 2))], axis=1)
    stats = latent_stats(mu, np.full_like(mu, -1.0), GROUPS)
    assert stats.active == [0, 1]  # the others' posteriors are narrow, but tell nothing of the image
    assert not stats.groups["first"].collapsed
    assert stats.groups["second"].collapsed
    assert stats.std_per_dim[0] == pytest.approx(1.0, abs=0.05)
    assert stats.groups["first"].std == pytest.approx(np.sqrt(2.0), abs=0.05)
    assert stats.groups["first"].kl == pytest.approx(sum(stats.kl_per_dim[:2]))  # type: ignore[index]
    assert stats.ranges[0] == pytest.approx([-2.33, 2.33], abs=0.2)
    record = stats.to_json()
    assert record["active_dims"] == 2
    assert record["groups"]["second"] == {**record["groups"]["second"], "active_dims": 0, "collapsed": True}


def test_a_dimension_that_carries_no_nats_is_not_active() -> None:
    """Posterior means that vary just enough for Burda's criterion, under a posterior as wide as the prior."""
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(5000, 4)) * [0.11, 0.11, 1.0, 1.0]
    logvar = np.tile([0.0, 0.0, -2.0, -2.0], (5000, 1))
    stats = latent_stats(mu, logvar, GROUPS)
    assert (
        np.square(stats.std_per_dim) > 0.01
    ).all()  # so that the variance alone would call all four active
    assert stats.groups["first"].kl == pytest.approx(0.012, abs=0.002)
    assert stats.active == [2, 3]
    assert stats.groups["first"].collapsed
    assert stats.to_json()["groups"]["first"]["kl_per_dim"] == pytest.approx(stats.kl_per_dim[:2])  # type: ignore[index]
    assert "0.1 nats" in stats.to_json()["criterion"]


def test_without_a_posterior_activity_is_relative() -> None:
    mu = np.random.default_rng(0).normal(size=(500, 4)) * [1e-3, 1e-3, 1e-3, 1e-7]
    stats = latent_stats(mu, None, GROUPS)
    assert stats.active == [0, 1, 2]
    assert stats.kl_per_dim is None
    assert stats.kl is None
    assert latent_stats(np.ones((10, 4)), None, GROUPS).active == []


def test_a_group_beyond_the_latent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"groups \['second'\] end beyond the 3 dimensions"):
        latent_stats(np.zeros((5, 3)), None, GROUPS)


def identity_decoder(codes: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Decode a latent to an image that shows it: one pixel a dimension."""
    assert owners.shape == codes.shape[:1]
    return codes[:, None, None, :]


def test_a_traversal_says_which_image_every_latent_is_moved_from() -> None:
    """Each latent keeps the other dimensions of its owner, in rows of images and in rows of dimensions."""
    mu = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)

    def check(codes: np.ndarray, owners: np.ndarray) -> np.ndarray:
        assert set(owners) == {7, 11}
        kept = codes == mu[owners]
        assert kept[:, :2].all(axis=1).sum() + kept[:, 2:].all(axis=1).sum() >= len(codes)
        return identity_decoder(codes, owners)

    traverse(check, mu, GROUPS, [7, 11], steps=5)


def test_a_traversal_moves_one_group_along_the_whole_sets_direction() -> None:
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(5000, 4)).astype(np.float32)
    mu[:, 0] = 1.0 + 3.0 * mu[:, 0]  # the first group's direction is its first dimension, mean 1, deviation 3
    first, second = traverse(identity_decoder, mu, GROUPS, [7, 11], steps=5, span=2.0)
    assert first.offsets.tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert abs(first.direction[0]) > 0.99
    assert first.std == pytest.approx(3.0, abs=0.1)
    assert first.explained == pytest.approx(0.9, abs=0.02)
    shown = first.images[:, :, 0, 0]  # (S, T, D)
    np.testing.assert_allclose(shown[..., 0].mean(axis=0), [-5.0, -2.0, 1.0, 4.0, 7.0], atol=0.4)
    np.testing.assert_allclose(shown[:, :, 2:], np.repeat(mu[[7, 11], None, 2:], 5, axis=1), atol=1e-6)
    assert first.dim_images.shape == (2, 5, 1, 1, 4)
    np.testing.assert_allclose(second.dim_images[0, :, 0, 0, 2], [-2, -1, 0, 1, 2], atol=0.1)
    np.testing.assert_allclose(second.dim_images[0, :, 0, 0, [0, 1, 3]].T, np.tile(mu[7, [0, 1, 3]], (5, 1)))
    # the identity decoder shows the step itself: 3 deviations a column in one pixel of four
    assert first.effect == pytest.approx(3.0 * (2 + 1 + 0 + 1 + 2) / 5 / 4, rel=0.1)


def test_a_collapsed_group_changes_nothing() -> None:
    mu = np.zeros((20, 4), np.float32)
    mu[:, 2:] = np.random.default_rng(0).normal(size=(20, 2))
    first, second = traverse(identity_decoder, mu, GROUPS, [0])
    assert first.effect == 0.0
    assert first.explained == 0.0
    assert second.effect > 0.1
    with pytest.raises(ValueError, match="must name rows of 20 latents"):
        traverse(identity_decoder, mu, GROUPS, [20])


def test_a_traversal_says_where_each_image_itself_lies() -> None:
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(5000, 4)).astype(np.float32)
    mu[:, 0] = 1.0 + 3.0 * mu[:, 0]
    mu[7, :2] = 1.0 + 3.0 * 1.4, 0.0  # on the first direction, 1.4 deviations up
    mu[11, :2] = 1.0 - 3.0 * 4.0, 0.0  # further out than any column
    first, _ = traverse(identity_decoder, mu, GROUPS, [7, 11], steps=5, span=2.0)
    np.testing.assert_allclose(first.positions, [1.4, -4.0], atol=0.1)
    np.testing.assert_allclose(first.dim_positions, [1.4, 0.0], atol=0.1)
    assert first.nearest(first.positions) == [3, None]
    # put back by its own position, the image is its own reconstruction
    own = (first.positions[0] - first.offsets[3]) * first.std * first.direction
    np.testing.assert_allclose(first.images[0, 3, 0, 0, :2] + own, mu[7, :2], atol=1e-5)
    np.testing.assert_allclose(first.images[0, 3, 0, 0, 2:], mu[7, 2:], atol=1e-6)


def test_images_are_sorted_along_the_direction_that_the_traversal_moves_along() -> None:
    rng = np.random.default_rng(0)
    strength = rng.normal(size=500)
    mu = np.zeros((500, 4))
    # Two dimensions that carry one property with opposite signs: their mean is noise.
    mu[:, 0], mu[:, 1] = 2.0 * strength, -2.0 * strength + 1e-6 * rng.normal(size=500)
    mu[:, 2] = rng.normal(size=500)
    order, other = sort_by_activation(mu, GROUPS, count=20)
    assert set(order.highest) | set(order.lowest) == set(np.argsort(strength)[:20]) | set(
        np.argsort(strength)[-20:]
    )
    assert (np.diff(order.activations[order.lowest]) >= 0).all()
    assert abs(np.corrcoef(order.activations, strength)[0, 1]) > 0.999
    assert order.activations.std() == pytest.approx(1.0)  # in deviations
    assert other.axis.explained == pytest.approx(1.0)
    (along, _) = traverse(identity_decoder, mu, GROUPS, [3, 4])
    np.testing.assert_allclose(order.activations[[3, 4]], along.positions)
    assert [len(part.lowest) for part in sort_by_activation(mu[:10], GROUPS, count=20)] == [5, 5]


def test_the_sign_of_a_dimension_does_not_decide_which_images_are_at_the_ends() -> None:
    mu = np.random.default_rng(1).normal(size=(300, 4)) * [3.0, 1.0, 1.0, 1.0]
    flipped = mu * [1.0, -1.0, -1.0, 1.0]
    for before, after in zip(
        sort_by_activation(mu, GROUPS, 20), sort_by_activation(flipped, GROUPS, 20), strict=True
    ):
        ends = {frozenset(before.lowest.tolist()), frozenset(before.highest.tolist())}
        assert ends == {frozenset(after.lowest.tolist()), frozenset(after.highest.tolist())}


def test_attention_is_described_by_share_evenness_and_ink() -> None:
    images = np.zeros((3, 1, 8, 8))
    images[:, :, 2:4, 2:4] = 1.0
    maps = np.zeros((3, 2, 4, 4))
    maps[:, 0, 1, 1] = 1.0  # exactly where the ink is
    maps[:, 1] = 1.0 - maps[:, 0]
    ink, rest = attention_summary(maps, images, ["ink", "rest"])
    assert ink.share == pytest.approx(1 / 16)
    assert ink.entropy == 0.0
    assert ink.ink == pytest.approx(1.0)
    assert rest.ink == pytest.approx(-1.0)
    assert rest.entropy == pytest.approx(np.log(15) / np.log(16))
    assert ink.variation == 0.0
    overlays = attention_overlays(maps, images, ["ink", "rest"])
    assert overlays.shape == (3, 3, 3, 8, 8)
    assert overlays.dtype == np.uint8
    assert (overlays[:, 0, :, 2:4, 2:4] == 255).all()
    assert overlays[0, 1, :, 2:4, 2:4].mean() > overlays[0, 1, :, 6:, 6:].mean()
    with pytest.raises(ValueError, match="2 factor names do not fit"):
        attention_summary(maps[:, :1], images, ["ink", "rest"])


def test_probes_find_the_slice_that_carries_a_property() -> None:
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(1000, 4))
    width = 2.0 * mu[:, 0] - mu[:, 1] + 0.1 * rng.normal(size=1000)
    width[::50] = np.nan
    labels = rng.integers(0, 5, 1000)
    probes = {
        (one.slice, one.property): one
        for one in probe_properties(
            mu, GROUPS, {"width": width, "class": labels.astype(float), "same": np.ones(1000)}, labels
        )
    }
    assert probes["first", "width"].r2 > 0.99
    assert probes["first", "width"].spearman > 0.99
    assert probes["first", "width"].n == 980
    assert abs(probes["second", "width"].r2) < 0.05
    assert probes["latent", "width"].r2 > 0.99
    assert probes["first", "class"].r2_within == 0.0
    assert probes["first", "same"].r2 == 0.0
    assert probes["first", "same"].spearman == 0.0
    with pytest.raises(ValueError, match="width has 999 values for 1000 latents"):
        probe_properties(mu, GROUPS, {"width": width[1:]})
