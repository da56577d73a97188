"""What the head of every page holds before anything else: what the page may load, and its theme."""

from __future__ import annotations

import base64
import hashlib

# Runs before the first paint, so that a page never flashes in the other theme.
THEME_SCRIPT = """\
document.documentElement.classList.add("js");
try {
  var theme = localStorage.getItem("acc-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch (error) {}
"""

# The <style> that Observable Plot puts into each of its charts; a browser's console names the hash of another one.
PLOT_STYLE = "'sha256-jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww='"


def source_hash(script: str) -> str:
    """Return the source expression that allows one inline script, by its SHA-256."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


# Everything that a page loads lies in the site. `file:` stands beside 'self' for pages opened from disk, where browsers
# give every file an origin of its own; a page from a web server can load no file by it. Charts and pages set colours
# and widths in style attributes, which can load nothing but the pictures that are allowed anyway.
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' file: {source_hash(THEME_SCRIPT)} 'wasm-unsafe-eval'",
        f"style-src 'self' file: {PLOT_STYLE}",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' file: data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)

SERVED_POLICY = (
    f"{POLICY}; connect-src 'self'"  # a page that `acc serve` gives may also ask it for runs and events
)
