"""`python -m local_aws` serves until stdin closes; its first line on stdout names the endpoint.

With `--forks` it loads everything once, and its first line names a port. For each connection to that port it forks a server.
The connection's first line holds the server's options, and the connection is the server's stdin, stdout and stderr.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="local_aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--plain", action="store_true", help="moto without our corrections")
    parser.add_argument("--tls", type=Path, metavar="DIR", help="serve https; ca.pem and the leaf are written to DIR")
    parser.add_argument("--no-stdin", action="store_true", help="do not end when stdin closes")
    parser.add_argument("--forks", action="store_true", help="a server of its own for each connection")
    options = parser.parse_args()

    from moto.core.config import default_user_config
    from moto.moto_server import werkzeug_app

    from . import forks, kept, tls
    from .front import Front
    from .server import Server, die_with_parent

    kept.install()
    default_user_config["lambda"]["use_docker"] = False
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # nobody calls from a browser
    if not options.plain:
        from .install import install

        install()
    front = Front(not options.plain)
    if options.forks:
        # The call returns in the forked servers only.
        options = parser.parse_args(forks.serve(front))
        if options.plain:
            parser.error("--plain belongs to the process that forks")
    if not options.no_stdin:
        die_with_parent()
    server = Server(front, options.port, tls.context(options.tls) if options.tls else None)
    scheme, host = ("https", "localhost") if options.tls else ("http", "127.0.0.1")
    print(json.dumps({"endpoint": f"{scheme}://{host}:{server.port}", "pid": os.getpid()}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
