"""The answer under a recipe's question, for stores whose probes say different things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from laboratory import A, B, view_of, with_nodes

from acc_assets.report import RecipeView, compare
from acc_assets.report.verdict import Verdict, verdict
from acc_assets.storage import Store

Slots = Mapping[str, float]  # slot -> R² of the stroke thickness


def with_thickness(
    store: Store, before: Slots, after: Slots, seeds: tuple[int, ...] = (0, 1)
) -> Verdict | None:
    """The verdict where the slots of both branches predict the thickness so well, a little apart in each seed."""
    for node, values in ((A, before), (B, after)):
        for seed in (0, 1):
            run = store.run("quickstart", node, seed)
            metrics = run.read_json("metrics/metrics.json")
            metrics["probes"] = [
                {"slice": slot, "property": "stroke_thickness", "r2": value + 0.01 * seed, "n": 2000}
                for slot, value in values.items()
            ]
            with run.family("metrics") as out:
                out.json("metrics.json", metrics)
    return verdict(compare(view_of(store, seeds=seeds)))


def answer(found: Verdict | None) -> tuple[str, str]:
    assert found is not None
    (only,) = found.answers
    return only.head, only.text


def test_a_slot_that_came_to_mean_its_property_is_a_yes(own_lab: Store) -> None:
    found = with_thickness(own_lab, {"thickness": 0.2, "free": 0.1}, {"thickness": 0.8, "free": 0.1})
    head, text = answer(found)
    assert head == "Stroke thickness: yes"
    assert text == "the thickness slot predicts it with R² 0.805 instead of 0.205"
    assert found is not None
    assert found.how.endswith(f"{B} against {A}, seed by seed over 2 seeds, which is weak evidence.")


def test_what_another_slot_lost_is_told(own_lab: Store) -> None:
    head, text = answer(
        with_thickness(own_lab, {"thickness": 0.2, "free": 0.6}, {"thickness": 0.8, "free": 0.1})
    )
    assert head == "Stroke thickness: yes"
    assert "the free slot predicts it with R² 0.105 instead of 0.605" in text


def test_a_property_that_moved_elsewhere_is_a_no(own_lab: Store) -> None:
    head, text = answer(with_thickness(own_lab, {"digit": 0.5, "thickness": 0.2, "free": 0.1},
                                       {"digit": 0.1, "thickness": 0.3, "free": 0.7}))  # fmt: skip
    assert head == "Stroke thickness: no, it moved to the free slot"
    assert "the thickness slot predicts it with R² 0.305 instead of 0.205" in text
    little, _ = answer(
        with_thickness(own_lab, {"thickness": 0.1, "free": 0.2}, {"thickness": 0.1, "free": 0.3})
    )
    assert little == "Stroke thickness: no, the free slot predicts it better"
    stayed, _ = answer(
        with_thickness(own_lab, {"thickness": 0.2, "free": 0.6}, {"thickness": 0.3, "free": 0.7})
    )
    assert stayed == "Stroke thickness: no, it is in the free slot"


def test_little_is_called_weak_and_nothing_is_called_unclear(own_lab: Store) -> None:
    weak, _ = answer(
        with_thickness(own_lab, {"thickness": 0.05, "free": 0.0}, {"thickness": 0.3, "free": 0.0})
    )
    assert weak == "Stroke thickness: weakly"
    same, _ = answer(
        with_thickness(own_lab, {"thickness": 0.80, "free": 0.1}, {"thickness": 0.805, "free": 0.1})
    )
    assert same == "Stroke thickness: no clear difference"
    tied, _ = answer(
        with_thickness(own_lab, {"thickness": 0.1, "free": 0.1}, {"thickness": 0.6, "free": 0.6})
    )
    assert tied == "Stroke thickness: no slot clearly holds it"
    less, _ = answer(
        with_thickness(own_lab, {"thickness": 0.8, "free": 0.1}, {"thickness": 0.6, "free": 0.1})
    )
    assert less == "Stroke thickness: less than before"


def test_one_seed_says_nothing(own_lab: Store) -> None:
    slots = ({"thickness": 0.2, "free": 0.1}, {"thickness": 0.8, "free": 0.1})
    found = with_thickness(own_lab, *slots, seeds=(0,))
    assert answer(found)[0] == "Stroke thickness: cannot be said with one seed"
    assert found is not None
    assert found.how.endswith("with one seed.")


def test_without_named_slots_the_change_is_judged_by_the_first_number(own_lab: Store) -> None:
    found = with_thickness(own_lab, {}, {})
    assert found is not None
    assert found.how.startswith("Measured by digit_classify accuracy:")
    assert [one.head for one in found.answers] in (["Better"], ["Worse"], ["No clear difference"])
    assert found.answers[0].text.startswith("task thickness (")


def test_one_branch_or_none_has_no_verdict(lab: Store, view: RecipeView) -> None:
    alone = with_nodes(view, lambda node: replace(node, evaluated=node.tag == B))
    assert verdict(compare(alone)) is None
    assert verdict(compare(view_of(lab, seeds=(7,)))) is None
