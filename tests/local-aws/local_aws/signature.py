"""Checks the signature of a call whose secret is known.

IAM User Guide, "Create a signed AWS API request" (Authorization header), and STS API Reference, "Common Error Types".
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm

_FORM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/(\w+)/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})"
)
# IAM User Guide, "AWS Signature Version 4 for API requests": five minutes in most cases; STS is known to take fifteen.
_GOOD_FOR = 15 * 60


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def mismatch(secret: str, method: str, headers: dict[str, str], body: bytes, now: float | None = None) -> str | None:
    """Returns what STS says of a signature that does not fit, which quotes the whole call; None if it fits.

    The path is / and there is no query, as in every call of STS by POST.
    """
    sent = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    found = _FORM.fullmatch(sent.get("authorization", ""))
    if not found:
        return "Authorization header is not of the form that is known"
    _, day, region, service, names, signature = found.groups()
    date = sent.get("x-amz-date", "")
    signed = names.split(";")
    canonical = "\n".join(
        [
            method,
            "/",
            "",
            *(f"{name}:{sent.get(name, '')}" for name in signed),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    if not hmac.compare_digest(_hmac(key, text).hex(), signature):
        return f"The request signature we calculated does not match. The Canonical String should have been '{canonical}'"
    age = (time.time() if now is None else now) - timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    if age > _GOOD_FOR:
        return f"Signature expired: {date} is now earlier than the oldest that is taken"
    if age < -_GOOD_FOR:
        return f"Signature not yet current: {date} is still later than now"
    return None
