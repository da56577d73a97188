"""The two halves of a model as modules of their own, which give the layers that they call as well."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from acc_assets.models import ModelOutput
from acc_assets.models.abilities import LATENT, RECONSTRUCTION, code_of, coded, every_output, point_latent
from acc_assets.models.layer_calls import LayerCall, evaluating, watch_layers

LAYER, READS = "layer/", "reads/"  # before a layer's name: what it gives, and what a convolution is given
_Half = TypeVar("_Half", bound="Half")
_Calls = Mapping[str, str]  # of a half: its own name of a call to the layer's name in the whole model
_Seen = dict[str, tuple[str, Tensor]]  # by a call's name the module's path and what it gave


class Half(nn.Module, ABC):
    """A half of a model: `outputs` names what it gives, first its `own`, then those of `layers`.

    It holds a copy of the model, whose layers tell it what they give.
    """

    def __init__(self, model: nn.Module, own: Sequence[str], calls: _Calls) -> None:
        super().__init__()
        self.model, self.own, self.calls = copy.deepcopy(model), tuple(own), dict(calls)
        self.layers: dict[str, tuple[int, ...]] = {}  # shapes for one image
        self._seen: dict[str, Tensor] = {}  # of the run that is under way
        self._counts: dict[str, int] = {}
        for path, module in self.model.named_modules() if calls else ():
            if path:
                module.register_forward_hook(partial(self._record, path))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all outputs in their order."""
        return (*self.own, *self.layers)

    @abstractmethod
    def run(self, *given: Tensor) -> Mapping[str, Tensor]:
        """What the half gives of its own, by name."""

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """All outputs, each (B, ...), in their order."""
        made = self._run(*given)
        return (*(made[name] for name in self.own), *(self._seen[name] for name in self.layers))

    def with_layers(self: _Half, *given: Tensor) -> _Half:
        """The half itself, which knows from a first run what its layers give."""
        self._run(*given)
        self.layers = {name: tuple(value.shape[1:]) for name, value in self._seen.items()}
        return self

    def _run(self, *given: Tensor) -> Mapping[str, Tensor]:
        self._seen.clear()
        self._counts.clear()
        return self.run(*given)

    def _record(self, path: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what a layer gives and a convolution is given: copies, since a later module may change them in place."""
        self._counts[path] = self._counts.get(path, 0) + 1
        name = self.calls.get(path if self._counts[path] == 1 else f"{path}#{self._counts[path]}")
        if name is None:
            return
        if isinstance(module, nn.Conv2d) and inputs:
            self._seen[READS + name] = inputs[0].clone()
        self._seen[LAYER + name] = output.clone()


class Encoder(Half):
    """From images to the code, and to the reconstruction of a model that cannot decode one by itself."""

    def run(self, *given: Tensor) -> Mapping[str, Tensor]:
        (images,) = given
        outputs = coded(self.model, images)
        point = point_latent(outputs)
        assert point is not None  # as `observe` saw
        return {**outputs, **code_of(self.model, outputs), LATENT: point}


class Decoder(Half):
    """From the parts of a code in the order of their names to the reconstruction."""

    def __init__(self, model: nn.Module, own: Sequence[str], calls: _Calls, code: Sequence[str]) -> None:
        super().__init__(model, own, calls)
        self.code = tuple(code)

    def run(self, *given: Tensor) -> Mapping[str, Tensor]:
        made: Mapping[str, Tensor] = self.model.decode(dict(zip(self.code, given, strict=True)))  # type: ignore[operator]
        return made


def halves_of(
    model: nn.Module,
    image_shape: tuple[int, ...],
    code: Sequence[str],
    layers: Collection[str],
    *,
    decodes: bool,
) -> tuple[Encoder, Decoder | None]:
    """A model's encoder, from images (C, H, W) to the parts of its `code`, and its decoder, where it can decode.

    layers: those that become outputs, as `watch_layers` names them when the model runs as a whole. Each belongs to the
    half that gives the same for two images of noise; one that neither gives, such as a layer after a draw, to none.
    """
    images = torch.rand((2, *image_shape), generator=torch.Generator().manual_seed(0))
    with evaluating(model):
        whole, _ = _seen_in(model, lambda: every_output(model, images))
        seen, outputs = _seen_in(model, lambda: coded(model, images))
        free = {name: whole[name] for name in layers if name in whole}
        rebuilt = outputs.get(ModelOutput.RECONSTRUCTION)
        own = (
            [*code]
            if decodes or rebuilt is None or rebuilt.shape != images.shape
            else [*code, RECONSTRUCTION]
        )
        encoder = Encoder(model, own, _taken(seen, free)).eval().with_layers(images)
        if not decodes:
            return encoder, None
        parts = code_of(model, outputs)
        decode: Any = model.decode
        seen, _ = _seen_in(model, lambda: decode(parts))
        decoder = Decoder(model, (RECONSTRUCTION,), _taken(seen, free), code).eval()
        return encoder, decoder.with_layers(*(parts[name] for name in code))


def _seen_in(model: nn.Module, run: Callable[[], Mapping[str, Tensor]]) -> tuple[_Seen, Mapping[str, Tensor]]:
    """What the layers give in a run, copied, and its outputs; what the model draws is the same in every run."""
    found: _Seen = {}

    def seen(call: LayerCall) -> None:
        found[call.name] = call.path, call.output.clone()

    torch.manual_seed(0)
    with watch_layers(model, seen):
        outputs = run()
    return found, outputs


def _taken(half: _Seen, free: _Seen) -> dict[str, str]:
    """The calls of a half with the layers that they are; these are no longer free."""
    calls: dict[str, str] = {}
    for own, given in half.items():
        same = next((name for name, other in free.items() if _agree(given, other)), None)
        if same is not None:
            calls[own] = same
            del free[same]
    return calls


def _agree(one: tuple[str, Tensor], other: tuple[str, Tensor]) -> bool:
    """Whether two calls are of one module and give the same."""
    (path, made), (other_path, expected) = one, other
    if path != other_path or made.shape != expected.shape:
        return False
    return torch.allclose(made, expected, rtol=1e-4, atol=1e-6, equal_nan=True)
