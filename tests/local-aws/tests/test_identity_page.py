"""The program of docs/concepts/identity.md signs what the deployer composes."""

from __future__ import annotations

import hashlib
import re
import unittest
from pathlib import Path
from typing import Any

from botocore.credentials import ReadOnlyCredentials

from local_aws import signature

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "identity.md"
DEPLOYER = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
# What the deployer hashes: compact JSON with sorted names.
HOLD = '{"command":"hold","environment":"prod","function":"orders","id":"ä1","reason":"x"}'


class IdentityPage(unittest.TestCase):
    def proof(self, token: str | None) -> dict[str, str]:
        program = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        defined: dict[str, Any] = {}
        exec(program[0], defined)  # noqa: S102
        request = {"id": "ä1", "command": "hold", "reason": "x", "function": "orders", "environment": "prod"}
        return dict(defined["identity"](ReadOnlyCredentials("ASIAANN", "secret", token), DEPLOYER, request))

    def headers(self, proof: dict[str, str]) -> dict[str, str]:
        """Returns the headers as the deployer composes them."""
        token = proof.get("session_token")
        names = ["content-type", "host", "x-amz-date", *(["x-amz-security-token"] if token else [])]
        names += ["x-deployer-audience", "x-deployer-request"]
        scope = f"{proof['access_key_id']}/{proof['date'][:8]}/eu-west-1/sts/aws4_request"
        return {
            "content-type": "application/x-www-form-urlencoded",
            "host": "sts.eu-west-1.amazonaws.com",
            "x-amz-date": proof["date"],
            "x-amz-security-token": token or "",
            "x-deployer-audience": proof["audience"],
            "x-deployer-request": hashlib.sha256(HOLD.encode()).hexdigest(),
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={proof['signature']}",
        }

    def test_its_signature_fits_the_call_of_the_deployer(self) -> None:
        body = b"Action=GetCallerIdentity&Version=2011-06-15"
        for token in ("t0ken", None):
            headers = self.headers(self.proof(token))
            self.assertIsNone(signature.mismatch("secret", "POST", headers, body))
            self.assertIsNotNone(signature.mismatch("secret", "POST", headers | {"x-deployer-request": "0"}, body))
