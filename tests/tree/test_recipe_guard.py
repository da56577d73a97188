"""Whatever a recipe file does, it becomes one line about itself, and every other recipe is found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from acc_assets.recipes import vocabulary
from acc_assets.tree import Discovered, RecipeError, discover, discover_file

GOOD = """
from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe

class Good(Recipe):
    name = "good"
    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4)
        ctx.save_checkpoint("root")
"""
UNPRINTABLE = """
class Mute(Exception):
    def __str__(self): raise {0}
raise Mute()
"""
LATER = """
from acc_assets.tree import Recipe
class Bad(Recipe):
    name = "bad"
    def run(self, ctx):
        {0}
"""


def beside_a_good_one(folder: Path, text: str, seconds: float = 10.0) -> Discovered:
    (folder / "bad.py").write_text(text)
    (folder / "good.py").write_text(GOOD)
    return discover([folder], vocabulary(), seconds=seconds)


@pytest.mark.parametrize("where", ["import", "run"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit()", "SystemExit: sys.exit(None)"),
        ("exit(0)", "SystemExit: sys.exit(0)"),
        ("quit('bye')", "SystemExit: sys.exit('bye')"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("f = lambda g: g(g); f(f)", "RecursionError"),
        ("raise ValueError('x' * 50_000_000 + ' the end')", "the end"),
        ("raise ValueError('two\\nlines \\x1b[31m and \\ud800')", "two lines \\x1b[31m and \\ud800"),
        ("import sys; sys.stdout.close(); sys.stderr.close(); sys.stdin.close(); 1 / 0", "ZeroDivisionError"),
        ("import sys; sys.stdout = sys.stderr = None; 1 / 0", "ZeroDivisionError"),
        ("import os; os.chdir('/'); 1 / 0", "ZeroDivisionError"),
        ("input()", "EOFError"),
        ("from acc_assets.recipes import find_recipes; find_recipes(); 1 / 0", "ZeroDivisionError"),
    ],
)
def test_one_line_for_a_file_that_raises(tmp_path: Path, where: str, code: str, message: str) -> None:
    before = sys.stdin, sys.stdout, sys.stderr, os.getcwd()
    found = beside_a_good_one(tmp_path, code if where == "import" else LATER.format(code))
    assert before == (sys.stdin, sys.stdout, sys.stderr, os.getcwd())
    assert list(found.trees) == ["good"]
    (broken,) = found.broken
    assert message in broken.error
    assert broken.line
    assert len(broken.error) < 700
    assert "\n" not in broken.error
    assert broken.error.isprintable()
    str(broken).encode()


@pytest.mark.parametrize("raised", ["ValueError", "SystemExit", "RecursionError"])
def test_an_error_that_cannot_be_printed(tmp_path: Path, raised: str) -> None:
    (broken,) = beside_a_good_one(tmp_path, UNPRINTABLE.format(raised)).broken
    assert "Mute, whose message cannot be shown" in broken.error


@pytest.mark.parametrize("where", ["import", "run"])
@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(10_000)",
        "import itertools; [None for _ in itertools.count() if False]",
        "import threading; threading.Event().wait()",
    ],
)
def test_an_endless_file_is_stopped_and_named_with_its_line(tmp_path: Path, where: str, code: str) -> None:
    started = time.monotonic()
    found = beside_a_good_one(tmp_path, code if where == "import" else LATER.format(code), seconds=0.3)
    assert time.monotonic() - started < 30
    assert list(found.trees) == ["good"]
    (broken,) = found.broken
    assert "longer than 0.3 s" in broken.error
    assert broken.line == (1 if where == "import" else 6)


def test_code_that_catches_everything_is_left_behind(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    loop = f"while not os.path.exists({str(stop)!r}):\n    try: time.sleep(0.01)\n    except BaseException: pass\n"
    (tmp_path / "stubborn.py").write_text(f"import os, time\n{loop}")
    (broken,) = discover([tmp_path], vocabulary(), seconds=0.3).broken
    assert "longer than" in broken.error
    (tmp_path / "stop").touch()
    deadline = time.monotonic() + 60
    while any(thread.name == "tracing stubborn.py" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_file_that_ran_out_of_time_is_tried_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("from _helper import x\n")
    begun = tmp_path / "begun"
    (tmp_path / "_helper.py").write_text(f"open({str(begun)!r}, 'a').write('once')\nwhile True: pass\n")
    for _ in range(2):
        assert "longer than" in discover_file(path, vocabulary(), seconds=0.5).broken[0].error
    assert begun.read_text() == "once"
    (tmp_path / "_helper.py").write_text("x = 1\n")
    path.write_text("from _helper import x\n" + GOOD)
    assert list(discover_file(path, vocabulary()).trees) == ["good"]


def test_it_holds_in_any_thread(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("while True: pass\n")
    (tmp_path / "good.py").write_text(GOOD)
    found: list[Discovered] = []
    threads = [
        threading.Thread(target=lambda: found.append(discover([tmp_path], vocabulary(), seconds=0.3)))
        for _ in range(4)
    ]
    before = sys.stdout
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sys.stdout is before
    assert [list(one.trees) for one in found] == [["good"]] * 4
    assert all(len(one.broken) == 1 for one in found)


def test_one_recipe_of_a_file_does_not_take_down_the_others_in_it(tmp_path: Path) -> None:
    found = discover_file_of(tmp_path, GOOD + LATER.format("1 / 0"))
    assert list(found.trees) == ["good"]
    assert [(one.name, one.line) for one in found.broken] == [("bad", 18)]


def test_an_error_in_a_helper_names_the_helper(tmp_path: Path) -> None:
    for text, message in (
        ("\n1 / 0\n", "ZeroDivisionError.*_helper.py:2"),
        ("x = (\n", "SyntaxError.*_helper.py:1"),
    ):
        (tmp_path / "_helper.py").write_text(text)
        (broken,) = discover_file_of(tmp_path, "\nimport _helper\n").broken
        assert re.search(message, broken.error), broken.error
        assert broken.line == 2


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(tmp_path / "pipe.yaml")
    found = discover([tmp_path], vocabulary(), seconds=0.5)
    assert list(found.trees) == ["good"]
    assert sorted(one.path.name for one in found.broken) == ["bytes.py", "bytes.yaml", "gone.py", "pipe.yaml"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere cannot be read.*ACC_RECIPES"):
        discover([tmp_path / "nowhere"], vocabulary())


def discover_file_of(folder: Path, text: str) -> Discovered:
    (folder / "file.py").write_text(text)
    return discover_file(folder / "file.py", vocabulary())


@pytest.mark.parametrize(
    "code",
    [
        "exit(0)",
        "import sys; sys.stdout.close(); raise SystemExit(0)",
        "import sys; sys.__stdout__.close(); sys.__stderr__.close()",
        "import os; os.close(0); os.close(1); os.close(2)",
        "import os; os.close(1); os.open('/dev/null', os.O_WRONLY)",
        "print('x' * 1000); raise ValueError('x' * 20_000_000)",
        "while True: pass",
    ],
)
def test_the_command_line_shows_every_other_recipe(tmp_path: Path, code: str) -> None:
    (tmp_path / "bad.py").write_text(code + "\n")
    (tmp_path / "good.py").write_text(GOOD)
    done = subprocess.run(
        [sys.executable, "-m", "acc_assets.cli", "recipes", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "ACC_RECIPES": str(tmp_path), "ACC_TRACE_SECONDS": "0.5"},
    )
    listed = json.loads(done.stdout)
    assert [one["name"] for one in listed["recipes"]] == ["good"]
    (broken,) = listed["broken"]
    assert broken["path"].endswith("bad.py")
    assert len(broken["error"]) < 700
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_the_limit_is_checked(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from acc_assets.recipes import trace_seconds

    monkeypatch.setenv("ACC_TRACE_SECONDS", text)
    with pytest.raises(RecipeError, match="ACC_TRACE_SECONDS"):
        trace_seconds()
