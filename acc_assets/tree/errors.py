"""What can be wrong with a recipe, said once and clearly."""

from __future__ import annotations


class RecipeError(Exception):
    """A recipe that cannot be traced: names the recipe, the operation and the remedy."""

    def __init__(self, problem: str, *, remedy: str, recipe: str = "", operation: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        self.recipe = recipe
        self.operation = operation
        super().__init__(str(self))

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                f"recipe '{self.recipe}'" if self.recipe else "",
                f"operation {self.operation}" if self.operation else "",
            )
            if part
        )
        return f"{where}: {self.problem} {self.remedy}" if where else f"{self.problem} {self.remedy}"
