"""What every asset needs from outside: the store, and the machine that it may use."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import dagster as dg
from pydantic import Field

from acc_assets.storage import Store

THREADS_VARIABLE = "ACC_THREADS"
DEVICE_VARIABLE = "ACC_DEVICE"
DEVICES = ("auto", "cpu", "cuda", "mps")


class SettingError(ValueError):
    """An environment variable holds a value that it must not hold."""


def device_setting() -> str:
    """ACC_DEVICE, default auto."""
    device = os.environ.get(DEVICE_VARIABLE) or "auto"
    if device not in DEVICES:
        raise SettingError(
            f"{DEVICE_VARIABLE}={device} is not allowed; it must be one of {', '.join(DEVICES)}."
        )
    return device


def threads_setting() -> int:
    """ACC_THREADS, default 1."""
    text = os.environ.get(THREADS_VARIABLE) or "1"
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(
            f"{THREADS_VARIABLE}={text} is not allowed; it must be a whole number of at least 1."
        )
    return int(text)


def training_slots(workers: int) -> int:
    """How many trainings may run side by side: one where they share a GPU, else one for each worker."""
    device = device_setting()
    nvidia = Path("/dev/nvidiactl").exists()
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return 1 if device in ("cuda", "mps") or (device == "auto" and (nvidia or apple)) else workers


class StoreResource(dg.ConfigurableResource):
    """Where artifacts are kept."""

    root: str | None = Field(default=None, description="Local folder; default ACC_STORAGE, else ./storage.")

    def open(self) -> Store:
        """Return the store."""
        return Store(self.root)


class MachineResource(dg.ConfigurableResource):
    """Device and threads of one step. Results are the same bits for the same device kind and threads."""

    device: str = Field(default_factory=device_setting, description="auto, cpu, cuda or mps")
    threads: int = Field(
        default_factory=threads_setting,
        ge=1,
        description="CPU threads of one step; steps that run side by side share the cores by it.",
    )
