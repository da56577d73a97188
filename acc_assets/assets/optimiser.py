"""What to try next, by Optuna: a study that is made anew of what was tried, and asked. No dagster.

Optuna is an optional extra; `suggested` says so where it is missing.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acc_assets.tree import Choice, Log, Range, RecipeError, Whole

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

STARTUP = 5  # finished trials before anything is concluded from them; the first ones are drawn at random
DIGITS = 3  # significant ones of a proposed number
TRIES = 20  # to find settings that nobody has tried


@dataclass(frozen=True)
class Trial:
    """Settings that were tried; without a value they failed or, `pending`, are not finished."""

    settings: Mapping[str, Any]
    value: float | None = None
    pending: bool = False


def suggested(
    ranges: Mapping[str, Range], told: Sequence[Trial], count: int, *, maximise: bool, seed: int
) -> list[dict[str, Any]]:
    """Settings to try next: `count`, or fewer where there are no others. Same trials and seed, same answer.

    A Gaussian process over the finished trials proposes, each proposal with regard to those before it and to what is
    pending. One that failed counts as the worst value that was seen, so that its neighbourhood is left alone. Trials
    outside of the ranges are left out. Raises `RecipeError` where Optuna is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise RecipeError(
            "what comes next is proposed by Optuna, which is not installed.",
            remedy="Install it: pip install 'acc-assets[optuna]'",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    inside = [one for one in told if within(ranges, one.settings)]
    values = [one.value for one in inside if one.value is not None]
    worst = (min if maximise else max)(values, default=None)
    space = {key: _distribution(one) for key, one in ranges.items()}
    found: list[dict[str, Any]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the sampler may change some day
        study = optuna.create_study(
            sampler=optuna.samplers.GPSampler(seed=(seed + len(told)) % 2**32, n_startup_trials=STARTUP),
            direction="maximize" if maximise else "minimize",
        )
        for one in inside:
            value = worst if one.value is None else one.value
            if one.pending or value is not None:
                state = optuna.trial.TrialState.RUNNING if one.pending else optuna.trial.TrialState.COMPLETE
                params = {key: _told(ranges[key], one.settings[key]) for key in ranges}
                study.add_trial(
                    optuna.trial.create_trial(
                        state=state, value=None if one.pending else value, params=params, distributions=space
                    )
                )
        tried = {_name(one.settings) for one in inside}
        for _ in range(count + TRIES):
            if len(found) == count:
                break
            params = study.ask(space).params
            settings = {key: _set(one, params[key]) for key, one in ranges.items()}
            if _name(settings) not in tried:
                tried.add(_name(settings))
                found.append(settings)
    return found


def within(ranges: Mapping[str, Range], settings: Mapping[str, Any]) -> bool:
    """Whether settings have a value of every range."""
    return all(key in settings and _holds(one, settings[key]) for key, one in ranges.items())


def _holds(one: Range, value: Any) -> bool:
    if isinstance(one, Choice):
        return value in one.options
    number = isinstance(value, int) or (isinstance(value, float) and not isinstance(one, Whole))
    return number and not isinstance(value, bool) and one.low <= value <= one.high


def _distribution(one: Range) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(one, Choice):
        return CategoricalDistribution(range(len(one.options)))
    if isinstance(one, Whole):
        return IntDistribution(one.low, one.high)
    return FloatDistribution(one.low, one.high, log=isinstance(one, Log))


def _told(one: Range, value: Any) -> Any:
    """A value as the study has it."""
    return one.options.index(value) if isinstance(one, Choice) else value


def _set(one: Range, value: Any) -> Any:
    """A value of the study as a setting; a number with the digits that a person would write."""
    if isinstance(one, Choice):
        return one.options[value]
    if isinstance(one, Whole) or value == 0:
        return value
    digits = DIGITS - 1 - math.floor(math.log10(abs(value)))
    return min(max(round(value, digits), one.low), one.high)


def _name(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)
