"""Whether a server is one's own: on this machine or in a private network, where nobody bills."""

from ipaddress import ip_address
from urllib.parse import urlsplit

_OWN = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".svc")


def is_own(url: str) -> bool:
    """Whether an address is of this machine or a private network.

    A name without a dot (as containers of one network have) is; so are names that the public
    internet never resolves. Of other names nothing is looked up.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "." not in host or host.endswith(_OWN)
    return address.is_loopback or address.is_private or address.is_link_local
