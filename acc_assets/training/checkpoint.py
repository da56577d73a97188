"""The checkpoint format: tensors and plain values only, loaded without running code, equal states equal bytes."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import torch
from torch import Tensor

from acc_assets.training.errors import CheckpointRefused
from acc_assets.tree.config import config

FORMAT = 2
Weights = dict[str, Tensor]


@config
class Identity:
    """What decides a checkpoint's bits, device kind and threads aside; a snapshot is continued only where all agree.

    `data` are the digests of the data sets that it trains on, `code` the version of the code that carries it
    out, `parent` the digest of the checkpoint that it starts from.
    """

    recipe: str
    node: str
    seed: int
    spec_hash: str
    parent: str | None
    code: str
    data: dict[str, str]


@config
class CheckpointState:
    """One checkpoint.

    `model` and `heads` hold the weights to use: the moving average where training keeps one. `positions` are
    the images taken from each data set so far. `resume` is what training needs to go on exactly (optimizer,
    generators, schedules, history, raw weights), None in snapshots that are kept only to be looked at.
    `final` says that the node was trained to its end. `spec` is the node's canonical spec.
    """

    identity: Identity
    kind: str
    branch: str
    parent: str | None
    spec: dict[str, Any]
    step: int
    final: bool
    model: Weights
    heads: dict[str, Weights]
    head_specs: dict[str, str]
    positions: dict[str, int]
    resume: dict[str, Any] | None = None

    @property
    def digest(self) -> str:
        """sha256 (hex) of spec hash, step, weights, heads and data positions: all that a child or reader sees."""
        total = hashlib.sha256(f"{FORMAT}|{self.identity.spec_hash}|{self.step}".encode())
        total.update(json.dumps(self.positions, sort_keys=True).encode())
        for owner, weights in [("model", self.model), *sorted(self.heads.items())]:
            for name in sorted(weights):
                tensor = weights[name].detach().cpu().contiguous()
                total.update(f"|{owner}/{name}:{tensor.dtype}{tuple(tensor.shape)}|".encode())
                total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
        return total.hexdigest()

    def without_resume(self) -> CheckpointState:
        """The same checkpoint as a smaller one that training cannot be continued from."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return CheckpointState(**{**values, "resume": None})

    def to_bytes(self) -> bytes:
        """Serialize; equal states give equal bytes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        payload = {
            **values,
            "format": FORMAT,
            "identity": asdict(self.identity),
            "spec": json.dumps(self.spec, sort_keys=True),
        }
        buffer = io.BytesIO()
        torch.save(_plain(payload), buffer)
        return buffer.getvalue()


def parse_checkpoint(data: bytes, where: str) -> CheckpointState:
    """Read a checkpoint without running any code in it.

    Raises `CheckpointRefused` for a file that carries code, is no checkpoint, or has another format.
    """
    try:
        payload = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointRefused(
            f"{where} is refused: it holds more than tensors and plain values, so that loading it could run code "
            f"({_first_line(error)}). Do not load it any other way unless you trust its author; rebuild it instead."
        ) from error
    except Exception as error:
        raise CheckpointRefused(
            f"{where} cannot be read as a checkpoint ({_first_line(error)}). Rebuild it."
        ) from error
    if not isinstance(payload, dict) or payload.get("format") != FORMAT:
        found = payload.get("format") if isinstance(payload, dict) else type(payload).__name__
        raise CheckpointRefused(
            f"{where} has format {reprlib.repr(found)}; this version reads format {FORMAT}. Rebuild it."
        )
    try:
        values = {field.name: payload[field.name] for field in fields(CheckpointState)}
        values |= {"identity": Identity(**payload["identity"]), "spec": json.loads(payload["spec"])}
        return CheckpointState(**values)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointRefused(
            f"{where} is an incomplete checkpoint ({_first_line(error)}). Rebuild it."
        ) from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}".partition("\n")[0]


def weights_of(module: torch.nn.Module) -> Weights:
    """Copies of a module's parameters and buffers on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}


def _plain(value: Any) -> Any:
    """Fresh containers, interned text and copied tensors.

    The pickle format writes an object that it has met before as a reference, so equal states give equal bytes
    only when objects are shared in the same places.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu().contiguous().clone()
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return sys.intern(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}: {value!r}")
