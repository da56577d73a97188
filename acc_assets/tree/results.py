"""What `train()` and `evaluate()` give a recipe: something that says where the results will be."""

from __future__ import annotations

from typing import Any, NoReturn

from acc_assets.tree.errors import RecipeError


class NoResultsYet:
    """Stands for results that do not exist while a recipe is traced; every use of it raises `RecipeError`."""

    __slots__ = ("_operation", "_recipe", "_remedy")

    def __init__(self, recipe: str, operation: str, remedy: str) -> None:
        self._recipe = recipe
        self._operation = operation
        self._remedy = remedy

    def __repr__(self) -> str:  # for debuggers
        return f"<no results of {self._operation} yet>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # how Python asks what an object can do
            raise AttributeError(name)
        self._refuse()

    def _refuse(self, *_: Any) -> NoReturn:
        raise RecipeError(
            "there are no results yet: a recipe is only traced, and nothing is trained while it runs.",
            remedy=self._remedy,
            recipe=self._recipe,
            operation=self._operation,
        )

    __getitem__ = __call__ = __iter__ = __next__ = __contains__ = __len__ = __reversed__ = _refuse
    __bool__ = __int__ = __float__ = __complex__ = __index__ = __round__ = __abs__ = __neg__ = __pos__ = (
        _refuse
    )
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __hash__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __or__ = __and__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _refuse
    __str__ = __format__ = __bytes__ = _refuse
