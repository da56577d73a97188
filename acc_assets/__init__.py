"""An experiment on autoencoders as a graph of data assets."""

__version__ = "0.1.0"
