"""Where the package's templates and settings lie: beside it in a checkout, inside it where it came as a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "site_templates"  # hatch_build.py puts it there in a wheel

CHECKOUT = None if _PACKED.is_dir() else _PACKAGE.parent  # None where the package is installed without one
TEMPLATES = _PACKED if CHECKOUT is None else CHECKOUT / "site_templates"
