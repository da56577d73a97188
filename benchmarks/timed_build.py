"""Child process of the orchestration benchmark: `acc build` with the seconds inside asset bodies on its last line."""

from __future__ import annotations

import json
import sys


def main(recipe: str, parameters: dict[str, int]) -> None:
    """Build a recipe as the command line does, and print {"bodies_s", "built", "failed"}."""
    from acc_assets.assets.launched import Project
    from acc_assets.recipes import find_recipes
    from acc_assets.storage import Store
    from acc_assets.terminal import BuildDisplay, print_build

    project = Project(find_recipes({recipe: parameters}).trees)
    store = Store()
    with BuildDisplay(recipe) as display:
        from acc_assets.assets.build import build

        report = build(project, recipe, store, listener=display.on_event)
    print_build(project.trees[recipe], report, store)
    facts = {
        "bodies_s": sum(one.seconds for one in report.built),
        "built": len(report.built),
        "failed": len(report.failed),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
