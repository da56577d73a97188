"""The built tiny recipe and those of other people's models, for families that are made of what they hold."""

from built_tiny import built_storage
from foreign_built import foreign_storage

__all__ = ["built_storage", "foreign_storage"]
