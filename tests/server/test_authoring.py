"""Labels and forks over a real connection: what is right is kept, what is wrong is told, and strangers are refused."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from built_tiny import environment
from live_run import sources

from acc_assets.assets import live
from acc_assets.server import listening, serving
from acc_assets.server.guard import MAX_BODY, BodyLimit
from acc_assets.storage import LabelFile, Store

RECIPE = """
from acc_assets.datasets import Digits, Labelled
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Log, Recipe

class Asked(Recipe):
    name = "asked"
    def run(self, ctx):
        some = ctx.load_dataset("some", Labelled, of=Digits(image_size=8), people="asked")
        ctx.create_model(ConvAutoencoder, image_size=8, latent_dim=4, channels=(4,))
        ctx.attach_task(ReconstructionTask("recon", some))
        ctx.save_checkpoint("root")
        ctx.train(steps=2)
        ctx.save_checkpoint("done")
        ctx.open("root", {"train.lr": Log(1e-4, 1e-1)}, metric="recon.psnr")

class Silent(Asked):
    name = "silent"
"""


BEGUN: list[tuple[str, ...]] = []


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("authoring")
    (folder / "asked.py").write_text(RECIPE)
    with environment(folder / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(folder))
        yield Store()


@pytest.fixture(scope="module")
def port(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    own = live.sources(store, begun=False)
    more = {
        name: getattr(own, name)
        for name in ("trees", "fork_form", "propose", "record_fork", "remove_fork", "record_round")
    }
    more["build"] = lambda *branch: BEGUN.append(branch)
    folder = tmp_path_factory.mktemp("site")
    with listening(0) as listener, serving(sources(store, folder, **more), listener):
        yield listener.getsockname()[1]


def send(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = (
        body
        if isinstance(body, bytes | Iterator)
        else json.dumps(body).encode()
        if body is not None
        else None
    )
    connection.request(method, path, data, {"Content-Type": "application/json", **named})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text) if text.startswith((b"{", b"[")) else text


def label(index: int, word: str, person: str = "ann") -> dict[str, Any]:
    return {"person": person, "index": index, "label": word}


def test_labels_are_added_read_and_taken_back(port: int, store: Store) -> None:
    status, found = send(port, "POST", "/labels/asked", {"labels": [label(3, "7"), label(4, "1")]})
    assert (status, found["given"], found["lines"]) == (200, {"3": "7", "4": "1"}, 3)
    send(port, "POST", "/labels/asked", {"labels": [label(4, ""), label(3, "8", "bob")]})
    status, found = send(port, "GET", "/labels/asked")
    assert (status, found["given"], found["images"]) == (200, {}, 1257)
    assert found["said"] == {"3": {"ann": "7", "bob": "8"}}
    assert [(one["line"], one["conflict"]) for one in found["problems"]] == [(5, True)]
    assert found["classes"] == list("0123456789")


@pytest.mark.parametrize(
    "labels",
    [
        [],
        [label(0, "1"), label(1257, "1")],
        [label(0, "1"), label(1, "cat")],
        [label(-1, "1")],
        [label(0, "1", "")],
        [label(0, "1", "ann\n=1+1")],
        [{**label(0, "1"), "more": 1}],
        [label(0, "1")] * 1001,
        "nothing",
    ],
)
def test_labels_that_cannot_be_are_refused_together(port: int, store: Store, labels: Any) -> None:
    before = LabelFile(store, "asked").lines()
    status, told = send(port, "POST", "/labels/asked", {"labels": labels})
    assert (status, LabelFile(store, "asked").lines()) == (422, before)
    assert told["detail"]


def test_forks_are_recorded_listed_and_removed(port: int) -> None:
    fork = {"name": "by_hand", "checkpoint": "root", "settings": {"train.lr": 0.01}, "steps": 3}
    status, found = send(port, "POST", "/forks/asked", fork)
    assert (status, [one["name"] for one in found["forks"]]) == (200, ["by_hand"])
    for wrong, told in (
        ({"name": "other", "settings": {"task.recon.wight": 1}}, "task.recon.dataset, task.recon.weight"),
        ({"name": "by_hand"}, "is taken"),
        ({"name": "../../x"}, "is not a valid name"),
    ):
        status, found = send(port, "POST", "/forks/asked", {**fork, **wrong})
        assert status == 422
        assert told in found["detail"]
    assert send(port, "POST", "/forks/asked", {**fork, "steps": "3"})[0] == 422
    assert send(port, "POST", "/forks/asked/nobody/build")[0] == 404
    assert BEGUN == []
    assert send(port, "POST", "/forks/asked/by_hand/build")[0] == 200
    assert BEGUN == [("asked", "by_hand")]
    assert send(port, "DELETE", "/forks/asked/nobody")[0] == 422
    assert send(port, "DELETE", "/forks/asked/by_hand") == (200, {"name": "by_hand", "kept": []})
    assert send(port, "GET", "/forks/asked") == (200, {"forks": []})


def test_the_form_of_a_fork_has_what_may_be_set_with_what_it_is(port: int) -> None:
    node = "root"
    status, form = send(port, "GET", f"/forks/asked/{node}/form")
    assert status == 200
    jsonschema.Draft202012Validator.check_schema(form)
    assert (form["properties"]["name"]["default"], form["properties"]["steps"]["default"]) == ("root_fork", 2)
    assert form["properties"]["name"]["not"] == {"enum": ["root", "done"]}
    recon = form["properties"]["task"]["properties"]["recon"]["properties"]
    assert recon["dataset"] == {"enum": ["some"], "default": "some"}
    assert (recon["weight"]["default"], "type" in recon, "name" in recon) == (1.0, False, False)
    assert form["properties"]["train"]["properties"]["optimizer"]["enum"] == ["adam", "adamw", "sgd"]
    # Every field of the form is a key that a fork takes, and there is no other: the server names the same ones.
    for place, part, key in (
        (form["properties"]["task"]["properties"]["recon"], "task.recon", "task.recon.wight"),
        (form["properties"]["train"], "train", "train.wight"),
    ):
        wrong = {"name": "other", "checkpoint": "root", "settings": {key: 1}}
        status, told = send(port, "POST", "/forks/asked", wrong)
        named = re.findall(rf"{part}\.(\w+)", told["detail"].partition("settings are ")[2])
        assert (status, set(named)) == (422, set(place["properties"]))
    assert send(port, "GET", "/forks/asked/nobody/form")[0] == 404


def test_what_is_proposed_next_can_be_recorded(port: int) -> None:
    status, found = send(port, "GET", "/proposals/asked/root?minutes=5&count=2")
    (fork,) = found["forks"]
    assert (status, found["minutes"], fork["checkpoint"], list(fork["settings"])) == (
        200,
        None,
        "root",
        ["train.lr"],
    )
    assert "Nothing is known yet" in found["why"]
    assert send(port, "GET", "/forks/asked") == (200, {"forks": []})  # until a person accepts it
    assert send(port, "POST", "/forks/asked", fork) == (200, {"forks": [fork]})
    status, again = send(port, "GET", "/proposals/asked/root")
    assert again["forks"][0]["name"] != fork["name"]
    assert send(port, "DELETE", f"/forks/asked/{fork['name']}")[0] == 200
    status, told = send(port, "GET", "/proposals/asked/done")
    assert (status, "Add to its end: ctx.open(" in told["detail"]) == (422, True)
    for path, refused in (("asked/nobody", 404), ("nobody/root", 404), ("asked/root?minutes=nan", 422)):
        assert send(port, "GET", f"/proposals/{path}")[0] == refused
    for wrong in ("minutes=0", "minutes=inf", "count=0", "count=21"):
        assert send(port, "GET", f"/proposals/asked/root?{wrong}")[0] == 422


def test_a_round_is_recorded_once_there_is_a_label_that_nothing_was_trained_with(
    port: int, store: Store
) -> None:
    status, told = send(port, "POST", "/labels/asked/round", {})
    assert (status, "nothing was trained with labels yet" in told["detail"]) == (422, True)
    seen = {"datasets": {"some": {"labels": {"lines": 1}}}}
    store.run("asked", "done", 0).write_json("config.json", seen)
    status, found = send(port, "POST", "/labels/asked/round", {"node": "done"})
    assert (status, [(one["name"], one["labels"]) for one in found["forks"]]) == (
        200,
        [("root_round_2", {"some": 1})],
    )
    assert send(port, "DELETE", "/forks/asked/root_round_2")[0] == 200
    store.run("asked", "done", 0).remove("config.json")


def test_recipes_that_have_none_say_so(port: int) -> None:
    for path in ("/labels/nobody", "/forks/nobody", "/labels/..%2f..%2fx"):
        assert send(port, "GET", path)[0] == 404
    status, told = send(port, "GET", "/labels/silent")
    assert status == 422
    assert "people='silent'" in told["detail"]


def test_strangers_and_large_bodies_write_nothing(port: int, store: Store) -> None:
    before = LabelFile(store, "asked").lines()
    body = {"labels": [label(7, "7")]}
    for headers in ({"Origin": "http://example.org"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        assert send(port, "POST", "/labels/asked", body, **headers)[0] == 403
        assert send(port, "DELETE", "/forks/asked/x", **headers)[0] == 403
        for path in ("/labels/asked/round", "/forks/asked/x/build"):
            assert send(port, "POST", path, {}, **headers)[0] == 403
    assert send(port, "POST", "/labels/asked", body, Host="example.org")[0] == 400
    assert send(port, "POST", "/labels/asked", b" " * (MAX_BODY + 1))[0] == 413
    assert send(port, "POST", "/forks/asked", b"[" * 10_000)[0] in (400, 422)
    assert LabelFile(store, "asked").lines() == before
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}
    assert send(port, "POST", "/labels/asked", body, **own)[0] == 200


def test_a_body_without_a_length_is_read_no_further_than_allowed() -> None:
    asked, answered = [], []

    async def receive() -> dict[str, Any]:
        asked.append(65_536)
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    async def send_on(message: Any) -> None:
        answered.append(message)

    async def never(*_: Any) -> None:
        raise AssertionError("the application was asked")

    asyncio.run(BodyLimit(never)({"type": "http", "method": "POST", "headers": []}, receive, send_on))
    assert answered[0]["status"] == 413
    assert sum(asked) <= MAX_BODY + 65_536
