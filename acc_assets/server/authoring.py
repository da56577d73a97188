"""What a person changes on the served site: labels of training images, and forks beside a recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request

from acc_assets.server import answers
from acc_assets.storage import LabelFile
from acc_assets.tree import RecordedFork, Tree

if TYPE_CHECKING:
    from acc_assets.server.app import Sources

P = ParamSpec("P")
T = TypeVar("T")

router = APIRouter(
    tags=["authoring"],
    responses={
        404: {"description": "There is no such recipe."},
        413: {"description": "The body is too large."},
    },
)


def _sources(request: Request) -> Sources:
    sources: Sources = request.app.state.sources
    return sources


def _tree(request: Request, recipe: str) -> Tree:
    tree = _sources(request).trees().get(recipe)
    if tree is None:
        raise HTTPException(404, f"there is no recipe '{recipe}'")
    return tree


def _allowed(what: Callable[P, T] | None) -> Callable[P, T]:
    if what is None:
        raise HTTPException(409, "that cannot be done from here")
    return what


@router.get("/labels/{recipe}")
def read_labels(request: Request, recipe: str) -> answers.GivenLabels:
    """What people said of the training images, and the lines that give no label."""
    classes, images = _tree(request, recipe).label_pool()
    found = LabelFile(_sources(request).store, recipe).read(classes, images)
    return answers.GivenLabels(
        classes=list(classes),
        images=images,
        given={index: classes[label] for index, label in found.given.items()},
        said=found.said,
        problems=list(found.problems),
        lines=found.lines,
        sha256=found.digest,
    )


@router.post("/labels/{recipe}")
def give_labels(request: Request, recipe: str, labels: answers.NewLabels) -> answers.GivenLabels:
    """Add labels, all or none; a later one of the same person counts, and an empty one takes it back."""
    classes, images = _tree(request, recipe).label_pool()
    LabelFile(_sources(request).store, recipe).append(labels.labels, classes, images)
    return read_labels(request, recipe)


@router.post("/labels/{recipe}/round")
def begin_round(request: Request, recipe: str, asked: answers.Round) -> answers.Forks:
    """Record a round of labels: forks of the branches that read them, which are to be built."""
    _tree(request, recipe)
    record = _allowed(_sources(request).record_round)
    return answers.Forks(forks=list(record(recipe, asked.node)))


@router.get("/forks/{recipe}")
def list_forks(request: Request, recipe: str) -> answers.Forks:
    """The forks that were recorded beside a recipe, as far as it has a place for them."""
    return answers.Forks(forks=list(_tree(request, recipe).forks))


@router.get("/forks/{recipe}/{node}/form")
def read_form(request: Request, recipe: str, node: str) -> dict[str, Any]:
    """JSON schema of a fork of a checkpoint: name, steps and settings, with what they are of themselves."""
    tree = _tree(request, recipe)
    if node not in tree.nodes:
        raise HTTPException(404, f"there is no checkpoint '{node}'")
    return _allowed(_sources(request).fork_form)(tree, node)


@router.get("/proposals/{recipe}/{node}")
def read_proposals(
    request: Request,
    recipe: str,
    node: str,
    minutes: Annotated[float, Query(gt=0, allow_inf_nan=False)] = 20,
    count: Annotated[int, Query(ge=1, le=20)] = 3,
) -> answers.Proposals:
    """Forks of a checkpoint to try next, as far as their training fits into the minutes; none is recorded by it."""
    tree = _tree(request, recipe)
    if node not in tree.nodes:
        raise HTTPException(404, f"there is no checkpoint '{node}'")
    found = _allowed(_sources(request).propose)(tree, node, minutes, count)
    return answers.Proposals(forks=list(found.forks), minutes=found.minutes, why=found.why)


@router.post("/forks/{recipe}")
def record_fork(request: Request, recipe: str, fork: RecordedFork) -> answers.Forks:
    """Record a fork; one that the recipe has no place for is refused with what is allowed."""
    _tree(request, recipe)
    record = _allowed(_sources(request).record_fork)
    return answers.Forks(forks=list(record(recipe, fork).forks))


@router.post("/forks/{recipe}/{name}/build")
def build_fork(request: Request, recipe: str, name: str) -> answers.Begun:
    """Begin to build a recorded fork with what it is made from; it goes on when the server ends."""
    if name not in {fork.name for fork in _tree(request, recipe).forks}:
        raise HTTPException(404, f"no fork '{name}' is recorded")
    _allowed(_sources(request).build)(recipe, name)
    return answers.Begun(command=f"acc build {recipe} --select {name}")


@router.delete("/forks/{recipe}/{name}")
def remove_fork(request: Request, recipe: str, name: str) -> answers.RemovedFork:
    """Take a recorded fork away; what it has stored is kept."""
    _tree(request, recipe)
    remove = _allowed(_sources(request).remove_fork)
    return answers.RemovedFork(name=name, kept=list(remove(recipe, name)))
