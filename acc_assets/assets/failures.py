"""What a step says when something goes wrong: one sentence for our own errors, the trace for what is a bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.plans import AssetPlan
from acc_assets.storage import StorageError, Store, StoreUnreachable

RETRIES, RETRY_SECONDS = 1, 2  # of errors that are not ours: a full disk, a lost network, a bug
FAILED, CHECK_FAILED = "asset.failed", "check.failed"  # events in a run directory


class TrainingStopped(dg.DagsterExecutionInterruptedError):
    """A training ended because it was asked to, with a snapshot to go on from."""


class StepFailures:
    """The failures of one step: each is kept on its node's page, and leaves what does not need it."""

    def __init__(self, context: dg.AssetExecutionContext, store: Store) -> None:
        self._context = context
        self._store = store
        self._failed: dict[dg.AssetKey, Exception] = {}

    def bars(self, plan: AssetPlan) -> bool:
        """Whether a plan needs something that failed."""
        causes = [key.path[-1] for key in plan.deps if key in self._failed]
        if causes:
            self._failed[plan.key] = dg.Failure(f"{plan.name} is left out, since {causes[0]} failed")
            self._context.log.warning(f"{plan.name} is left out, since {causes[0]} failed")
        return bool(causes)

    @contextmanager
    def caught(self, plan: AssetPlan, seed: int | None) -> Iterator[None]:
        """Take an error of one asset down; an interrupt ends the step."""
        try:
            yield
        except Exception as error:
            from acc_assets.training import TrainingCancelled  # only now, since torch comes with it

            if isinstance(error, TrainingCancelled):
                raise TrainingStopped(str(error)) from None
            self._failed[plan.key] = error
            self._context.log.error(f"{plan.name} failed: {sentence(error)}")
            try:
                record_failure(self._store, plan, seed, sentence(error), self._context.run.run_id)
            except (
                StorageError,
                StoreUnreachable,
                OSError,
            ) as second:  # a full disk must not hide what failed first
                self._context.log.warning(f"the failure could not be kept on the node's page: {second}")

    def raise_any(self) -> None:
        """Raise what failed: an error of ours in its own words, and any other as it is, after the step was retried.

        A retry policy of Dagster's would also retry a training that was terminated.
        """
        for error in self._failed.values():
            if not _ours(error):
                if self._context.retry_number < RETRIES:
                    raise dg.RetryRequested(RETRIES, seconds_to_wait=RETRY_SECONDS) from error
                raise error
        if self._failed:
            told = "\n".join(f"{key.path[-1]}: {sentence(error)}" for key, error in self._failed.items())
            first = next(iter(self._failed.values()))
            raise dg.Failure(
                sentence(first) if len(self._failed) == 1 else told, allow_retries=False
            ) from None


def record_failure(store: Store, plan: AssetPlan, seed: int | None, why: str, run_id: str) -> None:
    """Leave the reason of a failure with the node, where its page finds it."""
    _record(store, plan, seed, event=FAILED, why=why, run=run_id)


def record_failed_checks(
    store: Store, plan: AssetPlan, seed: int | None, outcome: Outcome, version: str, run_id: str
) -> None:
    """Leave with the node why a check of what was made failed."""
    for check in plan.checks:
        verdict = outcome.verdicts[check.name]
        if not verdict.passed:
            facts = {"check": check.name, "version": version}
            _record(store, plan, seed, event=CHECK_FAILED, why=verdict.reason, run=run_id, **facts)


def _record(store: Store, plan: AssetPlan, seed: int | None, **event: str) -> None:
    plan.folder(store, seed).append_event({"asset": plan.name, **event}, sync=True)


def sentence(error: BaseException) -> str:
    """An error in words: our own errors and Dagster's failures without their class."""
    if isinstance(error, dg.Failure):
        return error.description or "failed"
    return str(error) if _ours(error) else f"{type(error).__name__}: {error}"


def _ours(error: BaseException) -> bool:
    return type(error).__module__.startswith("acc_assets.") or isinstance(error, dg.Failure)
