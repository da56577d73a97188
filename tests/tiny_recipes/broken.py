"""A recipe with a mistake: it must take no other recipe down."""

from acc_assets.models import ConvAutoencoder
from acc_assets.tree import Recipe, RecipeContext


class Broken(Recipe):
    name = "broken"

    def run(self, ctx: RecipeContext) -> None:
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4)
        ctx.fork("nowhere", "branch")
