"""Dagster's instance on a real PostgreSQL server, by the file that `deploy/postgres` holds."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from built_tiny import build_recipe, environment
from command_line import acc, status

from acc_assets.assets.instance import explained, open_instance
from acc_assets.storage import Store

DEPLOY = Path(__file__).parents[2] / "deploy"
RECIPES = Path(__file__).parents[1] / "cluster_recipes"
PASSWORD = "no-secret"


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of this module's own, and the store that goes with it."""

    process: subprocess.Popen[bytes]
    storage: Path

    @property
    def home(self) -> Path:
        return self.storage / "dagster"


def programs() -> Path:
    """The folder of `initdb` and `postgres`."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip(
            "needs PostgreSQL's initdb and postgres, in PATH or /usr/lib/postgresql (Debian: postgresql)"
        )
    return folders[-1]


def unprivileged() -> dict[str, object]:
    """As whom the server runs, since it refuses to run as root."""
    if os.geteuid():
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user 'nobody' to run it as")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def answers(port: str) -> bool:
    """Whether the server takes connections."""
    import psycopg2  # comes with dagster-postgres

    try:
        psycopg2.connect(
            host="127.0.0.1", port=port, user="acc", password=PASSWORD, dbname="postgres"
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("dagster_postgres", reason="needs the extra 'postgres' of acc-assets")
    binaries, someone = programs(), unprivileged()
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="acc-postgres-", dir=shared) as name, socket.socket() as free:
        folder = Path(name)
        folder.chmod(0o755)  # for the other user
        data, password = folder / "data", folder / "password"
        data.mkdir(mode=0o700)
        if someone:
            os.chown(data, someone["user"], someone["group"])  # type: ignore[arg-type]
        password.write_text(PASSWORD)
        initdb = [binaries / "initdb", "-D", data, "-U", "acc", "--pwfile", password, "-A", "password"]
        subprocess.run(
            [*initdb, "--no-sync", "--locale=C", "-E", "UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **someone,
        )  # type: ignore[call-overload]
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        settings = [part for option, value in options.items() for part in ("-c", f"{option}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", port, *settings], stderr=log, cwd="/", **someone
            )  # type: ignore[call-overload]
        try:
            while not answers(port):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            with environment(folder / "storage") as patch:
                home = folder / "storage" / "dagster"
                home.mkdir(parents=True)
                shutil.copy(DEPLOY / "postgres" / "dagster.yaml", home)
                patch.setenv("ACC_RECIPES", str(RECIPES))
                for variable, value in (
                    ("HOST", "127.0.0.1"),
                    ("PORT", port),
                    ("DATABASE", "postgres"),
                    ("USER", "acc"),
                    ("PASSWORD", PASSWORD),
                ):
                    patch.setenv(f"ACC_PG_{variable}", value)
                yield Server(process, folder / "storage")
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)


def test_a_recipe_is_built_asked_for_and_found_fresh(server: Server) -> None:
    store = Store(server.storage)
    with open_instance(store) as instance:
        assert type(instance.event_log_storage).__module__.startswith("dagster_postgres")
    report = build_recipe("walks", store)
    assert not report.failed
    states = status("walks")
    assert {row["seed"] for row in states} == {0, 1, None}
    assert {row["state"] for row in states} == {"fresh"}
    again = build_recipe("walks", store)
    assert not again.built
    assert len(again.fresh) == len(states) + 1  # the pages that all recipes share
    assert (server.home / "dagster.yaml").read_text() == (DEPLOY / "postgres" / "dagster.yaml").read_text()
    assert not list(server.home.rglob("*.db"))


@pytest.mark.parametrize(
    ("user", "password", "database", "told"),
    [
        ("acc", "wrong", "postgres", "Correct the user or the password"),
        ("nobody", PASSWORD, "postgres", "Correct the user or the password"),
        ("acc", PASSWORD, "absent", "Create the database"),
    ],
)
def test_a_connection_that_is_refused_is_explained(
    server: Server, user: str, password: str, database: str, told: str
) -> None:
    """Asked of the server itself: Dagster tries for 11 s, and tells the same."""
    import psycopg2

    with pytest.raises(psycopg2.OperationalError) as refused:
        psycopg2.connect(
            host="127.0.0.1", port=os.environ["ACC_PG_PORT"], user=user, password=password, dbname=database
        )
    words = explained(refused.value, Store())
    assert words is not None
    assert told in words
    assert len(words.splitlines()) == 1


def test_a_variable_that_is_not_set_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACC_PG_USER")
    result = acc("status", "walks")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("Error: ")
    assert "reads ACC_PG_USER from the environment, and it is not set" in result.output


def test_a_server_that_is_gone_is_named(server: Server) -> None:
    server.process.kill()
    server.process.wait()
    result = acc("build", "walks")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()[-1:]
    assert "Connection refused" in line
    assert "Start the server" in line
    assert str(server.home / "dagster.yaml") in line
