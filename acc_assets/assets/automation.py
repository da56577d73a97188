"""When Dagster itself brings a recipe up to date: a condition on every asset, which a sensor of ours evaluates."""

from __future__ import annotations

from typing import Any

import dagster as dg

# `matches_recipe` is the one blocking check; its verdict is kept up to date by the sensor `acc_watch`.
_STALE: Any = dg.AutomationCondition.missing() | dg.AutomationCondition.any_checks_match(
    dg.AutomationCondition.check_failed(), blocking_only=True
)
_HANDLED: Any = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
# Once for each time that it becomes stale, so that what fails is not tried for ever.
WHEN_STALE = (_STALE.newly_true().since(_HANDLED) & ~dg.AutomationCondition.in_progress()).with_label(
    "missing, or not what the recipe says"
)
