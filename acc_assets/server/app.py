"""The routes of `acc serve`: runs, artifacts, events and the site; `/openapi.json` is their schema."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, FastAPI, Header, HTTPException, Query, Request
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, Response, StreamingResponse

from acc_assets.report import Frame
from acc_assets.server import answers, authoring, runs
from acc_assets.server.guard import BodyLimit, SameOrigin
from acc_assets.server.site import Site
from acc_assets.server.stream import HEARTBEAT, messages
from acc_assets.storage import MissingArtifact, RunDirectory, StorageError, Store, StoreUnreachable
from acc_assets.tree import RecipeError, RecordedFork, Tree

HOSTS = ["127.0.0.1", "localhost"]
SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'"}  # an artifact is never a page of ours
EVENTS_OF_A_PAGE = 1000


class Proposed(Protocol):
    """Forks to try next, the minutes that the training of one takes (None: not known), and why these."""

    @property
    def forks(self) -> Sequence[RecordedFork]: ...
    @property
    def minutes(self) -> float | None: ...
    @property
    def why(self) -> str: ...


@dataclass(frozen=True)
class Sources:
    """Where the answers come from.

    site: the folder of the site. frame: what its pages need, asked for where a page is not rendered yet. trees: the
    recipes by name, as they are now. cancel: terminates what makes a node and seed, and returns the ids of
    Dagster's runs; None where nothing can be cancelled from here. fork_form: JSON schema of what may be set of a fork
    of a tree's checkpoint; propose: which ones to try next within minutes, at most so many. record_fork, remove_fork,
    record_round: as in `assets.forks` and `assets.rounds`; build: begins to build a branch of a recipe, and goes on
    when the server ends; None where nobody may. refresh: brings the folder of the site up to date, where that is a
    copy. heartbeat: seconds.
    """

    store: Store
    site: Path
    frame: Callable[[], Frame]
    trees: Callable[[], Mapping[str, Tree]] = dict
    cancel: Callable[[str, str, int], list[str]] | None = None
    fork_form: Callable[[Tree, str], dict[str, Any]] | None = None
    propose: Callable[[Tree, str, float, int], Proposed] | None = None
    record_fork: Callable[[str, RecordedFork], Tree] | None = None
    remove_fork: Callable[[str, str], Sequence[str]] | None = None
    record_round: Callable[[str, str | None], Sequence[RecordedFork]] | None = None
    build: Callable[[str, str], None] | None = None
    refresh: Callable[[], object] | None = None
    heartbeat: float = HEARTBEAT

    def seeds(self, recipe: str, node: str) -> list[int]:
        """The seeds of a node, begun or not; none where there is no such node."""
        tree = self.trees().get(recipe)
        if tree is not None and node in tree.nodes:
            return list(tree.seeds)
        try:
            return self.store.seeds(recipe, node)
        except StorageError:
            return []


def create_app(sources: Sources) -> FastAPI:
    """The application; its streams end when `state.stopping()`, which a server sets."""
    app = FastAPI(
        title="acc_assets",
        version=version("acc-assets"),
        description="The runs of a store, their artifacts and their events; the site lies below `/`.",
        docs_url=None,  # it would load its scripts from elsewhere
        redoc_url=None,
    )
    app.state.sources, app.state.stopping = sources, lambda: False
    app.include_router(_router)
    app.include_router(authoring.router)
    app.add_exception_handler(StorageError, _explained)
    app.add_exception_handler(RecipeError, _explained)
    app.add_exception_handler(StoreUnreachable, _unreachable)
    app.mount("/", Site(sources.site, sources.frame, sources.seeds, sources.refresh), name="site")
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOrigin)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    return app


_router = APIRouter(tags=["runs"], responses={404: {"description": "There is no such run, file or picture."}})
_RUN = "/runs/{recipe}/{node}/{seed}"


async def _explained(_request: Request, error: Exception) -> JSONResponse:
    """Errors of store and recipes in their own words: what is not there, and what is damaged, no name or no setting."""
    return JSONResponse({"detail": str(error)}, 404 if isinstance(error, MissingArtifact) else 422)


async def _unreachable(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 503)


def _sources(request: Request) -> Sources:
    sources: Sources = request.app.state.sources
    return sources


def _run(request: Request, recipe: str, node: str, seed: int) -> RunDirectory:
    return _sources(request).store.run(recipe, node, seed)


@_router.get("/runs")
def list_runs(
    request: Request,
    recipe: str | None = None,
    node: str | None = None,
    seed: int | None = None,
    status: answers.Status | None = None,
) -> answers.Runs:
    """All runs, those at work first; filtered by what is given."""
    found = runs.all_runs(_sources(request).store, recipe, node, seed)
    kept = [run for run in found if status is None or run.status == status]
    return answers.Runs(runs=sorted(kept, key=runs.order, reverse=True))


@_router.get(_RUN)
def read_run(request: Request, recipe: str, node: str, seed: int) -> answers.RunDetail:
    """One run: configuration, summary and status."""
    return runs.detail_of(_run(request, recipe, node, seed))


@_router.get(_RUN + "/artifacts")
def list_artifacts(request: Request, recipe: str, node: str, seed: int) -> answers.Artifacts:
    """The families of a run with their files."""
    return runs.artifacts_of(_run(request, recipe, node, seed))


@_router.get(_RUN + "/artifacts/{path:path}", response_class=Response)
def read_artifact(request: Request, recipe: str, node: str, seed: int, path: str) -> Response:
    """One file of a run directory, checked against its manifest."""
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return Response(runs.file_of(_run(request, recipe, node, seed), path), media_type=kind, headers=SANDBOX)


@_router.get(_RUN + "/pictures")
def list_pictures(request: Request, recipe: str, node: str, seed: int) -> answers.Pictures:
    """The pictures that a run's families offer, as far as the present build has written them."""
    return _pictures(request, recipe, node, seed).listed()


@_router.get(_RUN + "/pictures/{family}/{name}", response_class=Response)
def read_picture(
    request: Request,
    recipe: str,
    node: str,
    seed: int,
    family: str,
    name: str,
    theme: Literal["light", "dark"] = "light",
) -> Response:
    """One of them as PNG."""
    png = _pictures(request, recipe, node, seed).png(family, name, theme)
    return Response(png, media_type="image/png", headers=SANDBOX)


def _pictures(request: Request, recipe: str, node: str, seed: int) -> runs.RunPictures:
    sources = _sources(request)
    run = sources.store.run(recipe, node, seed)
    return runs.RunPictures(sources.store, sources.trees().get(recipe), run)


@_router.get(_RUN + "/previews", response_model_exclude_unset=True)
def read_previews(
    request: Request, recipe: str, node: str, seed: int, after: Annotated[int, Query(ge=-1)] = -1
) -> answers.Previews:
    """What is drawn of the snapshots behind a step: reconstructions and a map of the latents."""
    return runs.previews_of(_run(request, recipe, node, seed), after)


@_router.get(_RUN + "/events", response_model=answers.EventPage)
def read_events(
    request: Request,
    recipe: str,
    node: str,
    seed: int,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=EVENTS_OF_A_PAGE)] = EVENTS_OF_A_PAGE,
) -> Response:
    """The events behind `after` as they were written, also those that a build gone back took out."""
    log = _run(request, recipe, node, seed).event_log()
    behind = [event for event in log if event["id"] > after]
    return JSONResponse({"events": behind[:limit], "more": len(behind) > limit})


@_router.get(
    _RUN + "/events/stream",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Messages, each a JSON array of events.", "content": {"text/event-stream": {}}}
    },
)
async def stream_events(
    request: Request,
    recipe: str,
    node: str,
    seed: int,
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
    after: Annotated[int | None, Query(ge=0)] = None,
) -> StreamingResponse:
    """The events as they come, behind `Last-Event-ID` or `after`, else from the beginning of the present build.

    It may be asked before that begins.
    """
    reader = _run(request, recipe, node, seed).follow_events(
        after if last_event_id is None else last_event_id
    )
    found = messages(reader, request.app.state.stopping, _sources(request).heartbeat)
    return StreamingResponse(found, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@_router.post(_RUN + "/cancel")
def cancel_run(request: Request, recipe: str, node: str, seed: int) -> answers.Cancelled:
    """Terminate what makes this node and seed; its training ends the step under way and writes a snapshot."""
    cancel = _sources(request).cancel
    found = cancel(recipe, node, seed) if cancel is not None else []
    if not found:
        raise HTTPException(409, "no run of Dagster is at work on it, so there is nothing to cancel here")
    return answers.Cancelled(runs=found)
