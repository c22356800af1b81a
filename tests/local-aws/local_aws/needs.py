"""Lists the actions and resources that a call needs to be allowed; knows nothing of policies.

Our reading of Service Authorization Reference, "Actions, resources, and condition keys for AWS Lambda", "… for Amazon S3", "… for
Amazon SQS", "… for Amazon CloudWatch" and "… for Amazon EventBridge"; Lambda API Reference, CreateFunction and
UpdateFunctionConfiguration.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from moto.sqs.models import sqs_backends
from moto.utilities.utils import get_partition

from .calls import Call

Need = tuple[str, str]

# Actions whose names differ from their operations' (Amazon S3 User Guide, "Required permissions for Amazon S3 API operations");
# the first are the operations that need PutObject.
_WRITES = {"CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "PostObject"}
_S3_ACTIONS = {
    **dict.fromkeys(_WRITES, "PutObject"),
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
}
_OF_VERSIONS = {
    "GetObject": "GetObjectVersion",
    "DeleteObject": "DeleteObjectVersion",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
}


def for_session_policies(call: Call) -> Iterator[Need]:
    """Yields what a session's inline policy and a bucket's policy must allow."""
    if call.service == "lambda":
        yield from _lambda(call)
    elif call.service == "s3":
        yield from _s3(call)
    elif call.service == "monitoring":
        # GetMetricData knows no resource. DescribeAlarms and DescribeAlarmHistory show composite alarms only to whoever may read all.
        yield f"cloudwatch:{call.operation}", "*"


def for_roles(call: Call) -> Iterator[Need]:
    """Yields what a role's own policies must allow, which is the same and more."""
    yield from for_session_policies(call)
    if call.service == "lambda" and call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        yield from _other_services(call)
    elif call.service == "s3" and call.key is not None and "x-amz-tagging" in call.headers:
        yield "s3:PutObjectTagging", f"{bucket_arn(call)}/{call.key}"
    elif call.service == "sqs":
        yield f"sqs:{call.operation.removesuffix('Batch')}", call.queue or "*"
        yield from _moves(call)
    elif call.service == "events" and call.operation == "PutEvents":
        for bus in sorted({str(entry.get("EventBusName") or "default") for entry in call.wire.get("Entries", [])}):
            yield "events:PutEvents", bus if bus.startswith("arn:") else _arn(call, "events", f"event-bus/{bus}")


def function_arn(call: Call) -> str:
    return _arn(call, "lambda", f"function:{call.function}")


def bucket_arn(call: Call) -> str:
    return f"arn:{get_partition(call.region)}:s3:::{call.bucket}"


def _arn(call: Call, service: str, resource: str) -> str:
    return f"arn:{get_partition(call.region)}:{service}:{call.region}:{call.account}:{resource}"


def _lambda(call: Call) -> Iterator[Need]:
    action = f"lambda:{'InvokeFunction' if call.operation == 'Invoke' else call.operation}"
    if call.function is None:
        resource = call.wire.get("Resource", "*")
        yield action, unquote(resource)
        return
    function, qualified = function_arn(call), f"{function_arn(call)}:{call.qualifier}"
    if call.operation in ("CreateAlias", "UpdateAlias", "GetAlias", "DeleteAlias"):
        # AWS needs one of the two, and its documents leave open which; a policy that lists both is safe.
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


def _other_services(call: Call) -> Iterator[Need]:
    """Yields what Lambda calls in other services with the caller's rights.

    Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC", "Securing Lambda environment
    variables" and "Configuring file system access for Lambda functions".
    """
    if (call.wire.get("VpcConfig") or {}).get("SubnetIds"):
        for described in ("SecurityGroups", "Subnets", "Vpcs"):
            yield f"ec2:Describe{described}", "*"
    if call.wire.get("KMSKeyArn"):
        for action in ("CreateGrant", "Encrypt", "Decrypt"):
            yield f"kms:{action}", call.wire["KMSKeyArn"]
    if call.wire.get("FileSystemConfigs"):
        yield "elasticfilesystem:DescribeMountTargets", "*"


def _moves(call: Call) -> Iterator[Need]:
    """Yields what SQS does with the caller's rights when it moves messages.

    SQS Developer Guide, "Troubleshoot Amazon SQS dead-letter queue and DLQ redrive issues". That SendMessage is checked when a
    task starts is an assumption: on AWS the task may fail with AccessDenied instead.
    """
    if not call.operation.endswith(("MessageMoveTask", "MessageMoveTasks")) or call.queue is None:
        return
    yield "sqs:GetQueueAttributes", call.queue
    if call.operation == "ListMessageMoveTasks":
        return
    for action in ("ReceiveMessage", "DeleteMessage"):
        yield f"sqs:{action}", call.queue
    if call.operation == "StartMessageMoveTask":
        backend, name = sqs_backends[call.account][call.region], call.queue.split(":")[-1]
        sources = backend.list_dead_letter_source_queues(name) if name in backend.queues else []
        for target in [call.wire["DestinationArn"]] if "DestinationArn" in call.wire else [q.queue_arn for q in sources]:
            yield "sqs:SendMessage", target


def _s3(call: Call) -> Iterator[Need]:
    action = _S3_ACTIONS.get(call.operation, call.operation)
    if call.bucket is None:
        yield f"s3:{action}", "*"
    elif call.operation == "DeleteObjects":  # AWS answers for each key; here one denied key denies the call
        for key, version in call.wire["Objects"]:
            yield f"s3:DeleteObject{'Version' if version else ''}", f"{bucket_arn(call)}/{key}"
    elif call.key is None:
        yield f"s3:{action}", bucket_arn(call)
    else:
        action = _OF_VERSIONS.get(action, action) if "versionId" in call.wire else action
        yield f"s3:{action}", f"{bucket_arn(call)}/{call.key}"
        if call.wire.get("CopySource"):
            source, _, version = call.wire["CopySource"].lstrip("/").partition("?versionId=")
            partition = bucket_arn(call).split(":")[1]
            yield f"s3:GetObject{'Version' if version else ''}", f"arn:{partition}:s3:::{unquote(source)}"
