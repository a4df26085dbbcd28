"""Which part of a request a server's words refuse, and what in the settings to change.

Servers word it in many ways, and some repeat the whole question behind it: only the beginning is
looked at, and a field counts as refused where words of refusal stand beside its name.
"""

import re
from typing import Any

from judges.judge_config import JudgeConfig

_SAID = 1000  # characters of a refusal that are looked at; what follows repeats the question
_ALONE = "(?<![a-z_])(?:FIELD)(?![a-z_])"
_BESIDE = ".{0,80}?"
_REFUSED = re.compile(
    "unsupported|not support|n.t support|"
    "not (?:a )?(?:allowed|enabled|available|permitted|valid|compatible)|"
    "unavailable|forbidden|unknown|unrecogni[sz]ed|unexpected|not implemented|extra inputs|"
    "invalid|not one of|deprecated|failed|cannot be|must be|only|remove|too large|too small|"
    "at most|at least|less than|minimum|maximum"
)
_SCHEMA = (
    "[a-z_]*response.?format|[a-z_]*schema|output_config|output_format|structured.outputs?|grammar"
)
_LIMIT = "max_tokens|max_completion_tokens|completion tokens"
_EFFORT = r"reasoning_effort|reasoning\.effort|output_config\.effort|effort"


def words_of(error: Exception) -> str:
    """What a server said in small letters, whatever form its body has, without the request that
    it repeats.
    """
    return str(_said(getattr(error, "body", None)) or error).lower()[:_SAID]


def is_refused(field: str, said: str) -> bool:
    """Whether a field of this name (a pattern) is refused, and not one with a longer name."""
    alone = _ALONE.replace("FIELD", field)
    words = f"(?:{_REFUSED.pattern})"
    return re.search(f"{alone}{_BESIDE}{words}|{words}{_BESIDE}{alone}", said) is not None


def way_out(judge: JudgeConfig, body: dict[str, Any], error: Exception) -> str | None:
    """What to change in a judge's settings so that its server takes the request, where its words
    name a part that the settings decide.
    """
    said = words_of(error)
    if judge.output == "structured" and is_refused(_SCHEMA, said):
        return 'it takes no JSON schema: set output = "text"'
    if judge.effort is not None and is_refused(_EFFORT, said):
        return f"it does not take effort = {judge.effort!r}: set another, or leave effort out"
    if judge.temperature is not None and is_refused("temperature", said):
        return f"it does not take temperature = {judge.temperature:g}: leave temperature out"
    if judge.token_limit is not None and is_refused(judge.token_limit, said):
        return f"it does not take {judge.token_limit}: leave token_limit out"
    if is_refused(_LIMIT, said):
        return f"it does not take max_tokens = {judge.room}: set what it says"
    for field in judge.extra_body:
        if field in body and is_refused(re.escape(field.lower()), said):
            return f"it does not take {field!r}: leave it out of extra_body"
    return None


def _said(body: Any) -> Any:
    if isinstance(body, dict):  # pydantic's servers put what was sent under "input"
        return {key: _said(value) for key, value in body.items() if key != "input"}
    return [_said(value) for value in body] if isinstance(body, list) else body
