"""What `acc propose` finds against random search at equal cost: simulated studies of forks, three at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
import torch

from acc_assets.assets.optimiser import Trial, suggested
from acc_assets.datasets import Digits
from acc_assets.models import FullyConnectedAutoencoder, ModelOutput
from acc_assets.tree import Choice, Linear, Log, Range
from benchmarks.records import Record, record

AT_ONCE = 3  # proposals that are accepted and built before the next are asked for
SEEDS = 2  # of a fork; its value is their mean
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Objective:
    """What a fork comes to: `measure` of one seed (None: it failed), to be minimised, and `judge` without its noise."""

    name: str
    ranges: Mapping[str, Range]
    measure: Callable[[Settings, int], float | None]
    judge: Callable[[Settings], float]
    goal: float  # what the optimum is, where it is known
    trials: int
    studies: int


def _surrogate(settings: Settings) -> float | None:
    """A loss over a weight and a learning rate that depend on each other; it is steep, then fails, at high rates."""
    weight = math.log10(settings["weight"] / 1.5)
    lr = math.log10(settings["lr"] / 4e-3)
    if settings["lr"] * (1 + 0.1 * settings["weight"]) > 0.05:
        return None
    return 1 + 0.6 * weight**2 + 0.9 * lr**2 * (1 if lr < 0 else 2) + 0.5 * weight * lr


def _noisy(
    deviation: float, of: Callable[[Settings], float | None]
) -> Callable[[Settings, int], float | None]:
    def measure(settings: Settings, seed: int) -> float | None:
        value = of(settings)
        noise = float(np.random.default_rng([seed, 11]).standard_normal())
        return None if value is None else value + deviation * noise

    return measure


def _judged(of: Callable[[Settings], float | None]) -> Callable[[Settings], float]:
    return lambda settings: math.inf if (value := of(settings)) is None else value


def _four(settings: Settings) -> float | None:
    """The surrogate with an optimizer that matters and a share that hardly does."""
    value = _surrogate(settings)
    penalty = {"adam": 0.0, "adamw": 0.02, "sgd": 0.5}[settings["optimizer"]]
    return None if value is None else value + penalty + 0.05 * settings["dropout"]


@cache
def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    data = Digits(image_size=8).load()
    train, test = (torch.from_numpy(split.images).float().div(255) for split in (data.train, data.test))
    return train, test


def _autoencoder(settings: Settings, seed: int) -> float | None:
    """Test error (MSE x 100) of a small autoencoder of scikit-learn's digits after 100 steps."""
    train, test = _digits()
    torch.manual_seed(seed)
    model = FullyConnectedAutoencoder(image_size=8, latent_dim=8, hidden=(64,)).build()
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"])
    for _ in range(100):
        batch = train[torch.randint(len(train), (settings["batch_size"],))]
        loss = torch.nn.functional.mse_loss(_reconstructed(model, batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = 100 * float(torch.nn.functional.mse_loss(_reconstructed(model, test), test))
    return error if math.isfinite(error) else None


def _reconstructed(model: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    return model(batch)[ModelOutput.RECONSTRUCTION]  # type: ignore[no-any-return]


def _fresh_seeds(settings: Settings) -> float:
    values = [_autoencoder(settings, 10_000 + seed) for seed in range(3)]
    return fmean(math.inf if value is None else value for value in values)


_TWO: Mapping[str, Range] = {"weight": Log(0.05, 20), "lr": Log(1e-4, 0.1)}
_MORE: Mapping[str, Range] = {
    **_TWO,
    "optimizer": Choice(("adam", "adamw", "sgd")),
    "dropout": Linear(0, 0.5),
}
_TRAINED: Mapping[str, Range] = {
    "lr": Log(1e-4, 0.1),
    "weight_decay": Log(1e-6, 1e-2),
    "batch_size": Choice((16, 64, 256)),
}
OBJECTIVES = (
    Objective("surrogate, 2 settings", _TWO, _noisy(0.05, _surrogate), _judged(_surrogate), 1.0, 24, 25),
    Objective("surrogate, 4 settings", _MORE, _noisy(0.05, _four), _judged(_four), 1.0, 24, 25),
    Objective("surrogate, 2 settings, loud", _TWO, _noisy(0.5, _surrogate), _judged(_surrogate), 1.0, 24, 25),
    Objective("autoencoder of digits", _TRAINED, _autoencoder, _fresh_seeds, 0.0, 15, 20),
)
AFTER = (6, 12, 15, 24)  # forks at which the best so far is told


def random_settings(ranges: Mapping[str, Range], rng: np.random.Generator) -> dict[str, Any]:
    """Settings drawn evenly, by factors where these count."""
    found: dict[str, Any] = {}
    for key, one in ranges.items():
        if isinstance(one, Choice):
            found[key] = one.options[int(rng.integers(len(one.options)))]
        elif isinstance(one, Log):
            found[key] = math.exp(rng.uniform(math.log(one.low), math.log(one.high)))
        else:
            found[key] = float(rng.uniform(one.low, one.high))
    return found


def study(objective: Objective, number: int, by_chance: bool) -> dict[int, float]:
    """How far the best fork so far is from the goal, after some numbers of forks; the best is chosen by its own value.

    Trials are told as `acc propose` tells them: the mean over the seeds of a fork, failed where one seed has failed.
    """
    rng = np.random.default_rng([number, 3])
    told: list[Trial] = []
    found: dict[int, float] = {}
    while len(told) < objective.trials:
        asked = (
            [random_settings(objective.ranges, rng) for _ in range(AT_ONCE)]
            if by_chance
            else suggested(objective.ranges, told, AT_ONCE, maximise=False, seed=1000 * number)
        )
        for settings in asked:
            at = SEEDS * (1000 * number + len(told))
            values = [objective.measure(settings, at + seed) for seed in range(SEEDS)]
            known = [value for value in values if value is not None]
            told.append(Trial(settings, fmean(known) if len(known) == SEEDS else None))
        if len(told) in AFTER:
            finished = [one for one in told if one.value is not None]
            best = min(finished, key=lambda one: one.value or 0.0, default=None)
            found[len(told)] = objective.judge(best.settings) - objective.goal if best else math.inf
    return found


def proposals(rounds: int, threads: int) -> Iterator[Record]:
    """The best of proposed forks against the best of as many drawn at random; each study has a seed."""
    torch.set_num_threads(threads)
    for objective in OBJECTIVES:
        ours, chance = (
            [study(objective, number, by_chance) for number in range(objective.studies)]
            for by_chance in (False, True)
        )
        told, nearer = [], 0
        for after in ours[0]:
            sides = [one[after] for one in ours], [one[after] for one in chance]
            nearer = sum(a < b for a, b in zip(*sides, strict=True))
            told.append(f"{after} forks: {_spread(sides[0])}, random {_spread(sides[1])}, nearer in {nearer}")
        yield record(
            f"proposals, {objective.name}",
            nearer / objective.studies,
            "share of studies",
            ">=",
            0.5,
            f"proposed forks nearer to the goal than as many at random, of {objective.studies} studies at their end; "
            f"distance, median and middle half, after {'; '.join(told)}",
        )


def _spread(values: list[float]) -> str:
    """Median and the middle half."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"
