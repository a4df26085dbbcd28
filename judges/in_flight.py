"""How many questions of one source may be out at once: as many as it is asked at a time, and a few.

Money is set aside for what is out and for nothing else, so a kill leaves no more than that in
doubt. The few are claimed together while the others are away: no commit a question.
"""

import asyncio

_FEW = 2  # claimed at a time at least, so that one commit serves two questions


class InFlight:
    """Places for `concurrency` questions and a quarter more that follow them."""

    def __init__(self, concurrency: int) -> None:
        self.refill = max(_FEW, concurrency // 4)
        self.size = concurrency + self.refill
        self.out = 0
        self._back = asyncio.Event()

    async def free(self) -> int:
        """Wait until a few places are free; how many."""
        while self.size - self.out < self.refill:
            self._back.clear()
            await self._back.wait()
        return self.size - self.out

    def leave(self, questions: int) -> None:
        """So many are out."""
        self.out += questions

    def back(self) -> None:
        """One has come back, or never left."""
        self.out -= 1
        self._back.set()

    async def wait(self) -> bool:
        """Wait until one comes back; False where none is out."""
        if not self.out:
            return False
        self._back.clear()
        await self._back.wait()
        return True
