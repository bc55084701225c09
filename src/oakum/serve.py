"""The web process: pages, API and the agents' gateway in one uvicorn server.  ``python -m oakum.serve``.

It migrates nothing and starts no loop; `oakum up` and `oakum web` start it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

import uvicorn

from oakum.collection import collect_rarely
from oakum.config import read_config
from oakum.core.errors import OakumError
from oakum.parent import when_parent_ends

KEEP_ALIVE_SECONDS = 75
GRACEFUL_SECONDS = 10
CONNECTION_COUNT_MAX = 2_000
EXIT_FAULT = 4


def main() -> None:
    """Serve until told to stop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oakum.settings")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname).1s %(name)s %(message)s")
    try:
        config = read_config()
    except OakumError as error:
        sys.stderr.write(f"oakum: {error}\n")
        sys.exit(EXIT_FAULT)
    tls = config.data_dir / "tls"
    server = uvicorn.Server(
        uvicorn.Config(
            "oakum.asgi:application",
            host=config.host,
            port=config.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=config.behind_proxy,
            forwarded_allow_ips="127.0.0.1",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
            limit_concurrency=CONNECTION_COUNT_MAX,
            ssl_certfile=str(tls / "certificate.pem") if config.uses_tls else None,
            ssl_keyfile=str(tls / "key.pem") if config.uses_tls else None,
        )
    )
    collect_rarely()
    when_parent_ends(lambda: os.kill(os.getpid(), signal.SIGTERM))
    server.run()


if __name__ == "__main__":
    main()
