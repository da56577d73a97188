"""What pages say beside their numbers follows from artifacts: alternatives, seeds, starts, labels, headings."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from laboratory import A, B, Laboratory, Site, build_site, view_of
from test_report_broken_numbers import MANIFOLD, overwrite

from acc_assets.models import FullyConnectedAutoencoder
from acc_assets.report import Frame
from acc_assets.report.render import paragraphs, soft
from acc_assets.report.trees import start_of
from acc_assets.storage import Store
from acc_assets.tree import RecipeContext, trace


class Words(HTMLParser):
    """The pictures' alternatives, the headings' levels and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.alternatives: dict[str, str] = {}
        self.levels: list[int] = []
        self.text = ""
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._script = tag == "script"
        if tag == "img":
            self.alternatives[str(found["src"])] = str(found.get("alt"))
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._script else data


def page(result: Site, path: str = "recipes/quickstart/index.html") -> Words:
    return Words((result.folder / path).read_text())


def test_alternatives_say_what_is_seen(site: Site, lab: Store) -> None:
    found = {path.rsplit("quickstart/", 1)[1]: alt for path, alt in page(site).alternatives.items()}
    sorted_slant = found[f"{A}/seed-0/sorted_slant.png"]
    targets = lab.recipe("quickstart").read_npz("data-digits/test.npz")["targets"]
    ends = lab.run("quickstart", A, 0).read_json("sorted/sorted.json")["factors"]["slant"]
    label, count = Counter(targets[ends["lowest"]].tolist()).most_common(1)[0]
    assert f"lowest: {count} of class {label}" in sorted_slant
    moved = found[f"{A}/seed-0/traversal_slant.png"]
    rows = lab.run("quickstart", A, 0).read_json("traversals/traversals.json")["indices"]
    assert f"5 test images ({', '.join(map(str, targets[rows]))}), a row each" in moved
    assert "from −3.0 to 3.0 standard deviations in 9 columns" in moved
    assert "3 rows, one for each dimension of the slant slot" in found[f"{A}/seed-0/traversal_slant_dims.png"]
    assert "360 test images as points" in found[f"{A}/seed-0/latent-map-light.png"]


def test_every_picture_has_an_alternative_of_its_own(site: Site) -> None:
    for path in site.pages:
        pictures = page(site, path).alternatives
        own = {src.replace("-dark", "-light"): alt for src, alt in pictures.items()}
        assert all(own.values()), path
        assert len(set(own.values())) == len(own), path


def test_headings_skip_no_level(site: Site) -> None:
    for path in site.pages:
        levels = page(site, path).levels
        assert levels[:1] == [1]
        assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), path


def test_one_seed_has_no_spread(lab: Store, site: Site, rendered: Path, frame: Frame) -> None:
    one = page(build_site(frame, rendered, view_of(lab, seeds=(0,)))).text
    assert "Test split; one seed, so without a spread." in one
    for claim in (
        "standard deviation over",
        "Each dot is one seed;",
        "each thin line is one seed",
        "every seed",
    ):
        assert claim not in one
    assert "cannot be said with one seed" in one
    both = page(site).text
    assert "mean ± standard deviation over 2 seeds" in both


def test_the_verdict_stands_under_the_question(site: Site) -> None:
    text = page(site).text
    question = text.index("Does a synthetic curriculum make a latent slot mean stroke thickness?")
    assert question < text.index("Stroke thickness: ") < text.index("Hypothesis.")
    assert "Measured by linear probes on the latents" in text
    assert "Stroke thickness: " in page(site, "index.html").text


def test_a_root_is_the_common_start_only_where_it_is_the_only_one() -> None:
    class Roots(Laboratory):
        def run(self, ctx: RecipeContext, roots: int = 1) -> None:
            ctx.create_model(FullyConnectedAutoencoder)
            root = ctx.save_checkpoint("root")
            ctx.fork(root, "a")
            ctx.fork(root, "b")
            if roots > 1:
                ctx.create_model(FullyConnectedAutoencoder)
                ctx.fork(ctx.save_checkpoint("other"), "c")
                ctx.create_model(FullyConnectedAutoencoder)
                ctx.save_checkpoint("bare")

    one, three = trace(Roots()), trace(Roots(), roots=3)
    assert start_of(one, one["root"]) == "the common start"
    assert start_of(three, three["root"]) == "start of 2 branches"
    assert start_of(three, three["other"]) == "start of c"
    assert start_of(three, three["bare"]) == "nothing starts from it"


@pytest.mark.parametrize("labelled", [True, False])
def test_the_story_says_what_was_trained_with_labels(
    own_lab: Store, rendered: Path, frame: Frame, labelled: bool
) -> None:
    for name in (A, B):
        for seed in (0, 1):
            overwrite(own_lab, name, seed, "manifold/manifold.json", {**MANIFOLD, "pixels": MANIFOLD})
            run = own_lab.run("quickstart", name, seed)
            summary = run.read_json("summary.json")
            tasks = summary["tasks"].items()
            kept = {n: t for n, t in tasks if labelled or t["kind"] in ("reconstruction", "kl")}
            run.write_json("summary.json", {**summary, "tasks": kept})
    text = page(build_site(frame, rendered, view_of(own_lab, judged=True))).text
    if labelled:
        assert f"Trained with labels: {A} (digit_classify); {B} (digit_classify, thickness)." in text
        assert "Nothing was trained with labels" not in text
    else:
        assert "Nothing was trained with labels." in text


def test_the_story_says_which_split_was_measured_and_whose_labels_judge(
    own_lab: Store, rendered: Path, frame: Frame
) -> None:
    def story(sets: dict[str, str], split: str) -> str:
        for name, labels in sets.items():
            found = {labels: MANIFOLD["label_sets"]["few"]}  # type: ignore[index]
            document = {
                **MANIFOLD,
                "dataset": "digits",
                "split": split,
                "headline": labels,
                "label_sets": found,
            }
            for seed in (0, 1):
                overwrite(own_lab, name, seed, "manifold/manifold.json", document)
        return page(build_site(frame, rendered, view_of(own_lab, judged=True))).text

    shared = story({A: "digits", B: "digits"}, "test")
    assert "all but the first are measured on the test split" in shared
    assert "of the same 100 labelled images in every row" in shared
    apart = story({A: "digits", B: "others"}, "train")
    assert "all but the first are measured on the training split" in apart
    assert "trustworthiness, training split" in apart
    assert "Here branches are judged by different labelled images" in apart
    assert "its own training images" not in apart


def test_names_do_not_break_before_a_short_part() -> None:
    assert str(soft("mnist_only_5k")) == "mnist_<wbr>only_5k"
    assert str(soft("a_<b>_trained")) == "a_&lt;b&gt;_<wbr>trained"


def test_a_description_has_paragraphs_and_code_and_no_markup_of_its_own() -> None:
    told = paragraphs("Of `mixture` and `<b>`,\n<i>one</i> ` alone.\n \nThe other.\n")
    assert told == [
        "Of <code>mixture</code> and <code>&lt;b&gt;</code>,\n&lt;i&gt;one&lt;/i&gt; ` alone.",
        "The other.\n",
    ]
