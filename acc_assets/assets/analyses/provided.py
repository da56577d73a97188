"""A user's own plot or metric: one function of what the model makes of the test split."""

from __future__ import annotations

import io
import math
from dataclasses import asdict
from typing import Any

from acc_assets.assets.evaluated import evaluated
from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.families import Chart, Provided
from acc_assets.families.providers import ProviderError

DOTS_PER_INCH = 150


def run(work: NodeWork) -> Outcome:
    """Call the function and write what it gave; raises `ProviderError` that names it, whatever is wrong with it."""
    request: Provided = work.request
    found = evaluated(work)
    place = f"the {request.kind} '{request.name}' ({request.function.__qualname__} in {_file(request)})"
    try:
        why = request.reason(found)
        made = request.function(found) if why is None else None
    except Exception as error:
        line = error.__traceback__ and _line(error, request)
        raise ProviderError(
            f"{place} failed{f' at line {line}' if line else ''}: {type(error).__name__}: {error}"
        ) from error
    if why is not None:
        return left_out(work, str(why))
    document, picture = (
        _number(made, place) if request.kind == "metric" else _shown(made, place, request.name)
    )
    with work.folder.family(request.name) as out:
        if picture is not None:
            out.png(document["picture"], picture)
        out.json(request.family.document, document)
    return Outcome(metadata={request.family.title: document["value"]} if "value" in document else {})


def _number(made: Any, place: str) -> tuple[dict[str, Any], None]:
    try:
        value = float(made)
    except (TypeError, ValueError):
        raise ProviderError(f"{place} gave a {type(made).__name__}; a metric gives one number") from None
    if not math.isfinite(value):
        raise ProviderError(f"{place} gave {value}; a metric gives a finite number")
    return {"value": value}, None


def _shown(made: Any, place: str, name: str) -> tuple[dict[str, Any], bytes | None]:
    if isinstance(made, Chart):
        return {"chart": asdict(made)}, None
    if not callable(getattr(made, "savefig", None)):
        raise ProviderError(
            f"{place} gave a {type(made).__name__}; a plot gives a Chart or a figure of matplotlib"
        )
    png = io.BytesIO()
    made.savefig(png, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return {"picture": f"{name}.png"}, png.getvalue()


def _file(request: Provided) -> str:
    return request.function.__code__.co_filename.rpartition("/")[2]


def _line(error: Exception, request: Provided) -> int | None:
    """The last line of the function's own file that the error passed through."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == request.function.__code__.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
