"""Commands as a person gives them: in this process where nothing else is asked, or each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from acc_assets.cli import main

ACC = Path(sys.executable).with_name("acc")


def acc(*arguments: str) -> Result:
    """Run a command in this process; anything but a clean exit is a bug and raises."""
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def acc_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own; whatever is wrong, there is no traceback."""
    done = subprocess.run([ACC, *arguments], capture_output=True, text=True, timeout=600)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def status(recipe: str, *arguments: str) -> list[dict[str, Any]]:
    """What `acc status` says of every asset and seed."""
    rows: list[dict[str, Any]] = json.loads(acc("status", recipe, "--json", *arguments).output)[recipe]
    return rows
