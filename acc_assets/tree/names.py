"""Names and words that a recipe gives: they become folders, addresses and text on pages."""

from __future__ import annotations

import re
import reprlib
from typing import Any

# Asset names join recipe and tag by "__", so that neither may hold it.
NAME_PATTERN = "[A-Za-z](_?[A-Za-z0-9])*"
VALID_NAME = re.compile(rf"{NAME_PATTERN}\Z")
MAX_NAME = 80  # names become folders
NAME_RULE = (
    "Use letters, digits and single underscores between them, beginning with a letter, "
    f"at most {MAX_NAME} characters."
)


def is_name(name: Any) -> bool:
    """Whether a recipe, checkpoint, task or data set may be called so."""
    return isinstance(name, str) and len(name) <= MAX_NAME and VALID_NAME.match(name) is not None


def checked_text(text: Any) -> str:
    """The text itself; raises where it is none, or cannot be written to a file."""
    if not isinstance(text, str):
        raise TypeError(f"a value of type {type(text).__name__} is no text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the text {reprlib.repr(text)} cannot be written as UTF-8") from None
    return text
