"""Checks calls against the session's inline policy, the role's policies and the resource's policy.

The role's policies are checked only after a test has asked for it (`enforce` with `identity`). Until then a session without an
inline policy is not limited, and only a Deny in a bucket's policy counts. An account's root and unknown keys need no policy, but
another account's bucket or queue must allow a root. Our reading of IAM User Guide, "Policy evaluation logic", "Session
policies", "Permissions boundaries for IAM entities" and "AWS global condition context keys".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from werkzeug.wrappers import Response

from . import decision, grants, needs, wire
from .calls import Call
from .needs import bucket_arn, function_arn
from .policy import Context
from .rules import BEHAVIOUR, ORGANIZATIONS
from .uses import USES

# Denials of services that do not answer 403 AccessDeniedException (EventBridge API Reference, "Common Errors").
_REFUSALS = {"s3": (403, "AccessDenied"), "sqs": (403, "AccessDenied"), "events": (400, "AccessDeniedException")}
# s3:ObjectCreationOperation by operation (Amazon S3 User Guide, "Enforce conditional writes on Amazon S3 buckets").
_MAKES_OBJECT = {
    **dict.fromkeys(("PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload"), "true"),
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "UploadPartCopy"), "false"),
}


@dataclass(frozen=True)
class Denial:
    """A denied call; the message follows IAM User Guide, "Troubleshoot access denied error messages"."""

    call: Call
    action: str
    resource: str
    policy_kind: str
    because: str

    @property
    def message(self) -> str:
        who = self.call.caller.arn
        return f"User: {who} is not authorized to perform: {self.action} on resource: {self.resource} {self.because}"

    def record(self) -> Denial:
        """Lists the denial, unless the session's inline policy denied the call: the caller has chosen that limit itself."""
        session = self.call.caller.session
        if session and self.policy_kind != "session policy":
            USES.denied(session.role_arn, self.action, self.resource, self.because, session.name)
        return self


def other_owner(call: Call) -> Response | None:
    """Returns the AccessDenied answer for a bucket of another account than the call expects.

    Amazon S3 User Guide, "Verifying bucket ownership with bucket owner condition".
    """
    expected = call.headers.get("x-amz-expected-bucket-owner")
    if call.service != "s3" or not expected or not call.bucket:
        return None
    owner = grants.find_resource(bucket_arn(call)).account
    return wire.error("s3", 403, "AccessDenied", "Access Denied") if owner not in (None, expected) else None


def refusal(call: Call) -> Response | None:
    """Returns the AccessDenied answer for a call that is denied, before moto sees the call."""
    wanted = needs.for_roles(call) if BEHAVIOUR.identity else needs.for_session_policies(call)
    denied = next((d for d in (denial(call, *need) for need in wanted) if d), None)
    if denied is None:
        return None
    status, code = _REFUSALS.get(call.service, (403, "AccessDeniedException"))
    return wire.error(call.service, status, code, denied.record().message)


def denial(call: Call, action: str, resource: str, trust: str | None = None, more: Context | None = None) -> Denial | None:
    """Returns the denial of an action, or None if it is allowed.

    `trust` is the trust policy of the role to be assumed. `more` holds condition keys of this request alone.
    """
    if not BEHAVIOUR.enforce:
        return None
    session = call.caller.session
    owned = grants.find_resource(resource) if action != "s3:CreateBucket" else grants.OwnedResource()
    account = resource.split(":")[4] if trust else owned.account
    role = grants.role(session.role_arn) if session and BEHAVIOUR.identity else None
    asked = decision.AccessRequest(
        action,
        resource,
        {**context(call), **_resource_context(call, action, account), **(more or {})},
        call.caller.principals,
        call.caller.own_names,
    )
    policies = decision.Policies(
        identity=grants.identity_policies(role) if session and BEHAVIOUR.identity else None,
        boundary=grants.boundary(role),
        session=session.policy if session else None,
        resource=trust or owned.policy,
        foreign=_is_foreign(call, account),
        trust=trust is not None,
    )
    refused = decision.decide(asked, policies)
    if refused:
        return Denial(call, action, resource, refused.policy_kind, refused.because(action))
    if session:
        USES.allowed(session.role_arn, action, resource)
    return None


def may(call: Call, action: str, resource: str) -> bool:
    return denial(call, action, resource) is None


def _is_foreign(call: Call, account: str | None) -> bool:
    """Whether the caller is of another account; false for keys other than sessions and roots, which only set tests up."""
    held = call.caller.session or re.fullmatch(r"\d{12}", call.caller.access_key)
    return bool(BEHAVIOUR.identity and held and account not in (None, call.caller.account))


def context(call: Call) -> dict[str, str | list[str]]:
    """Returns the call's condition keys (IAM User Guide, "AWS global condition context keys"), as over https."""
    session = call.caller.session
    keys: dict[str, str | list[str]] = {
        "aws:PrincipalAccount": call.caller.account,
        "aws:PrincipalArn": session.role_arn if session else call.caller.arn,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": "AssumedRole" if session else "Account",
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
        "aws:ViaAWSService": "false",
    }
    if call.caller.account in ORGANIZATIONS:
        keys["aws:PrincipalOrgID"] = ORGANIZATIONS[call.caller.account]
    if session and session.source_identity:
        keys["aws:SourceIdentity"] = session.source_identity
    if session:
        keys |= {f"aws:PrincipalTag/{k}": v for k, v in session.tags.items()}
    if session and session.function_arn:  # Lambda Developer Guide, "Using source function ARN to control function access"
        keys["lambda:SourceFunctionArn"] = session.function_arn
    if call.service == "s3":
        keys |= _s3_context(call)
    elif call.service == "lambda":
        vpc = call.wire.get("VpcConfig") or {}
        listed = (("Layer", call.wire.get("Layers")), *((k, vpc.get(k)) for k in ("SubnetIds", "SecurityGroupIds")))
        keys |= {f"lambda:{key}": values for key, values in listed if values}
        if vpc.get("SubnetIds"):  # Lambda finds the VPC by the subnets (Lambda Developer Guide, "VPC settings")
            keys["lambda:VpcIds"] = "vpc-00000001"
        keys |= _tag_context(call)
    elif call.service == "events":
        entries = call.wire.get("Entries", [])
        keys["events:source"] = [e["Source"] for e in entries if "Source" in e]
        keys["events:detail-type"] = [e["DetailType"] for e in entries if "DetailType" in e]
    return keys


def _tag_context(call: Call) -> dict[str, str | list[str]]:
    """Returns the keys about the tags that a call of Lambda sets or removes (Service Authorization Reference, "AWS Lambda")."""
    if call.operation == "UntagResource":
        return {"aws:TagKeys": call.wire["tagKeys"]} if call.wire.get("tagKeys") else {}
    tags = call.wire.get("Tags") if call.operation in ("CreateFunction", "TagResource") else None
    if not tags:
        return {}
    return {"aws:TagKeys": list(tags), **{f"aws:RequestTag/{k}": v for k, v in tags.items()}}


def _s3_context(call: Call) -> dict[str, str | list[str]]:
    """Returns the keys from query and headers (Service Authorization Reference, "Condition keys for Amazon S3")."""
    keys: dict[str, str | list[str]] = {"s3:TlsVersion": "1.3"}
    keys |= {f"s3:{k}": call.wire[k] for k in ("prefix", "delimiter", "max-keys") if k in call.wire}
    keys |= {f"s3:{k}": v for k, v in call.headers.items() if k.startswith("x-amz-")}
    if "versionId" in call.wire:
        keys["s3:VersionId"] = call.wire["versionId"]
    if call.operation in _MAKES_OBJECT:
        keys["s3:ObjectCreationOperation"] = _MAKES_OBJECT[call.operation]
    if call.operation in ("PutObject", "CompleteMultipartUpload", "DeleteObject"):
        keys |= {f"s3:{k}": call.headers[k] for k in ("if-match", "if-none-match") if k in call.headers}
    return keys


def _resource_context(call: Call, action: str, account: str | None) -> dict[str, str]:
    """Returns the condition keys that describe the resource and the service, not the caller."""
    keys = {}
    if action.startswith("kms:"):  # KMS Developer Guide, "kms:ViaService": here only Lambda calls KMS
        keys["kms:ViaService"] = f"lambda.{call.region}.amazonaws.com"
    if action == "iam:PassRole":  # IAM User Guide, "Available keys for AWS services": iam:PassedToService
        keys["iam:PassedToService"] = "lambda.amazonaws.com"
    if account:
        keys["aws:ResourceAccount"] = account
    if account in ORGANIZATIONS:
        keys["aws:ResourceOrgID"] = ORGANIZATIONS[account]
    if account and action.startswith("s3:"):
        keys["s3:ResourceAccount"] = account
    return keys


def redacted(call: Call, answer: Response) -> Response:
    """Hides tags from a session without ListTags, and that an object is missing from a session without ListBucket.

    Lambda API Reference, GetFunction; Amazon S3 API Reference, GetObject ("Permissions").
    """
    found, missing = answer.status_code == 200, answer.status_code == 404 and "versionId" not in call.wire
    if found and call.operation == "GetFunction" and not may(call, "lambda:ListTags", function_arn(call)):
        answer.set_data(json.dumps({k: v for k, v in answer.get_json().items() if k != "Tags"}))
    if missing and call.operation in ("GetObject", "HeadObject"):
        # ListBucket is checked with the object's key as s3:prefix (an assumption, not observed on AWS).
        denied = denial(call, "s3:ListBucket", bucket_arn(call), more={"s3:prefix": call.key or ""})
        if denied:
            return wire.error("s3", 403, "AccessDenied", denied.record().message)
    return answer
