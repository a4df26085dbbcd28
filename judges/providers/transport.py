"""The HTTP transport under both SDKs: many small connection pools, and no silent second bill.

A request that left and got no whole answer may have been billed. The SDKs would send it again by
themselves; this transport answers such a request with status 599 and `x-should-retry: false`, so
that the caller learns of it, keeps the money it had set aside, and decides. What never left
(refused connection, no name, a full pool) stays the SDK's to retry, and so do error statuses.
One pool looks through all its connections at every request, so a thousand connections are spread
over pools of 64.
"""

from collections.abc import Collection, Mapping
from contextvars import ContextVar
from urllib.request import getproxies, proxy_bypass

import httpx2

LOST = 599
headers: ContextVar[Mapping[str, str]] = ContextVar("headers", default={})  # noqa: B039
"""The headers of the last reply that this task has had; an SDK hands on the body alone."""
_POOL = 64
_UNKNOWN = (
    httpx2.ReadTimeout,
    httpx2.WriteTimeout,
    httpx2.ReadError,
    httpx2.WriteError,
    httpx2.RemoteProtocolError,
)


class PooledTransport(httpx2.AsyncBaseTransport):
    """Sends each request over the least busy of its pools."""

    def __init__(self, connections: int, proxy: str | None = None) -> None:
        count = -(-connections // _POOL)
        limits = httpx2.Limits(max_connections=_POOL, max_keepalive_connections=_POOL)
        trusted = httpx2.create_ssl_context()  # reading the certificates takes a while: once
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=trusted, limits=limits, proxy=proxy)
            for _ in range(count)
        ]
        self._busy = [0] * count

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The whole answer, or status 599 where there was none."""
        chosen = min(range(len(self._pools)), key=self._busy.__getitem__)
        self._busy[chosen] += 1
        try:
            response = await self._pools[chosen].handle_async_request(request)
            body = b"".join([part async for part in response.stream])  # type: ignore[union-attr]
            await response.aclose()
        except _UNKNOWN as error:
            lost = {"x-should-retry": "false", "x-lost": type(error).__name__}
            return httpx2.Response(LOST, headers=lost, request=request)
        finally:
            self._busy[chosen] -= 1
        headers.set(response.headers)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx2.ByteStream(body),
            extensions=response.extensions,
            request=request,
        )

    async def aclose(self) -> None:
        """Close every pool."""
        for pool in self._pools:
            await pool.aclose()


def client(
    connections: int, base_url: str, without: Collection[str] = (), private: Collection[str] = ()
) -> httpx2.AsyncClient:
    """An HTTP client for an SDK. Honours the usual proxy variables of the environment.

    without: headers that the SDK adds and the server is not to see; private: headers that no other
    host sees, wherever a server sends the client on to.
    """
    url = httpx2.URL(base_url)
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if proxy and proxy_bypass(url.host):
        proxy = None

    async def drop(request: httpx2.Request) -> None:
        for name in (*without, *(private if request.url.host != url.host else ())):
            request.headers.pop(name, None)

    return httpx2.AsyncClient(
        transport=PooledTransport(connections, proxy),
        follow_redirects=True,
        event_hooks={"request": [drop]} if without or private else None,
    )
