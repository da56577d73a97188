"""`acc serve`: the site, the runs of a store and their events, on the loopback address. No torch, no dagster."""

from acc_assets.server.app import Sources, create_app
from acc_assets.server.serving import ServeError, listening, serve, serving

__all__ = ["ServeError", "Sources", "create_app", "listening", "serve", "serving"]
