"""Claude on the clouds that sell it, by the vendor's own SDK and each cloud's own credentials.

bedrock: InvokeModel of Amazon Bedrock; bedrock-mantle: the Messages API there; vertex: Vertex AI.
None of them takes batches.
"""

from collections.abc import Mapping
from typing import Any

import anthropic
import httpx2

from db.errors import BadInput, KeyRefused
from db.extras import require
from judges.judge_config import JudgeConfig

URLS = {
    "bedrock": "https://bedrock-runtime.amazonaws.com",
    "bedrock-mantle": "https://bedrock-mantle.api.aws",
    "vertex": "https://aiplatform.googleapis.com",
}
"""Cloud -> an address in its domain, by which a proxy is chosen."""

_REGIONS = {"vertex": ("CLOUD_ML_REGION",)}
_AWS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_BEDROCK_KEY = "AWS_BEARER_TOKEN_BEDROCK"
CloudClient = (
    anthropic.AsyncAnthropicBedrock
    | anthropic.AsyncAnthropicBedrockMantle
    | anthropic.AsyncAnthropicVertex
)


def cloud_client(
    judge: JudgeConfig,
    api_key: str | None,
    environ: Mapping[str, str],
    *,
    base_url: str | None,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    http_client: httpx2.AsyncClient,
) -> CloudClient:
    """The SDK's client of a judge's cloud. Raises MissingExtra without the package that reads the
    cloud's credentials, and BadInput where no region is known.

    api_key: a key of Bedrock's own or an access token of Google's; None: as the cloud's tools do.
    """
    region = judge.region or _first(environ, _REGIONS.get(judge.via or "", _AWS))
    if region is None:
        names = " or ".join(_REGIONS.get(judge.via or "", _AWS))
        raise BadInput(
            f"judge {judge.name!r} is asked by {judge.via} in no region; add region = ... to its "
            f"[[judge]], or set {names}"
        )
    common: dict[str, Any] = {
        "base_url": base_url,
        "timeout": judge.timeout,
        "max_retries": judge.retries,
        "default_headers": headers,
        "default_query": query,
        "http_client": http_client,
    }
    if judge.via == "vertex":
        if api_key is None:
            require("google.auth")
        if judge.project is not None:
            common["project_id"] = judge.project
        return anthropic.AsyncAnthropicVertex(region=region, access_token=api_key, **common)
    key = api_key or environ.get(_BEDROCK_KEY, "").strip() or None
    if key is None:
        require("boto3")
    if judge.via == "bedrock":
        return anthropic.AsyncAnthropicBedrock(aws_region=region, api_key=key, **common)
    return anthropic.AsyncAnthropicBedrockMantle(aws_region=region, api_key=key, **common)


def no_credentials(judge: JudgeConfig, error: Exception) -> KeyRefused | None:
    """The error to raise where a cloud's credentials are missing or refused before a request."""
    theirs = type(error).__module__.startswith(("boto", "google.auth"))
    if judge.via is None or not (theirs or type(error) in (RuntimeError, ValueError)):
        return None
    return KeyRefused(
        f"{judge.name}: the credentials of {judge.via} cannot be used "
        f"({type(error).__name__}: {str(error)[:200]}); set them as the cloud's own tools read them"
    )


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name].strip() for name in names if environ.get(name, "").strip()), None)
