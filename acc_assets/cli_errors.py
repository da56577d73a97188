"""How a command ends that something is wrong with, or that a person ends."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

import click


class Friendly(click.Group):
    """Shows the errors that this package raises as one line; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        logging.getLogger().addFilter(_says_something)
        try:
            return super().invoke(ctx)
        except click.ClickException:
            raise
        except Exception as error:
            ours = type(error).__module__.startswith("acc_assets.")
            if ours or isinstance(error, OSError):
                raise click.ClickException(str(error)) from error
            if (words := _about_dagsters_files(error)) is not None:
                raise click.ClickException(words) from error
            raise


def _says_something(record: logging.LogRecord) -> bool:
    """Not dagster-postgres' warning at each of its attempts to connect; the last one's error says why."""
    return not str(record.msg).startswith("Retrying failed database connection")


def _about_dagsters_files(error: Exception) -> str | None:
    if type(error).__module__.partition(".")[0] not in (
        "dagster",
        "dagster_postgres",
        "dagster_shared",
        "sqlalchemy",
        "sqlite3",
        "yaml",
    ):
        return None
    from acc_assets.assets.instance import explained
    from acc_assets.storage import Store

    return explained(error, Store())


def end_on_signals() -> None:
    """Let SIGTERM mean what Ctrl-C means: the runs are terminated, and trainings save what they have.

    One handler serves both, since Dagster copies SIGINT's to SIGTERM on its way; where the shell lets a background
    process ignore SIGINT, it stays ignored.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    def end(number: int, frame: Any) -> None:
        if not (number == signal.SIGINT and ignored):
            logging.getLogger(
                "sqlalchemy.pool"
            ).disabled = True  # it tells of each connection that this cuts off
            sys.exit(128 + number)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
