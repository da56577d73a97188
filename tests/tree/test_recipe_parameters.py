"""The parameters of a recipe: of the type of their default, and what an annotation of `run` says."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from test_recipe_tracing import started

from acc_assets.tree import Recipe, RecipeContext, RecipeError, trace
from acc_assets.tree.config import Amount


@pytest.mark.parametrize(
    ("default", "given", "taken"),
    [
        (600, "abc", None),
        (600, 1.5, None),
        (600, True, None),
        (600, None, None),
        (0.5, "abc", None),
        (0.5, True, None),
        (True, 1, None),
        (True, "yes", None),
        ("adam", 3, None),
        ((4, 8), 3, None),
        (600, 12, 12),
        (0.5, 1, 1.0),
        (False, True, True),
        ("adam", "sgd", "sgd"),
        ((4, 8), [1, 2], (1, 2)),
        (None, "anything", "anything"),
    ],
)
def test_a_parameter_has_the_type_of_its_default(default, given, taken) -> None:
    class Tried(Recipe):
        name = "tried"

        def run(self, ctx: RecipeContext, option=default) -> None:
            started(ctx)

    if taken is None:
        with pytest.raises(
            RecipeError, match=rf"parameter 'option' is .*; its default {re.escape(repr(default))}"
        ):
            trace(Tried(), option=given)
    else:
        value = trace(Tried(), option=given).parameters["option"]
        assert (value, type(value)) == (taken, type(taken))


class Annotated(Recipe):
    """Its parameters may be less than any text or number."""

    name = "annotated"

    def run(
        self,
        ctx: RecipeContext,
        data: Literal["mnist", "digits"] = "digits",
        weight: Amount = 1.0,
        slant: float | None = None,
    ) -> None:
        started(ctx)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": "cifar"}, r"data.*'mnist' or 'digits'"),
        ({"weight": -1.0}, r"weight.*-1"),
        ({"slant": "much"}, r"slant.*much"),
    ],
)
def test_an_annotation_says_what_a_parameter_may_be(given, message: str) -> None:
    right = {"data": "mnist", "weight": 2, "slant": 0.5}
    assert trace(Annotated(), **right).parameters == right
    with pytest.raises(RecipeError, match=message):
        trace(Annotated(), **given)


def test_an_annotation_that_cannot_be_read_is_named() -> None:
    class Tried(Recipe):
        name = "tried"

        def run(self, ctx: RecipeContext, option: Nowhere = 3) -> None:  # type: ignore[name-defined] # noqa: F821
            started(ctx)

    with pytest.raises(RecipeError, match=r"Nowhere.*TYPE_CHECKING"):
        trace(Tried())


def test_a_parameter_that_is_not_plain_is_refused() -> None:
    class Tried(Recipe):
        name = "tried"

        def run(self, ctx: RecipeContext, option=object()) -> None:  # noqa: B008
            started(ctx)

    with pytest.raises(RecipeError, match=r"parameter 'option'.*numbers, text, lists"):
        trace(Tried())
