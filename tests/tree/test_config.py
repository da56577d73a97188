"""Configurations: dataclasses that check their fields, say what is allowed in one line, and have a JSON schema."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Literal

import jsonschema
import pytest
import yaml

from acc_assets.datasets import DatasetConfig, Digits, ImageData, Mnist, SplitName
from acc_assets.families import ANALYSES
from acc_assets.models import ConvAutoencoder, FactorGroup
from acc_assets.recipes import vocabulary
from acc_assets.tasks import KLDivergenceTask, LinearRamp, ReconstructionTask
from acc_assets.tree import (
    DatasetRef,
    TrainPhase,
    canonical,
    config,
    json_schema,
    recipe_schema,
)
from acc_assets.tree.config import Positive

DIGITS = DatasetRef("digits", Digits())
VOCABULARY = vocabulary()
KINDS = [
    kind
    for group in (
        VOCABULARY.models,
        VOCABULARY.tasks,
        VOCABULARY.datasets,
        VOCABULARY.schedules,
        VOCABULARY.parts,
    )
    for kind in group.values()
] + [TrainPhase, *ANALYSES.values()]
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: TrainPhase(steps=1.5, tasks=()),
            "TrainPhase: steps is 1.5; allowed is a whole number from 1 to 1,000,000,000",
        ),
        (
            lambda: TrainPhase(tasks=()),
            "TrainPhase: steps is missing; allowed is a whole number from 1 to 1,000,000,000",
        ),
        (lambda: FactorGroup("a", 0, "3"), "FactorGroup: stop is '3'; allowed is a whole number from 0"),
        (
            lambda: FactorGroup("a", 0, 3, 4),
            "FactorGroup: 4 values stand without a name; fields by position are name, start, stop",
        ),
        (lambda: FactorGroup("a", 0, 3, stop=4), "FactorGroup: stop is given twice"),
        (lambda: FactorGroup("a", 3, 3), "FactorGroup: the slice is [3, 3); allowed is 0 <= start < stop"),
        (
            lambda: FactorGroup("a", 0, end=3),
            "FactorGroup: there is no field 'end'; fields are name, start, stop",
        ),
        (
            lambda: ConvAutoencoder(factor_groups=[{"name": "a", "start": 0, "stop": 3}]),
            "ConvAutoencoder: factor_groups is [{'name': 'a', 'start': 0, 'stop': 3}]; allowed is a list, each "
            "FactorGroup(name, start, stop)",
        ),
        (
            lambda: ConvAutoencoder(channels={8, 16}),
            "ConvAutoencoder: channels is {8, 16}; allowed "
            "is a list of at least 1, each a whole number from 1",
        ),
        (
            lambda: ReconstructionTask("recon", "digits"),
            "ReconstructionTask: dataset is 'digits'; allowed is a data set of the recipe, by its name",
        ),
        (
            lambda: ImageData("mine", "here", 1, 2, 3),
            "ImageData: train is 1; allowed is Split(images, targets)",
        ),
    ],
)
def test_an_error_is_one_line_with_class_field_value_and_what_is_allowed(make: Any, line: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the line is compared below)
        make()
    assert type(caught.value) is ValueError
    assert str(caught.value).splitlines()[0] == line
    assert "pydantic" not in str(caught.value)


def test_each_field_at_fault_has_its_line() -> None:
    with pytest.raises(ValueError, match="Mnist") as caught:
        Mnist(image_size=4, stratified="yes", seed=0)  # type: ignore[arg-type]
    assert str(caught.value).splitlines() == [
        "Mnist: image_size is 4; allowed is a whole number from 8 to 256",
        "Mnist: stratified is 'yes'; allowed is True or False",
    ]


def test_configurations_are_dataclasses_as_before() -> None:
    task = KLDivergenceTask("kl", DIGITS, weight=LinearRamp(0, 1, steps=4), latent_slice=[0, 3])  # type: ignore[arg-type]
    assert task.dataset is DIGITS  # the data set that the recipe loaded, not a copy of it
    assert task.latent_slice == (0, 3)
    assert task == KLDivergenceTask("kl", DIGITS, weight=LinearRamp(0.0, 1.0, 4), latent_slice=(0, 3))
    assert hash(task) == hash(copy.deepcopy(task)) == hash(pickle.loads(pickle.dumps(task)))
    assert dataclasses.replace(task, weight=2).weight == 2.0
    with pytest.raises(ValueError, match="weight is -1"):
        dataclasses.replace(task, weight=-1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.name = "other"  # type: ignore[misc]
    assert repr(Digits()) == "Digits(image_size=16, train_samples=None, stratified=False, seed=0)"
    assert canonical(task)["weight"] == {"type": "LinearRamp", "start": 0.0, "end": 1.0, "steps": 4}


def test_the_canonical_form_checks_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ConvAutoencoder(factor_groups=(FactorGroup("a", 0, 3),))
    for kind in (ConvAutoencoder, FactorGroup):
        monkeypatch.setattr(kind, "__init__", None)
    assert canonical(model)["channels"] == [8, 16]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plain(ReconstructionTask):
    """A plain dataclass of a user's; its own field is its own affair."""

    sharpness: float = "any"  # type: ignore[assignment]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlainData(DatasetConfig):
    image_size: int = 16
    anything: int = "any"  # type: ignore[assignment]
    name: ClassVar[str] = "plain"
    source = "nowhere"
    sizes: ClassVar[dict[SplitName, int]] = {}
    target_names = ()


@config
class Checked(KLDivergenceTask):
    free_nats: Positive = 1


def test_plain_dataclasses_of_a_users_are_checked_in_what_they_inherit_alone() -> None:
    task = Plain(name="mine", dataset=DIGITS, weight=2)
    assert (task.sharpness, task.weight, type(task)) == ("any", 2.0, Plain)
    assert canonical(task)["version"] == ReconstructionTask.version
    assert PlainData().anything == "any"
    with pytest.raises(ValueError, match=r"ReconstructionTask: weight is -1; allowed is"):
        Plain(name="mine", dataset=DIGITS, weight=-1)
    with pytest.raises(ValueError, match=r"sigma is 0.1, which error='bce'"):
        Plain(name="mine", dataset=DIGITS, sigma=0.1)


def test_our_decorator_checks_a_users_class() -> None:
    assert Checked("mine", DIGITS, free_nats=3).free_nats == 3
    with pytest.raises(ValueError, match="Checked: free_nats is 0; allowed is a whole number from 1"):
        Checked("mine", DIGITS, free_nats=0)
    with pytest.raises(ValueError, match="Checked: latent_slice is"):
        Checked("mine", DIGITS, latent_slice=(3, 3))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_configuration_has_a_json_schema(kind: type) -> None:
    schema = json_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]) == [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    assert schema["description"]
    assert schema["additionalProperties"] is False


def problems(document: Any) -> list[str]:
    schema = recipe_schema(VOCABULARY)
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.json_path for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


def test_the_yaml_examples_of_the_documentation_fit_the_schema() -> None:
    for name in ("recipe.yaml", "recipe_two_models.yaml"):
        assert problems(yaml.safe_load((DOCS / name).read_text())) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("lr: 0.002", "lr: -1", "$.nodes[1].phases[0].lr"),
        ("lr: 0.002", "learning_rate: 0.002", "$.nodes[1].phases[0]"),
        ("type: digits", "type: digitz", "$.datasets.digits"),
        ("image_size: 16}", "image_size: 1.5}", "$.datasets.digits"),
        ("image_size: 16\n", "image_size: 17\n", "$.model"),
        ("weight: 1.0", "weight: {type: ramp}", "$.nodes[0].tasks[1]"),
        ("    fork: root\n", "", "$.nodes[0]"),
        ("root: root\n", "", "$"),
        ("seeds: [0, 1, 2]", "seeds: 3", "$.seeds"),
    ],
)
def test_what_is_wrong_in_yaml_does_not_fit(old: str, new: str, place: str) -> None:
    text = (DOCS / "recipe.yaml").read_text()
    assert old in text
    assert place in problems(yaml.safe_load(text.replace(old, new, 1)))


def test_parts_schedules_and_analyses_fit_the_schema() -> None:
    document = yaml.safe_load((DOCS / "recipe.yaml").read_text())
    document["nodes"][0]["tasks"][1]["weight"] = {
        "type": "linear_ramp",
        "start": 0,
        "end": 1,
        "steps": "${steps}",
    }
    document["nodes"][1]["phases"][0] |= {
        "augment": {"shift_px": 2, "scale": [0.9, 1.1]},
        "early_stopping": {"task": "recon", "metric": "psnr"},
        "validate_every": 10,
    }
    document["nodes"][1]["evaluate"] = {
        "manifold": {"label_sets": ["digits"]},
        "interactive": {"points": 100},
    }
    assert problems(document) == []
    document["nodes"][1]["phases"][0]["augment"] = {"shift": 2}
    assert problems(document) == ["$.nodes[1].phases[0].augment"]


def test_what_a_base_leaves_open_is_asked_of_each_subclass() -> None:
    @config
    class Base(ABC):
        size: Positive

        @property
        @abstractmethod
        def word(self) -> str:
            """A word."""

    class Plain(Base):  # without @config of its own
        word = "plain"

    with pytest.raises(TypeError, match="abstract"):
        Base(size=1)
    assert (Plain(size=2).size, Plain(size=2).word) == (2, "plain")
    with pytest.raises(ValueError, match="size is 0; allowed is a whole number from 1"):
        Plain(size=0)


def test_a_plain_subclass_may_have_what_a_subclass_widened_and_is_checked_as_itself() -> None:
    @config
    class Base:
        kind: Literal["a", "b"] = "a"

        def __post_init__(self) -> None:
            if self.refused():
                raise ValueError("it is refused")

        def refused(self) -> bool:
            return True

    @config
    class Wider(Base):
        kind: Literal["a", "b", "c"] = "a"  # type: ignore[assignment]

        def __post_init__(self) -> None:
            super().__post_init__()

    class Plain(Wider):
        def refused(self) -> bool:
            return False

    assert Plain(kind="c").kind == "c"
    with pytest.raises(ValueError, match=r"^Wider: it is refused"):
        Wider()
    with pytest.raises(ValueError, match=r"^Plain: kind is 'd'; allowed is 'a' or 'b' or 'c'"):
        Plain(kind="d")
