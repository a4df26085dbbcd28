"""Personal data and secrets in texts: how many of each kind, and never which.

Found by shape and by check digit, without a model: what a machine would mistake for a name or a
street is not looked for. Text that hides behind unseen characters is read without them. Examples
that belong to nobody (reserved domains and addresses) are not counted. Phone numbers are those
of `phonenumbers`, with a country code or as written in the United States.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from judges.check_digits import IDS, is_card, is_iban
from judges.unseen import seen

PrivateKind = Literal["card", "email", "iban", "ip_address", "national_id", "phone", "secret"]
KINDS: tuple[PrivateKind, ...] = get_args(PrivateKind)
Found = Counter[str]

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@((?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24})\b")
_NOBODYS = re.compile(r"(?:^|\.)(?:example|test|invalid|localhost|domain|email|company|your\w*)"
                      r"(?:\.\w+)?$", re.IGNORECASE)  # fmt: skip
_NUMBER = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.-])")
_PUBLIC = {"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9"}  # name servers everybody names
_ENOUGH = re.compile(r"\d(?:[ ().-]{0,3}\d){6}")  # digits that a phone number has at least
_SECRETS = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY-----"
    r"|\bsk-(?:ant-|proj-)?[\w-]{20,200}"  # OpenAI, Anthropic
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # Amazon
    r"|\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_\w{22,255}\b|\bglpat-[\w-]{20,60}"
    r"|\bxox[abeprs]-[\w-]{10,250}"  # Slack
    r"|\bAIza[\w-]{35}|\bya29\.[\w-]{20,250}"  # Google
    r"|\b[sr]k_live_[A-Za-z0-9]{16,250}|\bSG\.[\w-]{16,64}\.[\w-]{16,64}"  # Stripe, SendGrid
    r"|\bhf_[A-Za-z0-9]{30,40}\b|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[\w-]{50,250}"
    r"|\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}"  # JSON Web Token
    r"|\b[a-z][a-z0-9+]{1,19}://[^\s:/@]{1,100}:[^\s:/@]{3,100}@[\w.-]{3,200}"  # password in a URL
)
_SECRET_SIGNS = (
    *("PRIVATE KEY-----", "sk-", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *("github_pat_", "glpat-", "xox", "AIza", "ya29.", "k_live_", "SG.", "hf_", "npm_", "pypi-"),
    *("eyJ", "://"),
)
"""Of these a text with a secret holds one; looking for them costs a hundredth of the pattern."""
_DIGITS = re.compile(r"\d\d")  # what has a check has two digits together
_PASSWORD_IN_URL = re.compile(r"://[^:]+:(?:pass\w*|pw|secret|\W.*|x+|\*+)@", re.IGNORECASE)


def _is_somewhere(text: str) -> bool:
    """An address of the public network that is not everybody's."""
    try:
        return text not in _PUBLIC and ipaddress.IPv4Address(text).is_global
    except ValueError:
        return False


def _phones(text: str) -> int:
    """Valid numbers, written as such; those anybody may call for nothing are nobody's."""
    import phonenumbers

    strict = phonenumbers.Leniency.STRICT_GROUPING
    free = phonenumbers.PhoneNumberType.TOLL_FREE
    return sum(
        not found.raw_string.isdigit() and phonenumbers.number_type(found.number) != free
        for found in phonenumbers.PhoneNumberMatcher(text, "US", leniency=strict)
    )


def private_in(text: str) -> Found:
    """How many of each kind a text holds, and nothing of what it holds."""
    clean = seen(text)
    found: Found = Counter()
    if any(map(clean.__contains__, _SECRET_SIGNS)):
        secrets = (match.group() for match in _SECRETS.finditer(clean))
        found["secret"] = sum(not _PASSWORD_IN_URL.search(secret) for secret in secrets)
        clean = _SECRETS.sub(" ", clean)
    if "@" in clean:
        hosts = (match.group(1) for match in _EMAIL.finditer(clean))
        found["email"] = sum(not _NOBODYS.search(host) for host in hosts)
    if _DIGITS.search(clean):
        found["iban"] = sum(is_iban(m.group()) for m in _IBAN.finditer(clean))
        found["national_id"] = sum(
            check(m.group()) for pattern, check in IDS for m in pattern.finditer(clean)
        )
    if _ENOUGH.search(clean):
        found["card"] = sum(is_card(m.group()) for m in _NUMBER.finditer(clean))
        found["ip_address"] = sum(_is_somewhere(m.group()) for m in _IPV4.finditer(clean))
        found["phone"] = _phones(clean)
    return +found


def told(found: Mapping[str, int]) -> str:
    """Kinds and counts for people: `2 email, 1 secret`."""
    return ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in sorted(found.items()))


@dataclass
class Withholding:
    """What of the texts that would leave this machine is private, and what stays here for it.

    hold: kinds whose texts are not sent; what: the word for what texts are about. sent, held: the
    private data found, by what the texts are about, for the line that a verb ends with.
    """

    hold: frozenset[str] = frozenset()
    what: str = "pair"
    sent: dict[object, Found] = field(default_factory=dict)
    held: dict[object, Found] = field(default_factory=dict)
    _harmless: set[object] = field(default_factory=set, repr=False)

    @classmethod
    def of(cls, kinds: Collection[str], what: str = "pair") -> "Withholding":
        """Holding these kinds back; `all` stands for every one."""
        return cls(frozenset(KINDS if "all" in kinds else kinds), what)

    def keeps(self, about: object, *texts: str) -> Found:
        """The kinds for which these texts are not sent; none where they may go."""
        if about in self._harmless or about in self.sent:
            return Counter()
        if about not in self.held:
            found = sum(map(private_in, texts), Counter[str]())
            withheld = Counter({kind: n for kind, n in found.items() if kind in self.hold})
            if not found:
                self._harmless.add(about)
            else:
                (self.held if withheld else self.sent)[about] = withheld or found
        return self.held.get(about, Counter())

    @property
    def summary(self) -> tuple[str, ...]:
        """For people: what was sent, and what was held back; nothing where there is nothing."""
        parts = (("sent with private data", self.sent), ("held back", self.held))
        return tuple(
            f"{len(of):,} {self.what}{'s' * (len(of) != 1)} {done} "
            f"({told(sum(of.values(), Counter()))})"
            for done, of in parts
            if of
        )
