"""Ask the servers of judges for their lists of models: whether they answer, at no cost."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.errors import BadInput, TiebreakError
from db.storable import storable
from judges.connect import connect
from judges.judge_config import JudgeConfig

_SHOWN = 5  # names of models that are shown
_PATIENCE = 10.0  # seconds for a list


@dataclass(frozen=True)
class Served:
    """What one judge's server said; `answers`: whether it did, and took the key."""

    judge: str
    answers: bool
    found: str

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.judge} {self.found}"


def list_models(judges: Sequence[JudgeConfig], environ: Mapping[str, str]) -> list[Served]:
    """What the server of each judge that is asked over the network says."""

    async def all_of_them() -> list[Served]:
        return list(await asyncio.gather(*(_served(judge, environ) for judge in judges)))

    judges = [judge for judge in judges if judge.remote]
    return asyncio.run(all_of_them())


async def _served(judge: JudgeConfig, environ: Mapping[str, str]) -> Served:
    patience = {"timeout": min(judge.timeout, _PATIENCE), "retries": 0}
    try:
        client: Any = connect(judge.model_copy(update=patience), environ)
    except TiebreakError as error:
        return Served(judge.name, False, f"is not asked: {error}")
    try:
        return Served(judge.name, True, _told(judge, await client.models()))
    except BadInput:
        return Served(judge.name, True, "answers, and has no list of models")
    except TiebreakError as error:
        return Served(judge.name, False, f"is not reached: {error}")
    finally:
        await client.close()


def _told(judge: JudgeConfig, models: list[str] | None) -> str:
    if models is None:
        return f"is not asked: {judge.via} has no list of models"
    if judge.model in models:
        return f"answers and lists {judge.model!r}"
    names = [repr(storable(name)[:60]) for name in models[:_SHOWN]]
    more = f" and {len(models) - _SHOWN:,} more" if len(models) > _SHOWN else ""
    return f"answers and does not list {judge.model!r}; it lists {', '.join(names) or 'none'}{more}"
