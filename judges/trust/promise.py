"""What a certificate can promise."""

from typing import Literal

Promise = Literal["g1", "g2"]
"""g1: errors among the accepted pairs; g2: wrong labels in the whole batch."""
