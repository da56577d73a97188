"""Where and how training runs: device, threads, and the switches that make equal runs give equal bits."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from dataclasses import dataclass
from typing import Literal, get_args

import torch

Device = Literal["auto", "cpu", "cuda", "mps"]

# Each thread of torch's pool copies this switch from its creator when it starts, so it must be set before the
# first parallel operation of the process. A collapsed model computes in subnormal numbers, four times slower.
torch.set_flush_denormal(True)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Device, thread count and determinism of one build.

    `device` "auto" takes CUDA, then MPS, then the CPU. `threads` bounds torch's threads in one operation.
    `deterministic` lets torch refuse operations that have no deterministic form on the device.
    Equal specs, seeds, device kinds and thread counts give equal bits.
    """

    device: Device = "auto"
    threads: int = 1
    deterministic: bool = True

    def __post_init__(self) -> None:
        if self.device not in get_args(Device):
            raise ValueError(f"device={self.device!r} is not allowed; it must be one of {get_args(Device)}.")
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise ValueError(f"threads={self.threads!r} is not allowed; it must be a whole number from 1 up.")

    def resolve(self) -> torch.device:
        """The device to use; raises ValueError when the one asked for is not on this machine."""
        present = available_devices()
        if self.device == "auto":
            return torch.device(present[0])
        if self.device not in present:
            raise ValueError(
                f"device={self.device!r} is not on this machine, which has {present}; use one of them or 'auto'."
            )
        return torch.device(self.device)

    def apply(self) -> torch.device:
        """Set up torch in this process and return the device."""
        device = self.resolve()
        torch.set_num_threads(self.threads)
        torch.set_flush_denormal(True)
        keep_freed_memory()
        if device.type == "cuda":
            os.environ.setdefault(
                "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
            )  # cuBLAS asks for it to be deterministic
            torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(self.deterministic)
        # Filling fresh memory is only meant to expose reads of uninitialised values, and costs time in each step.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        return device


@functools.cache
def keep_freed_memory() -> bool:
    """Let glibc keep what a step frees for the next step; returns whether it does.

    By default each tensor of some megabytes is mapped afresh and returned when it dies, so that a step of the
    factor-slot VAE pays for 1,500 page faults (mallopt(3)). Other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim_threshold, mmap_threshold = -1, -3  # from malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(
        mallopt(mmap_threshold, 32 << 20) and mallopt(trim_threshold, 1 << 30)
    )


def available_devices() -> list[str]:
    """Kinds of device on this machine, the fastest first."""
    devices = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def flushes_denormals() -> bool:
    """Whether every thread of torch's pool treats subnormal numbers as zero: measured, not assumed."""
    tiny = torch.full((1 << 20,), 1e-38)
    return bool(((tiny * 1e-2) == 0).all())
