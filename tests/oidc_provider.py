"""A small OpenID Connect provider that speaks the real protocol on loopback: discovery, the
authorisation-code flow with state, nonce and PKCE passed through, RS256-signed identity tokens.
"""

import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "tiebreak-test"
SECRET = "not-a-real-secret"


class Provider(ThreadingHTTPServer):
    """Signs in whoever `claims` says, without asking for a password."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.claims: dict[str, Any] = {}
        self.age = 0.0
        self.codes: dict[str, str | None] = {}
        self.asked: list[str] = []

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.server.asked.append(url.path)
        issuer = self.server.issuer
        if url.path == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif url.path == "/keys":
            self._json({"keys": [self.server.key.as_dict(private=False)]})
        elif url.path == "/authorize":
            assert query["client_id"] == CLIENT
            code = f"code-{len(self.server.codes)}"
            self.server.codes[code] = query.get("nonce")
            back = {"code": code, "state": query["state"]}
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{urllib.parse.urlencode(back)}")
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = dict(urllib.parse.parse_qsl(body))
        self.server.asked.append(urllib.parse.urlparse(self.path).path)
        if given.get("code") not in self.server.codes:
            self.send_error(400)
            return
        nonce = self.server.codes.pop(given["code"])
        issued = int(time.time() - self.server.age)
        claims = self.server.claims | {
            "iss": self.server.issuer,
            "aud": CLIENT,
            "iat": issued,
            "exp": int(time.time()) + 3600,
            "nonce": nonce,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.server.key)
        self._json({"access_token": "opaque", "token_type": "Bearer", "id_token": token})

    def _json(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def provider() -> Iterator[Provider]:
    running = Provider()
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def secrets(issuer: str, app: str) -> str:
    """What an administrator writes into .streamlit/secrets.toml."""
    return f"""
[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "a-long-random-string-for-tests-only"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
"""
