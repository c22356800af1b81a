"""Holds an assumed-role session to its inline policy, and everyone to a bucket's Deny.

Only that: a role's own policies are tested as documents, elsewhere. Sessions without an inline policy are not limited.
Our reading of IAM User Guide, "Session policies", and Service Authorization Reference, "Actions, resources, and condition keys
for AWS Lambda" and "… for Amazon S3".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import unquote

from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition
from werkzeug.wrappers import Response

from . import policy, wire
from .calls import Call
from .rules import ORGANIZATIONS, WISHES

Need = tuple[str, str]

_READS = {"GetObject": "GetObject", "HeadObject": "GetObject", "DeleteObject": "DeleteObject"}
_WRITES = {"CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "PostObject"}
_LISTS = {"ListObjects", "ListObjectsV2", "HeadBucket"}


def refusal(call: Call) -> Response | None:
    """The 403 that a call gets for what it is, before anything is looked at."""
    if call.service not in ("lambda", "s3"):
        return None
    needs = list(_lambda(call) if call.service == "lambda" else _s3(call))
    denied = next((n for n in needs if not may(call, *n)), None)
    if denied is None:
        return None
    code = "AccessDeniedException" if call.service == "lambda" else "AccessDenied"
    return wire.error(call.service, 403, code, refused(call, *denied))


def refused(call: Call, action: str, resource: str) -> str:
    return (
        f"User: {call.caller.arn} is not authorized to perform: {action} on resource: {resource} "
        "because no session policy allows the action"
    )


def may(call: Call, action: str, resource: str) -> bool:
    if not WISHES.enforce:
        return True
    session = call.caller.session
    keys = context(call)
    if action == "iam:PassRole":  # IAM User Guide, "Available keys for AWS services": iam:PassedToService
        keys["iam:PassedToService"] = "lambda.amazonaws.com"
    request = policy.Request(action, resource, context=keys)
    if session and session.policy and policy.evaluate(session.policy, request) is not policy.Decision.ALLOW:
        return False
    return not (action.startswith("s3:") and bucket_denies(call, action, resource))


def context(call: Call) -> dict[str, str]:
    """Condition keys (IAM User Guide, "AWS global condition context keys"). The emulator stands for the https endpoints."""
    keys = {
        "aws:PrincipalAccount": call.caller.account,
        "aws:PrincipalArn": call.caller.session.role_arn if call.caller.session else call.caller.arn,
        "aws:PrincipalType": "AssumedRole" if call.caller.session else "Account",
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
    }
    if call.caller.account in ORGANIZATIONS:
        keys["aws:PrincipalOrgID"] = ORGANIZATIONS[call.caller.account]
    if call.caller.session and call.caller.session.source_identity:
        keys["aws:SourceIdentity"] = call.caller.session.source_identity
    if call.service == "s3":
        keys |= {f"s3:{k}": call.wire[k] for k in ("prefix", "delimiter") if k in call.wire}
        if "versionId" in call.wire:
            keys["s3:VersionId"] = call.wire["versionId"]
    return keys


def bucket_denies(call: Call, action: str, resource: str) -> bool:
    """Whether the bucket's policy denies it (Amazon S3 User Guide, "How Amazon S3 authorizes a request")."""
    name = resource.split(":::")[-1].split("/")[0]
    if name not in s3_backends.bucket_accounts:
        return False
    partition, account = s3_backends.bucket_accounts[name]
    bucket = s3_backends[account][partition].get_bucket(name)
    request = policy.Request(action, resource, call.caller.principals, context(call))
    return bucket.policy is not None and policy.evaluate(bucket.policy, request) is policy.Decision.DENY


def veiled(call: Call, answer: Response) -> Response:
    """What a limited session must not learn: tags without ListTags, and that an object is missing without ListBucket.

    Lambda API Reference, GetFunction; Amazon S3 API Reference, GetObject ("Permissions").
    """
    found, missing = answer.status_code == 200, answer.status_code == 404 and "versionId" not in call.wire
    if found and call.operation == "GetFunction" and not may(call, "lambda:ListTags", function_arn(call)):
        answer.set_data(json.dumps({k: v for k, v in answer.get_json().items() if k != "Tags"}))
    if missing and call.operation in ("GetObject", "HeadObject") and not may(call, "s3:ListBucket", bucket_arn(call)):
        return wire.error("s3", 403, "AccessDenied", refused(call, "s3:ListBucket", bucket_arn(call)))
    return answer


def function_arn(call: Call) -> str:
    return f"arn:{get_partition(call.region)}:lambda:{call.region}:{call.account}:function:{call.function}"


def bucket_arn(call: Call) -> str:
    return f"arn:{get_partition(call.region)}:s3:::{call.bucket}"


def _lambda(call: Call) -> Iterator[Need]:
    action = f"lambda:{'InvokeFunction' if call.operation == 'Invoke' else call.operation}"
    if call.function is None:
        resource = call.wire.get("Resource", "*")
        yield action, unquote(resource)
        return
    function, qualified = function_arn(call), f"{function_arn(call)}:{call.qualifier}"
    if call.operation in ("CreateAlias", "UpdateAlias", "GetAlias", "DeleteAlias"):
        # AWS asks for one of the two and its documents do not say clearly which: who lists both is safe.
        yield action, function
        yield action, qualified
    elif call.operation == "CreateFunction" or call.qualifier is None:
        yield action, function
    else:
        yield action, qualified
    if call.operation == "CreateFunction" and call.wire.get("Tags"):
        yield "lambda:TagResource", function
    if call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        for layer in call.wire.get("Layers") or []:
            yield "lambda:GetLayerVersion", layer
        if "Role" in call.wire:  # IAM User Guide, "Grant a user permissions to pass a role": also when it does not change
            yield "iam:PassRole", call.wire["Role"]


def _s3(call: Call) -> Iterator[Need]:
    if call.bucket is None:
        yield "s3:ListAllMyBuckets", "*"
    elif call.key is None:
        action = {"ListObjectVersions": "ListBucketVersions", "DeleteObjects": "DeleteObject"}.get(call.operation)
        yield f"s3:{'ListBucket' if call.operation in _LISTS else action or call.operation}", bucket_arn(call)
    else:
        resource = f"{bucket_arn(call)}/{call.key}"
        action = "PutObject" if call.operation in _WRITES else _READS.get(call.operation, call.operation)
        versioned = "Version" if "versionId" in call.wire and call.operation in _READS else ""
        yield f"s3:{action}{versioned}", resource
        if call.wire.get("CopySource"):
            source, _, version = call.wire["CopySource"].lstrip("/").partition("?versionId=")
            partition = bucket_arn(call).split(":")[1]
            yield f"s3:GetObject{'Version' if version else ''}", f"arn:{partition}:s3:::{unquote(source)}"
