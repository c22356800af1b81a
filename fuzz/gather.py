#!/usr/bin/env python3
"""Gathers what the repository already has as seeds and words for the fuzz targets: `fuzz/gather.py FOLDER`.

Packages are used where they lie (tests/fixtures/packages). Manifests and configurations come out of those packages, the docs'
examples and the texts of core's tests; events are in fuzz/events.
"""

import json
import re
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "deployer/core/src"


def manifests_in_packages():
    for path in sorted((ROOT / "tests/fixtures/packages").glob("*.zip")):
        try:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if re.fullmatch(r"function\.\w+", name):
                        yield archive.read(name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
            pass  # Some fixtures are broken on purpose.


def examples(kind):
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "infra/README.md"]:
        for block in re.findall(rf"^```{kind}\n(.*?)^```", path.read_text(), re.M | re.S):
            yield block.encode()


def texts_of_tests(folder):
    for path in sorted(folder.rglob("*.rs")):
        text = path.read_text()
        for literal in re.findall(r'r#"(.*?)"#', text, re.S):
            yield literal.encode()
        for literal in re.findall(r'(?<!r#)"((?:[^"\\\n]|\\.)*)"', text):
            if "=" in literal or "{" in literal:
                yield literal.replace("\\n", "\n").replace('\\"', '"').encode()


def configurations():
    base = {"artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger", "queue_url": "https://sqs.eu-west-1.amazonaws.com/1/q",
            "event_bus": "deployer"}
    targets = [{"account": "111111111111", "region": "eu-west-1"}, {"account": "222222222222", "region": "us-east-1"}]
    promotion = {"from": "dev", "require": "any", "automatic": True, "soak": "30m", "policy": "in-order"}
    prod = {"targets": targets[1:], "promotion": promotion, "approval": {"required": 2, "expires": "1d"}, "when_frozen": "refuse",
            "freeze": [{"first": "2026-12-20", "last": "2027-01-02", "zone": "UTC"},
                       {"days": ["fri", "sat"], "from": "18:00", "to": "08:00", "zone": "Europe/Berlin"}],
            "external_id": "acme-1", "role_name": "deployer-deploy", "alias": "live", "traffic_within": "15m", "keep_versions": 5,
            "prune_durable": True, "immutable_releases": True, "execution_role": "lambda/{function}-*",
            "function_name": "{environment}_{function}"}
    yield json.dumps({**base, "environments": {"dev": {"targets": targets[:1]}, "prod": prod}}).encode()
    yield json.dumps({**base, "environments": {"dev": {"targets": targets}, "prod": {"targets": targets}}}).encode()


def words(schema):
    """Names of fields and the words that they take."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties":
                yield from value
            if key in ("enum", "const"):
                yield from (word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str))
            yield from words(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from words(item)


def write_dictionary(path, found):
    plain = sorted({word for word in found if re.fullmatch(r"[\w .:/-]+", word)})
    path.write_text("".join(f'"{word}"\n' for word in plain))


def main(made):
    seeds = {
        "manifest": [*manifests_in_packages(), *examples("toml"), *examples("json"), *texts_of_tests(CORE / "manifest"),
                     (ROOT / "artifacts/dev/hello/function.toml").read_bytes()],
        "deployer_json": [*configurations(), *examples("json"), *texts_of_tests(CORE / "config")],
    }
    for target, texts in seeds.items():
        folder = made / target
        folder.mkdir(parents=True, exist_ok=True)
        for text in texts:
            (folder / sha256(text).hexdigest()[:16]).write_bytes(text)
    schemas = {path.name.split(".")[0]: list(words(json.loads(path.read_text()))) for path in (ROOT / "deployer/schemas").glob("*.json")}
    write_dictionary(made / "manifest.dict", schemas["function"] + ["environments.dev", "FunctionName", "MemorySize", "Runtime", "Handler"])
    write_dictionary(made / "deployer_json.dict", schemas["deployer"] + ["{function}", "{environment}", "eu-west-1", "30m"])
    events = re.findall(r'"([\w :./-]+)"', "".join(path.read_text() for path in (ROOT / "fuzz/events").glob("*.json")))
    write_dictionary(made / "trigger.dict", [*events, *(word for name, all in schemas.items() if "command" in name for word in all)])
    (made / "zip.dict").write_text("".join(f'"PK\\x{a:02x}\\x{b:02x}"\n' for a, b in [(1, 2), (3, 4), (5, 6), (6, 6), (6, 7), (7, 8)])
                                   + '"bootstrap"\n"function.toml"\n"function.json"\n"index.js"\n"\\x75\\x70"\n"\\x01\\x00"\n'
                                   + '"\\xff\\xff\\xff\\xff"\n"../"\n"./"\n"__MACOSX/"\n')


if __name__ == "__main__":
    main(Path(sys.argv[1]))
