"""Reads a function's code from the request or, with the caller's rights, from S3; knows nothing of functions.

Our reading of Lambda API Reference, CreateFunction and UpdateFunctionCode, and Lambda Developer Guide, "Lambda quotas".
"""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.s3.models import FakeKey, s3_backends

from . import access, world

MAX_INLINE = 50 * 1024 * 1024
MAX_UNZIPPED = 262_144_000


class TooLarge(LambdaClientError):
    code = 413

    def __init__(self, operation: str) -> None:
        message = f"Request must be smaller than 70167211 bytes for the {operation} operation"
        super().__init__("RequestEntityTooLargeException", message)


class S3Trouble(InvalidParameterValueException):
    """Lambda's answer to any error of S3: always 400, with S3's error in the text only."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}")


def read(code: dict[str, Any], region: str) -> bytes:
    """Returns the zip that `code` (FunctionCode, or UpdateFunctionCode's own fields) names, after Lambda's checks."""
    if "ZipFile" in code:
        zipped = base64.b64decode(code["ZipFile"])
        if len(zipped) > MAX_INLINE:
            call = world.current()
            raise TooLarge(call.operation if call else "UpdateFunctionCode")
    elif "S3Bucket" in code and "S3Key" in code:
        zipped = _from_s3(code["S3Bucket"], code["S3Key"], code.get("S3ObjectVersion"), region)
    else:
        raise InvalidParameterValueException("Please provide a source for function code.")
    _check(zipped)
    return zipped


def _check(zipped: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile:
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
    if not entries:
        raise InvalidParameterValueException("Uploaded file must be a non-empty zip")
    if sum(e.file_size for e in entries) > MAX_UNZIPPED:
        raise InvalidParameterValueException(f"Unzipped size must be smaller than {MAX_UNZIPPED} bytes")


def _from_s3(name: str, key: str, version: str | None, region: str) -> bytes:
    """Reads as the caller; checks bucket, region, permission, key and version in S3's order."""
    if name not in s3_backends.bucket_accounts:
        raise S3Trouble("NoSuchBucket", "The specified bucket does not exist")
    partition, account = s3_backends.bucket_accounts[name]
    backend = s3_backends[account][partition]
    bucket = backend.get_bucket(name)
    if bucket.region_name != region:
        raise S3Trouble(
            "PermanentRedirect",
            f"The bucket is in this region: {bucket.region_name}. Please use this region to retry the request",
        )
    arn = f"{bucket.arn}/{key}"
    needed = ["s3:GetObject", "s3:GetObjectVersion"] if version else ["s3:GetObject"]
    _require(needed, arn)
    found: FakeKey | None = backend.get_object(name, key, version_id=version)
    if found is None:
        if version is None:
            _require(["s3:ListBucket"], bucket.arn)
        if version is not None and key in bucket.keys:
            raise S3Trouble("NoSuchVersion", "The specified version does not exist.")
        raise S3Trouble("NoSuchKey", "The specified key does not exist.")
    return found.value


def _require(actions: list[str], resource: str) -> None:
    """Requires that the caller may do `actions`: Lambda reads with the caller's rights, in another account too."""
    call = world.current()
    denied = next((d for d in (access.denial(call, action, resource) for action in actions) if d), None) if call else None
    if denied:
        denied.record()
        raise S3Trouble("AccessDenied", "Access Denied")
