"""What every asset needs from outside: the store, and the machine that it may use."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, create_model

from acc_assets.storage import Store
from acc_assets.tree import Tree

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


def shares_gpu() -> bool:
    """Whether trainings on this machine share one GPU."""
    device = device_setting()
    nvidia = Path("/dev/nvidiactl").exists()
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return device in ("cuda", "mps") or (device == "auto" and (nvidia or apple))


class StoreResource(dg.ConfigurableResource):
    """Where artifacts are kept."""

    root: str | None = Field(
        default=None, description="Local folder or URL; default ACC_STORAGE, else ./storage."
    )

    def open(self) -> Store:
        """Return the store."""
        return Store(self.root)


class MachineResource(dg.ConfigurableResource):
    """Device and threads of one step. Results are the same bits for the same device kind and threads."""

    device: str = Field(default="auto", description="auto, cpu, cuda or mps")
    threads: int = Field(
        default=1,
        ge=1,
        description="CPU threads of one step; steps that run side by side share the cores by it.",
    )

    @staticmethod
    def from_environment() -> MachineResource:
        """ACC_DEVICE and ACC_THREADS become the defaults of the launchpad."""
        return MachineResource(device=device_setting(), threads=threads_setting())


@dataclass(frozen=True)
class Keys:
    """Names of the resources; a prefix keeps those of two components of one project apart."""

    prefix: tuple[str, ...] = ()

    def of(self, recipe: str) -> tuple[str, str, str]:
        """What a step of a recipe asks for."""
        return self.store, self.machine, self.parameters(recipe)

    @property
    def store(self) -> str:
        """Where artifacts are kept."""
        return "__".join([*self.prefix, "acc_store"])

    @property
    def machine(self) -> str:
        """Device and threads."""
        return "__".join([*self.prefix, "acc_machine"])

    def parameters(self, recipe: str) -> str:
        """A recipe's parameters."""
        return "__".join([*self.prefix, f"{recipe}_parameters"])


def parameters_resource(tree: Tree) -> dg.ConfigurableResource[Any]:
    """A recipe's parameters with their types and defaults, to be set in the launchpad.

    A run with other values takes the place of the stored results and does not pass as the recipe's.
    """
    fields: dict[str, Any] = {
        name: (type(value), Field(default=value, description=f"The recipe says {value!r}."))
        for name, value in tree.parameters.items()
        if type(value) in (int, float, bool, str)
    }
    model = create_model(f"{tree.name}_Parameters", __base__=dg.ConfigurableResource, **fields)
    return model()
