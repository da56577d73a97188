"""Where and how training runs: device, threads, and the switches that make equal runs give equal bits."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch

Device = Literal["auto", "cpu", "cuda", "mps"]
THREADS = "ACC_THREADS"

# Each thread of torch's pool copies this switch from its creator when it starts, so it must be set before the
# first parallel operation of the process. A collapsed model computes in subnormal numbers, four times slower.
torch.set_flush_denormal(True)


def default_threads() -> int:
    """`ACC_THREADS` where it is set, else the cores that this process may use."""
    text = os.environ.get(THREADS, "")
    if text:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"{THREADS}={text!r} is not allowed; it must be a whole number of at least 1.")
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Device, thread count and determinism of one build.

    `device` "auto" takes CUDA, then MPS, then the CPU. `threads` bounds torch's threads in one operation.
    `deterministic` lets torch refuse operations that have no deterministic form on the device.
    Equal specs, seeds, device kinds and thread counts give equal bits.
    """

    device: Device = "auto"
    threads: int = field(default_factory=default_threads)
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
        if device.type == "cuda":
            os.environ.setdefault(
                "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
            )  # cuBLAS asks for it to be deterministic
            torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(self.deterministic)
        # Filling fresh memory is only meant to expose reads of uninitialised values, and costs time in each step.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        return device


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
