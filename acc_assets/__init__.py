"""An experiment on autoencoders as a graph of data assets."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acc_assets.notebook import open_store as open

__all__ = ["open"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`acc_assets.open`, with which a notebook begins; what it needs is imported when it is asked for."""
    if name == "open":
        from acc_assets.notebook import open_store

        return open_store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
