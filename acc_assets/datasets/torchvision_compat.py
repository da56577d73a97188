"""`import torchvision` that works beside a CPU build of torch.

torchvision's wheel for Linux is built for CUDA. Beside a CPU build of torch its compiled operators cannot load, and
`import torchvision` stops at `operator torchvision::nms does not exist`, because it registers shape functions for
operators that nobody declared. Declaring the two schemas first, only where they are absent, lets data sets and
transforms import. The operators themselves stay unavailable; nothing here calls them.
"""

from __future__ import annotations

from types import ModuleType

import torch

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
# A library object must live as long as its declarations.
_declared: list[torch.library.Library] = []


def torchvision_datasets() -> ModuleType:
    """Import and return `torchvision.datasets`."""
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _declare_missing_schemas()
        import torchvision
    assert torchvision is not None
    from torchvision import datasets

    return datasets


def _declare_missing_schemas() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _declared.append(library)
