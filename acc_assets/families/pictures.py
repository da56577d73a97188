"""Pictures of test images: their captions, and descriptions for those who do not see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acc_assets.families.dataset import DatasetFamily

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts

NAMED = 3  # classes that are counted by name; the others are "others"


class Classes:
    """The names of test images' classes; where the targets are no classes, images go without a name."""

    def __init__(self, run: RunArtifacts, shared: Artifacts) -> None:
        data = DatasetFamily(run.primary_dataset)
        names = data.facts_of(shared).get("class_names")
        self.names = [str(name) for name in names] if isinstance(names, list) else []
        self.targets = data.targets(shared) if self.names else None

    def of(self, indices: Any) -> list[str]:
        """The class of each of the test images that an artifact names; [] where they have none."""
        if self.targets is None or self.targets.ndim != 1 or not isinstance(indices, list):
            return []
        known = [index for index in indices if isinstance(index, int) and 0 <= index < len(self.targets)]
        labels = [int(self.targets[index]) for index in known]
        return [self.names[label] if label < len(self.names) else str(label) for label in labels]

    def counted(self, indices: Any) -> str:
        """The most frequent classes with how often they occur: "12 of class 1, 5 of class 7 and 3 others"."""
        names = self.of(indices)
        most = Counter(names).most_common(NAMED)
        rest = len(names) - sum(count for _, count in most)
        parts = [f"{count} of class {name}" for name, count in most]
        return ", ".join([*parts, *([f"{rest} others"] if rest else [])])

    def images(self, facts: Mapping[str, Any]) -> str:
        """The images of a document's `indices`, counted and named."""
        indices = facts.get("indices")
        count = f"{len(indices)} test images" if isinstance(indices, list) else "Test images"
        named = self.of(indices)
        return f"{count} ({', '.join(named)})" if named else count


def caption_of(facts: Mapping[str, Any], name: str) -> str:
    """Return the caption that the asset wrote for a picture; "" where it wrote none."""
    captions = facts.get("captions")
    own = captions.get(name) if isinstance(captions, Mapping) else facts.get("caption")
    return str(own) if own else ""


def factor_of(facts: Mapping[str, Any], factor: str) -> Mapping[str, Any]:
    """What a document says of one factor; {} where it says nothing."""
    factors = facts.get("factors")
    found = factors.get(factor) if isinstance(factors, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def factors_with(run: RunArtifacts, family: str, stem: str) -> list[str]:
    """Return the factors that a family has a picture `<stem>_<factor>.png` of, in the latent's order."""
    names = run.names(family, prefix=f"{stem}_", suffix=".png")
    there = {name[len(stem) + 1 : -4] for name in names}
    known = [str(group["name"]) for group in run.groups]
    extra: Sequence[str] = sorted(f for f in there - set(known) if not f.endswith("_dims"))
    return [factor for factor in known if factor in there] + list(extra)
