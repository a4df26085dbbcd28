"""What codes and, where a server sends none, its words name: a filter, a length, a limit, money.

They say what to call a refusal. Whose fault it is does not rest on them (`judges.whose_fault`).
"""

import re

from judges.providers.told import Told

_FILTER = (
    "contentfilter", "contentpolicy", "moderation", "flagged", "responsibleai", "invalidprompt",
    "safety", "datainspection", "sensitive", "prohibited", "policyviolation", "guardrail", "unsafe",
    "1301",
)  # fmt: skip
_FILTER_WORDS = re.compile(
    r"content.{0,12}(?:filter|policy|management)|usage (?:polic|guideline)|moderation|flagged|"
    r"safety|inappropriate|harmful|guardrail|high risk|sensitive|prohibited content|"
    r"敏感|不安全|违规",
    re.IGNORECASE,
)
_LONG = (
    "contextlength", "contextwindow", "contextsize", "stringabovemaxlength", "toolong", "toolarge",
    "promptlength", "inputlength", "maxcontext", "tokenlimit",
)  # fmt: skip
_LONG_WORDS = re.compile(
    r"too (?:long|large|many (?:input )?tokens)|(?:maximum|model.s|available) context|"
    r"context.?(?:length|window|size)|reduce (?:the|your) (?:length|message|prompt|input)|"
    r"(?:input|prompt|tokens?|length).{0,60}(?:exceed|must be <=|longer than|larger than)|"
    r"exceed.{0,40}(?:tokens|context|length)",
    re.IGNORECASE,
)
_LIMIT_WORDS = re.compile(
    r"per[ -](?:min(?:ute)?|sec(?:ond)?|hour|day)\b|/\s?min\b|\b[tr]p[smd]\b|rate.?limit",
    re.IGNORECASE,
)
_NEVER_FITS = re.compile(r"request too large|must be reduced|reduce your message size", re.I)
_THROTTLE = ("throttl", "ratelimit", "toomanyrequests", "requestlimit")
_MONEY = (
    "insufficientquota", "insufficientbalance", "insufficientcredit", "insufficientfunds",
    "billing", "budgetexceeded", "creditbalance", "paymentrequired", "exceededcurrentquota",
    "arrearage", "outofcredits",
)  # fmt: skip
_MONEY_WORDS = re.compile(r"credit balance|insufficient (?:balance|credit|fund)|budget", re.I)
_KEY = (
    "apikey", "authentication", "unauthorized", "unauthenticated", "permission", "accessdenied",
    "forbidden", "accountdeactivated", "organization",
)  # fmt: skip


def is_filter(said: Told) -> bool:
    """Whether a filter of contents is named."""
    return said.has(*_FILTER) or _FILTER_WORDS.search(said.words) is not None


def is_too_long(said: Told) -> bool:
    """Whether the question's length is named, and not the setting of the answer's."""
    if said.has("maxtokens", "maxcompletiontokens"):
        return False
    return said.has(*_LONG) or _LONG_WORDS.search(said.words) is not None


def is_limit(said: Told) -> bool:
    """Whether a limit of so much a time is named: it comes back by itself."""
    return said.has(*_THROTTLE) or _LIMIT_WORDS.search(said.words) is not None


def is_throttle(said: Told) -> bool:
    """Whether a code says that too much is asked at once."""
    return said.has(*_THROTTLE)


def never_fits(said: Told) -> bool:
    """Whether one request is more than a limit ever lets through: waiting does not help."""
    return said.status in (413, 429) and _NEVER_FITS.search(said.words) is not None


def about_money(said: Told) -> bool:
    """Whether the account's money is named."""
    return said.has(*_MONEY) or _MONEY_WORDS.search(said.words) is not None


def about_key(said: Told) -> bool:
    """Whether the key, or what it may use, is named."""
    return said.has(*_KEY)
