"""`acc ui`: Dagster's UI and daemon, and a reload whenever a recipe or what it imports changes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from acc_assets.assets.catalog import SITE_PORT, SITE_URL_VARIABLE
from acc_assets.assets.daemon import LOCK, MODULE, heed_interrupts
from acc_assets.assets.instance import open_instance
from acc_assets.assets.live import sources
from acc_assets.recipes import find_recipes, watched_folders
from acc_assets.server import ServeError, listening, serving
from acc_assets.storage import Store
from acc_assets.tree import source_files

SETTLE_MS = 200  # after the last change of a file, before the reload
END_SECONDS = 30.0
PACKAGE = Path(__file__).resolve().parents[1]
_RELOAD = """mutation ($location: String!) { reloadRepositoryLocation(repositoryLocationName: $location) {
  __typename ... on WorkspaceLocationEntry { loadStatus locationOrLoadError { __typename } } } }"""
# A proxy does not reach this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def run_ui(store: Store, port: int, arguments: Sequence[str]) -> int:
    """Serve until interrupted; returns the exit status of `dagster dev`."""
    with open_instance(
        store
    ) as instance:  # its databases are there before Dagster's processes all ask for them
        home = Path(instance.root_directory)
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "-m", MODULE, "-h", "127.0.0.1"]
    stop = threading.Event()
    with _daemons_place(home), _site_served(store) as address:
        environment = {**os.environ, "ACC_STORAGE": store.place}
        environment.setdefault(SITE_URL_VARIABLE, address)
        process = subprocess.Popen(
            [*command, "-p", str(port), *arguments], env=environment, preexec_fn=heed_interrupts
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        watcher = threading.Thread(target=_reload_on_change, args=(port, stop), daemon=True)
        watcher.start()
        try:
            return process.wait()
        except KeyboardInterrupt:
            return _ended(process)
        finally:
            stop.set()


@contextlib.contextmanager
def _site_served(store: Store) -> Iterator[str]:
    """Serve the site beside the UI, whose links lead to it; at another port where the usual one is taken."""
    try:
        listener = listening(SITE_PORT)
    except ServeError:
        listener = listening(0)
    with serving(sources(store, begun=False), listener) as address:
        yield address.rstrip("/")


def _ended(process: subprocess.Popen[bytes]) -> int:
    """End `dagster dev`, which a Ctrl-C in a terminal has reached already and a signal to this process has not."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(END_SECONDS)
    return process.wait()


@contextlib.contextmanager
def _daemons_place(home: Path) -> Iterator[None]:
    """Tell builds that a daemon runs here; one that has the place already keeps it until it ends."""
    lock = FileLock(home / LOCK)
    with contextlib.suppress(Timeout):
        lock.acquire(timeout=0)
    try:
        yield
    finally:
        lock.release()


def watched_paths() -> list[Path]:
    """Folders of recipes and of forks beside them, this package, and the folders of other files that recipes import."""
    found = {*watched_folders(), PACKAGE}
    for tree in find_recipes().trees.values():
        found |= {path.resolve().parent for path in source_files(Path(tree.source)).values()}
    return sorted(found)


def _reload_on_change(port: int, stop: threading.Event) -> None:
    from watchfiles import DefaultFilter, watch

    class Sources(DefaultFilter):
        def __call__(self, change: object, path: str) -> bool:
            kinds = (".py", ".yaml", ".yml", ".json")  # the last: recorded forks
            return path.endswith(kinds) and super().__call__(change, path)  # type: ignore[arg-type]

    while not stop.is_set():
        # Watched anew after each change, since a recipe may import from another folder now.
        for changes in watch(
            *watched_paths(), watch_filter=Sources(), stop_event=stop, step=50, debounce=SETTLE_MS
        ):
            names = ", ".join(sorted({Path(path).name for _, path in changes}))
            print(f"{names} changed: {reload_location(port)}", flush=True)
            break


def reload_location(port: int) -> str:
    """Let the webserver load the recipes again, as its button does; says what came of it."""
    body = json.dumps({"query": _RELOAD, "variables": {"location": MODULE}}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
    )
    try:
        with _DIRECT.open(request, timeout=120) as response:
            answer = json.load(response)["data"]["reloadRepositoryLocation"]
    except (urllib.error.URLError, OSError, KeyError, TypeError, ValueError) as error:
        return f"the UI could not be asked to reload ({error})"
    loaded = answer.get("locationOrLoadError", {}).get("__typename") == "RepositoryLocation"
    return "reloaded" if loaded else f"reloading failed: {json.dumps(answer)[:300]}"
