"""What the server that forks the tests' children loads once."""

import torch._dynamo  # noqa: F401  # the first optimizer of a process imports it, which takes a second
from training_trees import Digits

Digits(image_size=16).load()
