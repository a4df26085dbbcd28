"""From a judge's configuration to whoever answers. Keys come from the environment, stay there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.expected import outcome
from db.extras import require
from db.vocabulary import Provider
from judges import reach
from judges.asking import Client, Scorer
from judges.judge_config import JudgeConfig
from judges.local import LocalJudge


def connect(
    judge: JudgeConfig, environ: Mapping[str, str], beside: Path | None = None
) -> Client | Scorer:
    """Ready to be asked; nothing is sent yet.

    Raises KeyRefused where the key is not in the environment, BadInput for a judge that cannot be
    asked at all, and MissingExtra for a trained one whose packages are not installed. `beside` is
    the folder relative checkpoint paths start from.
    """
    model = judge.model or ""
    match judge.provider:
        case Provider.BASELINE:
            from judges.providers import baseline

            return baseline.find(model)
        case Provider.VERIFIER:
            from judges.providers.verifier import Verifier

            return Verifier(_fallback(judge))
        case Provider.LOCAL:
            trained = local(judge, beside)
            require(*trained.packages)
            return trained
        case Provider.FAKE:
            from judges.providers.fake import Fake

            return Fake(judge.options)
        case Provider.ANTHROPIC:
            from judges.providers.anthropic import AnthropicJudge

            return AnthropicJudge(judge, key(judge, environ), environ)
        case Provider.OPENAI | Provider.OPENAI_COMPATIBLE:
            from judges.providers.openai import OpenAIJudge

            return OpenAIJudge(judge, key(judge, environ), environ)
        case Provider.RECORDED:
            raise BadInput(
                f"judge {judge.name!r} is recorded: it holds imported votes and cannot be asked"
            )


def _fallback(judge: JudgeConfig) -> Mapping[str, Any] | None:
    expected = judge.options.get("expected")
    try:
        if expected is not None:
            outcome.read(expected)
    except (outcome.BadOutcome, AttributeError) as error:
        raise BadInput(
            f"options.expected of judge {judge.name!r}: {error}; correct it in tiebreak.toml"
        ) from None
    return expected


def local(judge: JudgeConfig, beside: Path | None) -> LocalJudge:
    """A trained judge's checkpoint, known by its weights; its packages may be missing."""
    return LocalJudge((beside or Path.cwd()) / (judge.model or ""))


def key(judge: JudgeConfig, environ: Mapping[str, str]) -> str | None:
    """The judge's key, or None where it needs none. Raises KeyRefused where it is missing or
    cannot be sent."""
    name = judge.key_env
    return None if name is None else reach.secret(name, judge.name, environ)
