"""The built tiny recipe, for families that are made of what it holds."""

from built_tiny import built_storage

__all__ = ["built_storage"]
