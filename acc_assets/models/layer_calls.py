"""The layers of a model as it runs: each call of a module that makes a tensor of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LayerCall:
    """One call of a module: `name` is its path, with #2, #3 ... for later calls; `output` is a tensor (B, ...)."""

    name: str
    path: str
    module: nn.Module
    inputs: tuple[Any, ...]
    output: Tensor

    @property
    def kind(self) -> str:
        """The class of the module."""
        return type(self.module).__name__


@dataclass
class Watched:
    """What a watch found: the paths of the modules that were called, and why calls are no layers, by name."""

    called: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)


@contextmanager
def watch_layers(model: nn.Module, seen: Callable[[LayerCall], None]) -> Iterator[Watched]:
    """Call `seen` with every layer of a model, in the order in which they end, while the context lasts.

    A layer is a call of a module whose one output is a tensor that neither its input nor a module within it gave: a
    ReLU in place is one, a Sequential or a dropout in evaluation is none. `seen` must copy what it keeps, since a
    later module may change a tensor in place. Use it without gradients, for one run at a time.
    """
    found = Watched()
    counts: dict[str, int] = {}
    given: set[tuple[int, int]] = set()  # tensors as modules returned them: identity and version
    kept: list[Tensor] = []  # alive, so that no identity is given twice
    versions: list[dict[int, int]] = []  # of the inputs of the modules that are under way

    def before(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        versions.append({id(one): one._version for one in inputs if isinstance(one, Tensor)})

    def after(path: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        at_entry = versions.pop()
        found.called.add(path)
        counts[path] = counts.get(path, 0) + 1
        name = path if counts[path] == 1 else f"{path}#{counts[path]}"
        if not isinstance(output, Tensor):
            what = (
                f"{len(output)} values" if isinstance(output, tuple | list) else f"a {type(output).__name__}"
            )
            found.left_out[name] = f"{type(module).__name__} returns {what}, not one tensor"
            return
        state = (id(output), output._version)
        if at_entry.get(id(output)) == output._version:
            found.left_out[name] = f"{type(module).__name__} returns its input unchanged in evaluation"
            return
        if state in given:
            return
        given.add(state)
        kept.append(output)
        seen(LayerCall(name, path, module, inputs, output))

    handles = []
    for path, module in model.named_modules():
        if path:

            def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any, path: str = path) -> None:
                after(path, module, inputs, output)

            handles += [module.register_forward_pre_hook(before), module.register_forward_hook(hook)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def device_of(module: nn.Module) -> torch.device:
    """Where a module's first parameter lies; the CPU for one without any."""
    tensor = next(iter(module.parameters()), None)
    return torch.device("cpu") if tensor is None else tensor.device


@contextmanager
def evaluating(model: nn.Module, heads: Iterable[nn.Module] = ()) -> Iterator[torch.device]:
    """A model with its heads in evaluation mode without gradients; modes and torch's generators are restored after it.

    Gives the device of the model.
    """
    device = device_of(model)
    modules = [model, *heads]
    modes = {part: part.training for module in modules for part in module.modules()}
    with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for module in modules:
            module.eval()
        try:
            yield device
        finally:
            for part, mode in modes.items():
                part.training = mode
