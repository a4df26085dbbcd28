"""Tells an outside address that something rang. Best effort: a cycle never fails for it.

The address may hold a secret: only its host is ever shown.
"""

from typing import Any


def send(address: str, message: dict[str, Any], seconds: float = 10.0) -> str:
    """POST a JSON message; what came of it, in words."""
    import httpx

    try:
        host = httpx.URL(address).host or "nowhere"
        transport = httpx.HTTPTransport(retries=3)
        with httpx.Client(transport=transport, timeout=seconds) as client:
            answer = client.post(address, json=message)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return f"not delivered ({type(error).__name__}); check the address of the webhook"
    if answer.is_success:
        return f"delivered to {host}"
    return f"{host} answered {answer.status_code}; check the address of the webhook"
