"""`sourcebook serve`: API, web page and worker in one process, on this machine only."""

import socket

import uvicorn

from api.app import create_app
from api.settings import Settings
from api.wiring import open_sourcebook
from corpus.errors import ConfigurationError, ConflictError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(settings: Settings, host: str, port: int) -> None:
    """Runs until interrupted. Raises `ConfigurationError` for an address that others could reach."""
    if host not in LOOPBACK:
        raise ConfigurationError(
            f"Sourcebook has no accounts yet, so it serves this machine only: --host 127.0.0.1, not {host}."
        )
    listening = _listen(host, port)
    # The port may have been 0: ask for the one we got.
    address = f"http://{_bracketed(host)}:{listening.getsockname()[1]}"
    with open_sourcebook(settings, address=address) as sourcebook:
        config = uvicorn.Config(create_app(sourcebook), log_level="warning", access_log=False)
        server = _AnnouncingServer(config, address)
        server.run(sockets=[listening])


class _AnnouncingServer(uvicorn.Server):
    """Prints the address once requests are really answered."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"Sourcebook is ready: {self._address}", flush=True)  # noqa: T201  # what the user waits for


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConflictError(f"Port {port} is taken. Choose another with --port.") from error
    return listening


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
