"""KMS keys show their rotation period and usage, as Terraform reads them back; nothing is encrypted, key policies are not read.

Our reading of KMS API Reference, EnableKeyRotation, GetKeyRotationStatus and CreateKey.
"""

from __future__ import annotations

import json
from typing import Any

from moto.kms.models import Key, KmsBackend
from moto.kms.responses import KmsResponse

DAY_SECONDS = 86400

_enable_key_rotation = KmsResponse.enable_key_rotation
_get_key_rotation_status = KmsResponse.get_key_rotation_status
_create_key = KmsBackend.create_key


def enable_key_rotation(self: KmsResponse) -> str:
    """EnableKeyRotation, "RotationPeriodInDays": the default is a year."""
    answer = _enable_key_rotation(self)
    _key(self).rotation_days = int(self._get_param("RotationPeriodInDays") or 365)
    return answer


def get_key_rotation_status(self: KmsResponse) -> str:
    """GetKeyRotationStatus: shows period and next date of a key that rotates."""
    shown = json.loads(_get_key_rotation_status(self))
    key = _key(self)
    shown["KeyId"] = key.arn
    if shown["KeyRotationEnabled"]:
        days = getattr(key, "rotation_days", 365)
        shown |= {"RotationPeriodInDays": days, "NextRotationDate": key.creation_date + days * DAY_SECONDS}
    return json.dumps(shown)


def _key(response: KmsResponse) -> Any:
    backend = response.kms_backend
    return backend.keys[backend.get_key_id(response._get_param("KeyId"))]


def create_key(self: KmsBackend, policy: Any, key_usage: str, key_spec: str, description: str, *rest: Any, **more: Any) -> Key:
    """CreateKey, "KeyUsage" and "MultiRegion": the default is encryption in one region."""
    key = _create_key(self, policy, key_usage or "ENCRYPT_DECRYPT", key_spec, description, *rest, **more)
    key.multi_region = bool(key.multi_region)
    return key


def install() -> None:
    KmsResponse.enable_key_rotation = enable_key_rotation  # type: ignore[method-assign]
    KmsResponse.get_key_rotation_status = get_key_rotation_status  # type: ignore[method-assign]
    KmsBackend.create_key = create_key  # type: ignore[method-assign]
