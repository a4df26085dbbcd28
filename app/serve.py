"""Starts the review app as a server: on loopback, unless people sign in."""

import os
import sys
from pathlib import Path

from app.config import Config
from db.errors import NotAllowed
from db.extras import require
from db.toml import read_toml
from trainer.serving.guard import is_loopback


def serve(config: Config, address: str, port: int) -> None:
    """Become the server; does not return. Raises NotAllowed for an open address without sign-in."""
    if not is_loopback(address) and not signs_in(config.folder):
        raise NotAllowed(
            f"address {address!r} can be reached by others and sign-in is not configured; "
            "use 127.0.0.1, or add [auth] to .streamlit/secrets.toml beside tiebreak.toml"
        )
    if signs_in(config.folder):
        require("authlib")
    config.database.dispose()
    os.environ["TIEBREAK_CONFIG"] = str(config.path)
    os.chdir(config.folder)
    command = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("main.py"))]
    settings = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "server.maxUploadSize": "1",  # MB; no page takes a file
        "server.maxMessageSize": "20",
    }
    if is_loopback(address):  # pages of other sites get no socket, by whatever name they ask
        settings |= {"server.enableCORS": "true", "server.enableXsrfProtection": "true"}
    os.execv(sys.executable, command + [f"--{name}={value}" for name, value in settings.items()])


def signs_in(folder: Path) -> bool:
    """Whether an identity provider is configured for Streamlit."""
    secrets = folder / ".streamlit" / "secrets.toml"
    return secrets.is_file() and "auth" in read_toml(secrets)
