"""The server over a real connection: typed answers, events without loss, and nothing for strangers."""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_run import Collected, Reader, Training, sources

from acc_assets.report.page_head import SERVED_POLICY
from acc_assets.server import listening, serving
from acc_assets.storage import Store

CANCELLED: list[tuple[str, str, int]] = []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return Store(folder / "store")


@pytest.fixture(scope="module")
def port(store: Store, folder: Path) -> Iterator[int]:
    """The port of a server, whose heart beats often."""

    def cancel(recipe: str, node: str, seed: int) -> list[str]:
        CANCELLED.append((recipe, node, seed))
        return ["dagster-run"] if node == "done" else []

    (folder / "site").mkdir()
    (folder / "site" / "page.html").write_text("<html lang='en'>")
    with listening(0) as listener, serving(sources(store, folder, cancel=cancel, heartbeat=0.3), listener):
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def finished(store: Store, port: int) -> Training:
    """A run that came to its end, and one more node that failed."""
    training = Training(store.run("r", "done", 0)).begin().steps(3).snapshot()
    training.record.completed(3, {"health": "healthy"})
    Training(store.run("r", "other", 1)).begin().record.failed(0, ValueError("no"), {})
    return training


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    response = connection.getresponse()
    found = response.status, response.read(), response.headers
    connection.close()
    return found


def read(port: int, path: str) -> Any:
    status, body, _ = ask(port, path)
    assert status == 200, body
    return json.loads(body)


def test_the_schema_types_every_answer(port: int) -> None:
    schema = read(port, "/openapi.json")
    run = "/runs/{recipe}/{node}/{seed}"
    assert set(schema["paths"]) == {
        "/runs",
        *(
            run + more
            for more in ("", "/artifacts", "/artifacts/{path}", "/pictures", "/pictures/{family}/{name}")
        ),
        *(run + more for more in ("/previews", "/events", "/events/stream", "/cancel")),
        *("/labels/{recipe}" + more for more in ("", "/round")),
        *("/forks/{recipe}" + more for more in ("", "/{node}/form", "/{name}", "/{name}/build")),
        "/proposals/{recipe}/{node}",
    }
    page = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+) (/\S+)` \|", page, re.M))
    assert told == {(method.upper(), path) for path, methods in schema["paths"].items() for method in methods}
    for path in ("/runs", *(run + more for more in ("", "/artifacts", "/pictures", "/previews", "/events"))):
        answer = schema["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["$ref"].startswith("#/components/schemas/"), path
    assert len(schema["components"]["schemas"]["EventPage"]["properties"]["events"]["items"]["oneOf"]) == 14


def test_runs_are_listed_and_filtered_those_at_work_first(
    port: int, store: Store, finished: Training
) -> None:
    with store.run("r", "busy", 0).lock():
        Training(store.run("r", "busy", 0)).begin().steps(40)
        runs = read(port, "/runs")["runs"]
        assert [(run["node"], run["status"]) for run in runs] == [
            ("busy", "running"),
            ("other", "failed"),
            ("done", "completed"),
        ]
        assert (runs[0]["done"], runs[0]["of"], runs[0]["page"]) == (40, 100, "recipes/r/nodes/busy.html")
    (killed,) = read(port, "/runs?node=busy")["runs"]
    assert (killed["status"], killed["step"], killed["done"]) == ("interrupted", 40, 40)
    assert killed["remaining_s"] is None
    for asked, found in {
        "status=failed": ["other"],
        "seed=1": ["other"],
        "recipe=x": [],
        "node=done": ["done"],
    }.items():
        assert [run["node"] for run in read(port, f"/runs?{asked}")["runs"]] == found
    detail = read(port, "/runs/r/done/0")
    assert (detail["config"]["branch"], detail["summary"]["status"], detail["health"]) == (
        "left",
        "completed",
        "healthy",
    )
    assert ask(port, "/runs/r/nothing/0")[0] == 404


def test_a_run_that_cannot_be_read_is_listed_with_what_is_wrong(port: int, store: Store) -> None:
    run = Training(store.run("damaged", "torn", 0)).begin().run
    run.local_path("summary.json").write_text('{"status": ')
    old = Training(store.run("damaged", "old", 0)).begin().run
    old.write_json("config.json", {"kind": "trained"})
    with old.local_path("events.jsonl").open("a") as log:  # as before events had a schema
        log.write('{"event": "artifact.created", "family": "history"}\n')
    store.run("damaged", "failed_early", 0).append_event({"event": "asset.failed"})
    found = {run["node"]: run for run in read(port, "/runs?recipe=damaged&status=unreadable")["runs"]}
    assert found.keys() == {"torn", "old"}
    assert "summary.json" in found["torn"]["error"]
    assert "another version" in found["old"]["error"]
    assert ask(port, "/runs/damaged/old/0")[0] == 422
    assert read(port, "/runs/damaged/old/0/pictures") == {"pictures": []}
    assert len(read(port, "/runs?recipe=damaged")["runs"]) == 2


def test_artifacts_are_given_and_nothing_else(port: int, store: Store, finished: Training) -> None:
    families = {one["name"]: one for one in read(port, "/runs/r/done/0/artifacts")["families"]}
    assert set(families) == {"checkpoints", "history"}
    files = [file["path"] for file in families["checkpoints"]["files"]]
    assert files[:2] == ["checkpoints/preview_latest.npz", "checkpoints/preview_step_3.npz"]
    status, body, headers = ask(port, f"/runs/r/done/0/artifacts/{files[2]}")
    assert (status, body) == (200, b"weights 3")
    assert headers["Content-Security-Policy"].startswith("sandbox")
    assert json.loads(ask(port, "/runs/r/done/0/artifacts/summary.json")[1])["status"] == "completed"
    secret = store.root / "secret.txt"
    secret.write_text("secret")
    store.run("r", "done", 0).local_path("link.txt").symlink_to(secret)
    for path in (
        "../../../../secret.txt",
        "..%2f..%2f..%2f..%2fsecret.txt",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "checkpoints/../../../../../secret.txt",
        ".locks/run.lock",
        "%00",
        str(secret),
        "link.txt",
    ):
        status, body, _ = ask(port, f"/runs/r/done/0/artifacts/{path}")
        assert status in (404, 422), path
        assert b"secret" not in body.replace(b"secret.txt", b""), path
    assert ask(port, "/runs/..%2f..%2f/done/0")[0] in (404, 422)


def test_the_snapshots_that_stand_are_drawn(port: int, store: Store) -> None:
    training = Training(store.run("r", "drawn", 0)).begin().steps(4).snapshot().steps(4).snapshot()
    path = "/runs/r/drawn/0/previews"
    found = read(port, path)
    assert [one["step"] for one in found["meta"]["snapshots"]] == [4, 8]
    assert (found["arrays"]["coords/4"]["low"], found["arrays"]["coords/4"]["high"]) == (0, 20)
    assert "low" not in found["arrays"]["images"]
    assert set(found["arrays"]) == {
        *("images", "labels"),
        *(f"{what}/{step}" for what in ("reconstructions", "coords") for step in (4, 8)),
    }
    assert [one["step"] for one in read(port, f"{path}?after=4")["meta"]["snapshots"]] == [8]
    training.resumed(4)  # what came later stands no more, be its files there or not
    assert [one["step"] for one in read(port, path)["meta"]["snapshots"]] == [4]
    training.run.local_path("checkpoints/preview_step_4.npz").write_bytes(b"torn")
    assert read(port, path)["meta"]["snapshots"] == []
    assert read(port, "/runs/r/nobody/0/previews")["meta"]["snapshots"] == []
    assert ask(port, "/runs/..%2f..%2f/drawn/0/previews")[0] in (404, 422)


def test_strangers_are_refused(port: int, finished: Training) -> None:
    for host in ("example.org", "127.0.0.1.example.org", ""):
        assert ask(port, "/runs", Host=host)[0] == 400
    assert ask(port, "/runs", Host=f"localhost:{port}")[0] == 200
    foreign = {"Origin": "http://example.org"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}
    for headers in foreign:
        for path in ("/runs", "/page.html", "/runs/r/done/0/events/stream"):
            assert ask(port, path, **headers)[0] == 403, (path, headers)
        assert ask(port, "/runs/r/done/0/cancel", "POST", **headers)[0] == 403
    assert CANCELLED == []
    assert ask(port, "/page.html", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}
    status, body, headers = ask(port, "/runs/r/done/0/cancel", "POST", **own)
    assert (status, json.loads(body), CANCELLED) == (200, {"runs": ["dagster-run"]}, [("r", "done", 0)])
    assert "access-control-allow-origin" not in headers
    assert ask(port, "/runs/r/other/1/cancel", "POST", **own)[0] == 409


def test_pages_that_are_not_rendered_have_a_stand_in(port: int, finished: Training) -> None:
    for path, told in {"/": b'data-acc="runs"', "/recipes/r/nodes/done.html": b'data-acc="training"'}.items():
        status, body, _ = ask(port, path)
        assert status == 200
        assert told in body
        assert b"<html data-served" in body
        assert b"connect-src &#39;self&#39;" in body
    assert ask(port, "/assets/acc.js")[1] == b"// the bundle\n"
    assert ask(port, "/recipes/r/nodes/nobody.html")[0] == 404
    assert ask(port, "/../store/secret.txt")[0] == 404


def test_every_answer_has_a_policy_and_pages_have_theirs(port: int, finished: Training) -> None:
    for path in ("/", "/page.html", "/recipes/r/nodes/done.html"):
        status, _, headers = ask(port, path)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8"), path
        assert headers["Content-Security-Policy"] == f"{SERVED_POLICY}; frame-ancestors 'none'", path
    assert "'unsafe-inline'" not in SERVED_POLICY.replace("style-src-attr 'unsafe-inline'", "")
    for path in (
        "/runs",
        "/assets/acc.js",
        "/nowhere.html",
        "/runs/r/nothing/0",
        "/recipes/<b>/nodes/x.html",
    ):
        _, _, headers = ask(port, path.replace("<", "%3C").replace(">", "%3E"))
        assert headers["Content-Security-Policy"].startswith("default-src 'none'"), path
        assert "html" not in headers["Content-Type"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask(port, "/runs", Host="example.org")[0] == 400


def test_it_listens_to_this_machine_alone() -> None:
    with listening(0) as listener:
        assert ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def test_no_address_leads_out_of_the_site(port: int, store: Store, finished: Training) -> None:
    (store.root / "secret.txt").write_text("secret")
    (store.root.parent / "site" / "link.txt").symlink_to(store.root / "secret.txt")
    for up in ("..", "%2e%2e", ".%2e", "..%5c", "%252e%252e", "....//", "recipes/../..", "assets/..%2f.."):
        for path in (
            f"/{up}/store/secret.txt",
            f"/{up}%2fstore%2fsecret.txt",
            f"//{up}/{up}/store/secret.txt",
        ):
            status, body, _ = ask(port, path)
            assert status in (400, 404, 405), path
            assert b"secret" not in body, path
    assert ask(port, "/link.txt")[0] == 404
    assert ask(port, "/%00")[0] in (400, 404)
    assert ask(port, "/" + "a" * 5000)[0] in (400, 404, 414)
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert ask(port, "/page.html", method)[0] == 405
    assert (store.root.parent / "site" / "page.html").read_text() == "<html lang='en'>"


def test_events_come_in_pages(port: int, finished: Training) -> None:
    first = read(port, "/runs/r/done/0/events?limit=4")
    rest = read(port, f"/runs/r/done/0/events?after={first['events'][-1]['id']}")
    assert (first["more"], rest["more"]) == (True, False)
    assert first["events"] + rest["events"] == finished.run.event_log()


def test_a_stream_replays_and_beats(port: int, finished: Training) -> None:
    log = finished.run.event_log()
    reader = Reader(port)
    assert reader.until("run.completed") == log
    beats = reader.messages()
    again = Reader(port, after=4)
    assert again.until("run.completed") == log[4:]
    again.close()
    opened = Reader(port, query="?after=5")  # as a page takes up again what it had let go
    assert opened.until("run.completed") == log[5:]
    opened.close()
    finished.record.message("still here")
    assert next(beats)[1][0]["text"] == "still here"
    late = Reader(port, after=finished.run.event_log()[-1]["id"])
    while late.comments < 2:  # nothing else comes
        assert late.response.readline().strip() in (b"", b": heartbeat", b"retry: 1000")
        late.comments += 1
    reader.close()
    late.close()


def test_no_more_than_ten_messages_a_second_and_no_event_less(port: int, store: Store) -> None:
    training = Training(store.run("r", "fast", 0)).begin()
    collected = Collected(Reader(port, path="/runs/r/fast/0"), "run.completed")
    while not collected.reader.messages_seen:  # that it has begun, before there is more to tell
        assert collected.is_alive()
        time.sleep(0.01)
    training.steps(300)
    training.record.completed(300, {})
    assert collected.all() == training.run.event_log()
    reader = collected.reader
    assert 1 < reader.messages_seen <= 1 + 10 * (time.monotonic() - reader.began)


def test_who_comes_again_in_mid_run_loses_and_doubles_nothing(port: int, store: Store) -> None:
    """Also where the run died meanwhile and goes on from a snapshot before what the reader has seen."""
    path = "/runs/r/died/0"
    training = Training(store.run("r", "died", 0)).begin().steps(4).snapshot().steps(4)
    first = Reader(port, path=path)
    seen: list[dict[str, Any]] = []
    for _, events in first.messages():
        seen += events
        if any(event.get("step") == 8 for event in events):
            break
    first.close()
    again = training.resumed(4).steps(3).snapshot()
    second = Reader(port, after=seen[-1]["id"], path=path)
    collected = Collected(second, "run.completed")
    again.steps(2)
    again.record.completed(again.step, {})
    seen += collected.all()
    assert seen == again.run.event_log()
    assert [event["id"] for event in seen] == list(range(1, len(seen) + 1))
    metrics = [event["step"] for event in again.run.events() if event["event"] == "train.metrics"]
    assert metrics == list(range(1, 10))
