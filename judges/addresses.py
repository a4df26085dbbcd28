"""Where a judge is asked: at its `base_url`, where the environment says, or at its vendor."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from db.errors import BadInput
from db.vocabulary import Provider
from judges.judge_config import JudgeConfig

_VARIABLES: Mapping[Provider | str, str] = {
    Provider.ANTHROPIC: "ANTHROPIC_BASE_URL",
    Provider.OPENAI: "OPENAI_BASE_URL",
    "bedrock": "ANTHROPIC_BEDROCK_BASE_URL",
    "bedrock-mantle": "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "vertex": "ANTHROPIC_VERTEX_BASE_URL",
}


def of_address(url: str, what: str) -> Iterator[str]:
    """What is wrong with an address, in sentences that begin with `what`."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or not url.isprintable() or " " in url:
        yield f'{what} is no address; write it as "https://host/v1"'
    elif "@" in parts.netloc:
        yield f"{what} holds a name or password; put them in headers, from the environment"
    elif parts.query or parts.fragment:
        yield f"{what} holds a query; put it in the table query"
    elif parts.path.rstrip("/").endswith(("/chat/completions", "/messages")):
        yield f"{what} ends in the path of a request; leave out /{parts.path.rsplit('/', 1)[-1]}"


def base_url(judge: JudgeConfig, environ: Mapping[str, str]) -> str | None:
    """Where a judge is asked if not where its vendor answers: `base_url`, else the vendor's
    variable of the environment. Raises BadInput for a variable that holds no address.
    """
    if judge.base_url is not None:
        return judge.base_url
    name = redirecting(judge, environ)
    if name is None:
        return None
    url = environ[name].strip()
    for complaint in of_address(url, f"environment variable {name}"):
        raise BadInput(f"judge {judge.name!r}: {complaint}")
    return url


def redirecting(judge: JudgeConfig, environ: Mapping[str, str]) -> str | None:
    """The variable that takes a judge elsewhere than to its vendor, where one is set."""
    name = _VARIABLES.get(judge.via or judge.provider)
    there = name is not None and judge.base_url is None and environ.get(name, "").strip()
    return name if there else None


def redirected(judge: JudgeConfig, environ: Mapping[str, str]) -> str | None:
    """The sentence that says that the environment takes a judge elsewhere."""
    name = redirecting(judge, environ)
    if name is None:
        return None
    host = urlsplit(base_url(judge, environ) or "").netloc
    prices = ", and counted at its vendor's prices" if judge.prices is None else ""
    return f"asked at {host}, as {name} in the environment says{prices}"
