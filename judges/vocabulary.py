"""The words asking for responses is told by."""

from typing import Literal

Design = Literal["all", "random", "swiss", "none"]
"""How the candidates of a prompt become pairs; none: they do not."""
