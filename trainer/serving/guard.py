"""Who may ask the scoring service, and how long they may take over it.

Beyond loopback a key is needed. A page of another site cannot ask through somebody's browser: its
`Origin` is foreign, and a name pointed here afterwards (DNS rebinding) is no `Host` of ours.
"""

import hmac
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from db.errors import NotAllowed

KEY = "TIEBREAK_SERVE_KEY"
"""The environment variable that holds the key."""

_OPEN = "/health"  # asked by whoever watches the machine; tells that it answers
_SHORTEST_KEY = 16
# By hand: seconds for the head of a request, and connections at once.
_HEAD_SECONDS, _CONNECTIONS = 10.0, 256

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any
]


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    return address == "localhost" or (_is_address(address) and ip_address(address).is_loopback)


@dataclass(frozen=True)
class Guard:
    """Whom the service answers: `key` is asked for where it is set; `hosts` are its own names."""

    hosts: frozenset[str]
    key: str | None = None

    @classmethod
    def of(cls, address: str, environ: Mapping[str, str], names: tuple[str, ...] = ()) -> "Guard":
        """The guard of an address. Raises NotAllowed beyond loopback without a key."""
        key = environ.get(KEY, "").strip() or None
        if key is None and not is_loopback(address):
            raise NotAllowed(
                f"address {address!r} can be reached by others and nothing asks who they are; use "
                f"127.0.0.1, or set {KEY} in the environment to a long random text"
            )
        if key is not None and (len(key) < _SHORTEST_KEY or not key.isascii()):
            raise NotAllowed(
                f"the key in {KEY} has {len(key)} letters; it needs at least {_SHORTEST_KEY} of "
                "ASCII, e.g. from `openssl rand -hex 32`"
            )
        own = {"localhost", "127.0.0.1", "::1", address, *names}
        if not is_loopback(address):
            own |= {socket.gethostname(), socket.getfqdn()}
        return cls(frozenset(name.lower() for name in own), key)

    def refusal(self, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Status and sentence where a request is not answered; header names in small letters.

        An address in `Host` is no name that somebody could point elsewhere.
        """
        asked, origin = headers.get("host", "").lower(), headers.get("origin")
        if not (host_of(asked) in self.hosts or _is_address(host_of(asked))):
            return 421, "this is no name of the service; name it with --host where it is one"
        if origin is not None and origin.lower().partition("://")[2] != asked:
            return 403, "a page of another site may not ask this service"
        if self.key is None or path == _OPEN:
            return None
        given = (
            headers.get("authorization", "").removeprefix("Bearer ").encode("latin-1", "replace")
        )
        if not hmac.compare_digest(given, self.key.encode()):
            return (
                401,
                f"the key is missing or wrong; send Authorization: Bearer and what {KEY} holds",
            )
        return None


def guarded(app: App, guard: Guard) -> App:
    """The application, asked only by whom the guard lets in."""
    from starlette.responses import JSONResponse

    async def answer(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            refused = guard.refusal(scope["path"], headers)
            if refused is not None:
                status, sentence = refused
                more = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
                more |= {"Connection": "close"}  # the body is not heard
                await JSONResponse({"error": sentence}, status, more)(scope, receive, send)
                return
        await app(scope, receive, send)

    return answer


def protocol() -> Any:
    """uvicorn's protocol with an end to patience: a head that never comes, too many at once."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Impatient(H11Protocol):
        _due: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > _CONNECTIONS:
                transport.abort()
                return
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """While no request is being answered, one must arrive whole."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop()
            elif self._due is None:
                self._due = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)

        def _stop(self) -> None:
            if self._due is not None:
                self._due.cancel()
                self._due = None

    return Impatient


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def host_of(netloc: str) -> str:
    """The name in `name:port` or `[::1]:port`, in small letters; empty where there is none."""
    try:
        return (urlsplit(f"//{netloc}").hostname or "").lower()
    except ValueError:
        return ""
