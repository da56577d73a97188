"""What a fork keeps of a model that it made larger."""

from __future__ import annotations

from typing import Any, ClassVar

from acc_assets.tree.config import Amount, config


@config
class Growth:
    """How the model of a fork came from that of its parent, whose configuration is `before`.

    noise: deviation of what is added to the weights of copied units, as a share of that of their layer's weights.
    """

    before: Any
    noise: Amount = 0.0

    version: ClassVar[int] = 1  # to be raised where the same growth comes to mean other weights
