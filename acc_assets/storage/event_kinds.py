"""The kinds of events in `events.jsonl` and their fields: what readers may rely on, and what `/openapi.json` shows."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

Loss: TypeAlias = float | None  # null: not finite, or not drawn since the last row


class Recorded(BaseModel):
    """What every event carries; later versions may add fields."""

    model_config = ConfigDict(extra="allow")

    id: int = Field(ge=1, description="its number in the log, one more than that of the event before")
    schema_: int = Field(alias="schema", description="version of the meaning of events")
    time: str = Field(description="when it was written, ISO 8601 in UTC")


class RunCreated(Recorded):
    """A build begins anew; no earlier event stands any more."""

    event: Literal["run.created"]
    recipe: str
    node: str
    seed: int
    spec_hash: str = Field(description="hash of the node's canonical specification")


class RunStarted(Recorded):
    """The build is at work."""

    event: Literal["run.started"]
    step: int = Field(description="along the lineage, where the node begins")


class RunResumed(Recorded):
    """An interrupted build goes on from a snapshot; earlier events of later steps stand no more."""

    event: Literal["run.resumed"]
    step: int = Field(description="that of the snapshot")


class RunMessage(Recorded):
    """A remark, such as what a model lacks or which snapshot could not be read."""

    event: Literal["run.message"]
    text: str


class TrainMetrics(Recorded):
    """Means over the steps since the row before."""

    event: Literal["train.metrics"]
    step: int
    phase: str
    total: Loss = Field(description="the weighted sum")
    lr: float
    losses: dict[str, Loss] = Field(description="by task, unweighted")
    diagnostics: dict[str, Loss | list[Loss]] | None = Field(
        default=None, description="by `<task>/<name>`; of a vector all its elements"
    )


class TrainProgress(Recorded):
    """How far the training is."""

    event: Literal["train.progress"]
    step: int
    done: int = Field(description="steps of this node")
    of: int
    elapsed_s: float = Field(description="seconds on this run, interrupted parts included")
    steps_per_s: float
    remaining_s: float


class TrainValidated(Recorded):
    """A pass over the validation split."""

    event: Literal["train.validated"]
    step: int
    metrics: dict[str, dict[str, Loss]] = Field(description="by task and metric")


class ArtifactCreated(Recorded):
    """A family of artifacts was written and is whole; one that is written again as it was is not told."""

    event: Literal["artifact.created"]
    family: str = Field(description="its folder")
    version: str = Field(description="data version: 16 digits of the manifest's digest")
    files: int
    bytes: int = Field(description="of all its files")
    step: int | None = Field(default=None, description="of snapshots and curves")
    file: str | None = Field(default=None, description="the snapshot")
    preview: str | None = Field(default=None, description="what is drawn of the snapshot")


class ProjectionProgress(Recorded):
    """How far the maps of the latents are."""

    event: Literal["projection.progress"]
    done: int = Field(description="passes over the points, of all maps")
    of: int


class RunCompleted(Recorded):
    """Training came to its end."""

    event: Literal["run.completed"]
    step: int
    elapsed_s: float


class RunCancelled(Recorded):
    """Training stopped as it was asked to, with a snapshot to go on from."""

    event: Literal["run.cancelled"]
    step: int
    elapsed_s: float


class RunFailed(Recorded):
    """Training broke off."""

    event: Literal["run.failed"]
    step: int
    error: str


class AssetFailed(Recorded):
    """An asset of the node could not be made."""

    event: Literal["asset.failed"]
    asset: str
    why: str
    run: str = Field(description="Dagster's run")


class CheckFailed(Recorded):
    """A check of what was made failed."""

    event: Literal["check.failed"]
    asset: str
    check: str
    why: str
    version: str = Field(description="data version of what was checked")
    run: str = Field(description="Dagster's run")


Event: TypeAlias = Annotated[
    RunCreated
    | RunStarted
    | RunResumed
    | RunMessage
    | TrainMetrics
    | TrainProgress
    | TrainValidated
    | ArtifactCreated
    | ProjectionProgress
    | RunCompleted
    | RunCancelled
    | RunFailed
    | AssetFailed
    | CheckFailed,
    Field(discriminator="event"),
]
KINDS: dict[str, type[Recorded]] = {
    get_args(kind.model_fields["event"].annotation)[0]: kind for kind in get_args(get_args(Event)[0])
}
