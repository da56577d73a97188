"""A user's own plot or metric: one function of what the model makes of the test split."""

from __future__ import annotations

import io
import math
from typing import Any

from acc_assets.assets.evaluated import evaluated
from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.families import Chart, Provided
from acc_assets.families.providers import ProviderError
from acc_assets.storage import FamilyWriter

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
    with work.folder.family(request.name) as out:
        if request.kind == "metric":
            document: dict[str, Any] = {"value": _number(made, place)}
        else:
            document = _shown(made, place, request.name, out)
        out.json(request.family.document, document)
    return Outcome(metadata={request.family.title: document["value"]} if "value" in document else {})


def _number(made: Any, place: str) -> float:
    try:
        value = float(made)
    except (TypeError, ValueError):
        raise ProviderError(f"{place} gave a {type(made).__name__}; a metric gives one number") from None
    if not math.isfinite(value):
        raise ProviderError(f"{place} gave {value}; a metric gives a finite number")
    return value


def _shown(made: Any, place: str, name: str, out: FamilyWriter) -> dict[str, Any]:
    if isinstance(made, Chart):
        if bool(made.sheet) != bool(made.png):
            raise ProviderError(
                f"{place} gave a Chart with one of sheet and png: a file's name, and its bytes"
            )
        return {"chart": made.stored(out)}
    if not callable(getattr(made, "savefig", None)):
        raise ProviderError(
            f"{place} gave a {type(made).__name__}; a plot gives a Chart or a figure of matplotlib"
        )
    png = io.BytesIO()
    made.savefig(png, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    out.png(f"{name}.png", png.getvalue())
    return {"picture": f"{name}.png"}


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
