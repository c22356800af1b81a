"""Values that Terraform's AWS provider reads back; it would write a missing one again at every apply, or wait for it.

Our reading of Lambda API Reference, PutFunctionRecursionConfig; Amazon S3 API Reference, PutBucketLifecycleConfiguration and
GetBucketEncryption; Amazon SQS API Reference, SetQueueAttributes and GetQueueAttributes; KMS API Reference, GetKeyRotationStatus;
CloudWatch Logs API Reference, CreateLogGroup.
"""

from __future__ import annotations

from typing import Any

from .plain import correction
from .world import LocalAwsTest, must


@correction
class Functions(LocalAwsTest):
    def test_recursive_loop_is_terminated_by_default(self) -> None:
        self.function()
        lam = self.aws("lambda")
        self.assertEqual(must(lambda: lam.get_function_recursion_config(FunctionName="orders"))["RecursiveLoop"], "Terminate")
        put = must(lambda: lam.put_function_recursion_config(FunctionName="orders", RecursiveLoop="Allow"))
        self.assertEqual(put["RecursiveLoop"], "Allow")
        lam.update_function_configuration(FunctionName="orders", Timeout=7)
        self.assertEqual(lam.get_function_recursion_config(FunctionName="orders")["RecursiveLoop"], "Allow")
        with self.refused("ResourceNotFoundException", 404):
            lam.get_function_recursion_config(FunctionName="absent")


class Settings(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.s3, self.name = self.aws("s3"), self.bucket("settings")

    def lifecycle(self, *rules: dict[str, Any], **more: str) -> Any:
        full = [{"ID": str(number), "Status": "Enabled", "Filter": {}, **rule} for number, rule in enumerate(rules)]
        put = self.s3.put_bucket_lifecycle_configuration(Bucket=self.name, LifecycleConfiguration={"Rules": full}, **more)
        got = self.s3.get_bucket_lifecycle_configuration(Bucket=self.name)
        self.assertEqual(got["Rules"], full)
        return put, got


@correction
class Buckets(Settings):
    def test_the_newer_versions_that_are_kept_are_read_back(self) -> None:
        self.lifecycle(
            {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
            {"NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 3}},
            {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        )

    def test_the_smallest_object_that_moves_is_kept(self) -> None:
        for sent, kept in (
            ({"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}, "varies_by_storage_class"),
            ({}, "all_storage_classes_128K"),
        ):
            for answer in self.lifecycle({"Expiration": {"Days": 1}}, **sent):
                self.assertEqual(answer.get("TransitionDefaultMinimumObjectSize"), kept)

    def test_a_bucket_is_encrypted_from_the_start(self) -> None:
        got = must(lambda: self.s3.get_bucket_encryption(Bucket=self.name))["ServerSideEncryptionConfiguration"]
        self.assertEqual(got["Rules"][0]["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})


class AlsoOnPlainMoto(Settings):
    def test_a_bucket_without_rules_has_none(self) -> None:
        with self.refused("NoSuchLifecycleConfiguration", 404):
            self.s3.get_bucket_lifecycle_configuration(Bucket=self.name)

    def test_bucket_encrypted_with_a_key_shows_the_key(self) -> None:
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:eu-west-1:111122223333:key/1"}
        rules = [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}]
        self.s3.put_bucket_encryption(Bucket=self.name, ServerSideEncryptionConfiguration={"Rules": rules})
        got = self.s3.get_bucket_encryption(Bucket=self.name)["ServerSideEncryptionConfiguration"]
        self.assertEqual(got["Rules"], rules)


@correction
class OtherServices(LocalAwsTest):
    def test_a_queue_has_one_kind_of_encryption_at_a_time(self) -> None:
        sqs = self.aws("sqs")
        queue = {"QueueUrl": sqs.create_queue(QueueName="work")["QueueUrl"]}
        sqs.set_queue_attributes(**queue, Attributes={"KmsMasterKeyId": "alias/x"})
        shown = sqs.get_queue_attributes(**queue, AttributeNames=["All"])["Attributes"]
        self.assertEqual((shown["SqsManagedSseEnabled"], shown["KmsMasterKeyId"]), ("false", "alias/x"))

    def test_a_queues_times_are_whole_seconds(self) -> None:
        sqs = self.aws("sqs")
        queue = sqs.create_queue(QueueName="work")["QueueUrl"]
        shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        self.assertTrue(shown["CreatedTimestamp"].isdigit() and shown["LastModifiedTimestamp"].isdigit(), shown)

    def test_key_shows_its_rotation_period(self) -> None:
        kms = self.aws("kms")
        key = {"KeyId": kms.create_key()["KeyMetadata"]["KeyId"]}
        kms.enable_key_rotation(**key)
        self.assertEqual(kms.get_key_rotation_status(**key).get("RotationPeriodInDays"), 365)
        kms.enable_key_rotation(**key, RotationPeriodInDays=90)
        shown = kms.get_key_rotation_status(**key)
        self.assertEqual((shown["KeyRotationEnabled"], shown["RotationPeriodInDays"]), (True, 90))
        self.assertIn("NextRotationDate", shown)
        kms.disable_key_rotation(**key)
        self.assertNotIn("RotationPeriodInDays", kms.get_key_rotation_status(**key))

    def test_key_is_for_encryption_by_default(self) -> None:
        made = self.aws("kms").create_key()["KeyMetadata"]
        self.assertEqual((made.get("KeyUsage"), made.get("MultiRegion")), ("ENCRYPT_DECRYPT", False))

    def test_log_group_shows_its_class(self) -> None:
        logs = self.aws("logs")
        logs.create_log_group(logGroupName="/standard")
        logs.create_log_group(logGroupName="/rare", logGroupClass="INFREQUENT_ACCESS")
        shown = {group["logGroupName"]: group.get("logGroupClass") for group in logs.describe_log_groups()["logGroups"]}
        self.assertEqual(shown, {"/standard": "STANDARD", "/rare": "INFREQUENT_ACCESS"})
