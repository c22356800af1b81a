"""Makes the folders to zip, which are small but have what people's folders have."""

import os
from pathlib import Path

NODE = {
    "function.toml": 'runtime = "nodejs22.x"\nhandler = "index.handler"\nrole = "orders-api"\n',
    "index.js": 'exports.handler = require("./lib/orders").handle;\n',
    "lib/orders.js": "exports.handle = async () => 1;\n",
    "package.json": '{"name": "orders-api"}\n',
    "grüße/東京.txt": "names beyond ASCII\n",
    ".env.example": "hidden for some tools\n",
    "data/zeros.bin": "\0" * 20_000,
    "node_modules/tool/cli.js": "#!/usr/bin/env node\n",
}
PROVIDED = {
    "function.toml": 'runtime = "provided.al2023"\nhandler = "bootstrap"\nrole = "orders-api"\n',
    "bootstrap": "#!/bin/sh\nexec ./bin/orders\n",
    "bin/orders": "#!/bin/sh\necho 1\n",
    "lib/libx.so.1": "a library\n" * 1000,
}
JAVA = {
    "function.toml": 'runtime = "java21"\nhandler = "com.acme.Orders::handle"\nrole = "orders-api"\n',
    "com/acme/Orders.java": "package com.acme;\npublic class Orders { public int handle(String event) { return 1; } }\n",
}
PROGRAMS = ["bootstrap", "bin/orders", "node_modules/tool/cli.js"]
LINKS = {
    "node": {"node_modules/.bin/tool": "../tool/cli.js", "node_modules/@acme/linked": "../tool"},
    "provided": {"lib/libx.so": "libx.so.1"},
    "java": {},
}
FILES = {"node": NODE, "provided": PROVIDED, "java": JAVA}


def make(folder: Path, kind: str) -> None:
    """Makes a tree with programs, links and an empty folder, readable for all, whatever the umask."""
    for name, text in FILES[kind].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name in PROGRAMS else 0o644)
    for name, target in LINKS[kind].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, path)
    (folder / "empty").mkdir()
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]:
        path.chmod(0o755)
