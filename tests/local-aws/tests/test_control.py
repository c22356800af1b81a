"""The control API and the server, on which the harness builds."""

from __future__ import annotations

import http.client
import json
import ssl
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionClosedError

from .world import Aws, LocalAwsTest, allow, start, zipped


class Faults(LocalAwsTest):
    def fault(self, **fault: Any) -> None:
        self.control("POST", "faults", fault)

    def test_each_service_answers_errors_in_its_own_form(self) -> None:
        calls: list[tuple[str, str, Any]] = [
            ("lambda", "ListFunctions", lambda: self.aws("lambda").list_functions()),
            ("sts", "GetCallerIdentity", lambda: self.aws("sts").get_caller_identity()),
            ("iam", "ListRoles", lambda: self.aws("iam").list_roles()),
            ("s3", "ListBuckets", lambda: self.aws("s3").list_buckets()),
            ("sqs", "ListQueues", lambda: self.aws("sqs").list_queues()),
            ("events", "ListRules", lambda: self.aws("events").list_rules()),
        ]
        for service, operation, call in calls:
            with self.subTest(service):
                self.fault(
                    service=service, operation=operation, status=429, code="TooManyRequestsException", message="slow <down>"
                )
                with self.refused("TooManyRequestsException", 429, "slow <down>"):
                    call()
                call()

    def test_first_matching_calls_can_pass(self) -> None:
        self.fault(service="sqs", after=1, times=1, code="Throttled", status=400)
        self.aws("sqs").list_queues()
        with self.refused("Throttled", 400):
            self.aws("sqs").list_queues()

    def test_answer_of_an_executed_call_can_be_lost(self) -> None:
        self.fault(service="sqs", operation="CreateQueue", status=0, execute=True)
        with self.assertRaises(ConnectionClosedError):
            self.aws("sqs").create_queue(QueueName="made")
        self.assertEqual(len(self.aws("sqs").list_queues()["QueueUrls"]), 1)

    def test_call_can_be_delayed_until_it_is_requested(self) -> None:
        self.fault(service="sqs", operation="CreateQueue", late=True)
        with self.assertRaises(ConnectionClosedError):
            self.aws("sqs").create_queue(QueueName="made-late")
        self.assertNotIn("QueueUrls", self.aws("sqs").list_queues())
        self.assertEqual(self.control("POST", "late")["statuses"], [200])
        self.assertEqual(len(self.aws("sqs").list_queues()["QueueUrls"]), 1)

    def test_call_can_be_dropped_before_it_is_executed(self) -> None:
        self.fault(service="sqs", operation="CreateQueue", status=0)
        with self.assertRaises(ConnectionClosedError):
            self.aws("sqs").create_queue(QueueName="not-made")
        self.assertNotIn("QueueUrls", self.aws("sqs").list_queues())

    def test_fault_of_assume_role_can_select_the_roles_account(self) -> None:
        other = self.new_account()
        role = self.role("target", allow("*"), aws=other)
        self.fault(operation="AssumeRole", account=other.account, code="Throttling", status=400)
        with self.refused("Throttling", 400):
            self.session(role, self.aws)
        self.session(role, self.aws)

    def test_fault_can_select_keys_by_prefix(self) -> None:
        name, s3 = self.bucket("faulty"), self.aws("s3")
        self.fault(service="s3", key_prefix="claims/", code="SlowDown", status=503)
        s3.put_object(Bucket=name, Key="other", Body=b"")
        with self.refused("SlowDown", 503):
            s3.put_object(Bucket=name, Key="claims/1", Body=b"")

    def test_fault_can_select_sessions_by_prefix(self) -> None:
        role = self.role("client", allow({"AWS": self.account}))
        client = self.session(role, self.aws, RoleSessionName="client-1")
        self.fault(session="client", code="Throttled", status=400)
        self.aws("sqs").list_queues()
        with self.refused("Throttled", 400):
            client("sqs").list_queues()

    def test_unknown_field_is_refused(self) -> None:
        with self.assertRaises(urllib.error.HTTPError):
            self.fault(servise="s3")


class Calls(LocalAwsTest):
    def since(self) -> list[Any]:
        return list(self.control("GET", "calls")["calls"])

    def test_operations_are_named_as_aws_names_them(self) -> None:
        name = self.bucket("named")
        self.function()
        self.control("DELETE", "calls")
        self.aws("s3").put_object(Bucket=name, Key="a b/ü", Body=b"x")
        self.aws("s3").get_object(Bucket=name, Key="a b/ü")
        self.aws("s3").list_objects_v2(Bucket=name)
        self.aws("lambda").get_function(FunctionName=f"arn:aws:lambda:eu-west-1:{self.account}:function:orders")
        self.aws("sqs").list_queues()
        found = [(c["service"], c["operation"], c.get("key"), c.get("function")) for c in self.since()]
        self.assertEqual(
            found,
            [
                ("s3", "PutObject", "a b/ü", None),
                ("s3", "GetObject", "a b/ü", None),
                ("s3", "ListObjectsV2", None, None),
                ("lambda", "GetFunction", None, "orders"),
                ("sqs", "ListQueues", None, None),
            ],
        )

    def test_writes_to_lambda_show_their_preconditions_and_never_a_variable(self) -> None:
        self.function(Environment={"Variables": {"SECRET": "hunter2"}})
        self.control("DELETE", "calls")
        self.control("POST", "label", {"label": "here"})
        self.addCleanup(self.control, "POST", "label", {"label": ""})
        lam = self.aws("lambda")
        variables = {"Variables": {"SECRET": "hunter3"}}
        lam.update_function_configuration(FunctionName="orders", Environment=variables, Role=self._role)
        lam.get_function(FunctionName="orders")
        lam.update_function_code(FunctionName="orders", ZipFile=zipped(b"2"), Publish=True)
        configuration, _, code = self.since()
        self.assertNotIn("hunter", json.dumps(self.since()))
        self.assertEqual(configuration["parameters"], {"Role": True, "fields": ["Environment", "Role"]})
        self.assertEqual((code["parameters"]["ZipFile"], code["parameters"]["Publish"]), (True, True))
        self.assertEqual({c["label"] for c in self.since()}, {"here"})

    def test_latency_is_slept_once_per_call_and_shows_in_its_times(self) -> None:
        self.control("POST", "latency", {"ms": 30})
        self.addCleanup(self.control, "POST", "latency", {"ms": 0})
        self.control("DELETE", "calls")
        self.aws("sqs").list_queues()
        (call,) = self.since()
        self.assertGreaterEqual(call["end_ms"] - call["start_ms"], 30)

    def test_calls_since_a_number_are_newer(self) -> None:
        self.aws("sqs").list_queues()
        last = self.since()[-1]["seq"]
        self.aws("sqs").list_queues()
        self.assertEqual([c["seq"] for c in self.control("GET", f"calls?since={last}")["calls"]], [last + 1])


class Invocations(LocalAwsTest):
    def test_invocation_answers_as_set_by_a_test(self) -> None:
        self.function()
        lam = self.aws("lambda")
        self.control("POST", "invoke", {"function": "orders", "payload": {"ok": True}})
        self.assertEqual(json.load(lam.invoke(FunctionName="orders")["Payload"]), {"ok": True})
        self.control("POST", "invoke", {"function": "orders", "error": {"errorType": "E", "errorMessage": "m"}, "times": 1})
        answer = lam.invoke(FunctionName="orders")
        self.assertEqual((answer["FunctionError"], json.load(answer["Payload"])["errorType"]), ("Unhandled", "E"))

    def test_session_of_a_service_can_be_requested(self) -> None:
        keys = self.control("POST", "session", {"role_arn": self.role("exec"), "session_name": "deployer"})
        session = Aws(self.endpoint, keys["access_key_id"], keys["secret_access_key"], keys["session_token"])
        self.assertEqual(session("sts").get_caller_identity()["Arn"], f"arn:aws:sts::{self.account}:assumed-role/exec/deployer")


class Http(LocalAwsTest):
    """Tests of requests as other SDKs send them, on one connection that stays open."""

    def setUp(self) -> None:
        super().setUp()
        self.name = self.bucket("raw")
        self.connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc)
        self.addCleanup(self.connection.close)
        self.signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={self.account}/20260101/eu-west-1/s3/aws4_request, x"}

    def ask(self, method: str, key: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        self.connection.request(method, f"/{self.name}/{key}", body, {**self.signed, **headers})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def test_connection_is_reused_without_delay(self) -> None:
        self.ask("PUT", "k", b"x")
        socket, started = self.connection.sock, time.monotonic()
        for _ in range(20):
            self.assertEqual(self.ask("GET", "k"), (200, b"x"))
            self.assertEqual(self.ask("HEAD", "k")[0], 200)
            self.assertEqual(self.ask("GET", "absent")[0], 404)
        self.assertIs(self.connection.sock, socket)
        self.assertLess(time.monotonic() - started, 5)  # 40 ms each would be the delay of a stalled ACK: 2.4 s and more

    def test_chunked_upload_with_trailing_checksum_is_unwrapped(self) -> None:
        content = b"0123456789" * 100_000
        wrapped = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n" % (len(content), content)
        wanted = {
            "Content_Encoding": "aws-chunked",
            "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x_amz_decoded_content_length": str(len(content)),
            "x_amz_trailer": "x-amz-checksum-crc32",
        }
        self.assertEqual(self.ask("PUT", "k", wrapped, **wanted)[0], 200)
        self.assertEqual(self.ask("GET", "k"), (200, content))

    def test_body_of_unknown_length_is_accepted(self) -> None:
        self.assertEqual(self.ask("PUT", "k", iter([b"01", b"23"]))[0], 200)
        self.assertEqual(self.ask("GET", "k"), (200, b"0123"))

    def test_client_that_expects_100_continue_gets_one(self) -> None:
        self.connection.putrequest("PUT", f"/{self.name}/k")
        for header, value in {**self.signed, "Expect": "100-continue", "Content-Length": "2"}.items():
            self.connection.putheader(header, value)
        self.connection.endheaders()
        self.assertIn(b"100 Continue", self.connection.sock.recv(1000))
        self.connection.send(b"ok")
        self.assertEqual(self.connection.getresponse().read(), b"")
        self.assertEqual(self.ask("GET", "k"), (200, b"ok"))


class Process(unittest.TestCase):
    def test_server_ends_when_its_stdin_closes(self) -> None:
        server, _ = start()
        assert server.stdin and server.stdout
        server.stdin.close()
        self.assertEqual(server.wait(5), 0)
        server.stdout.close()

    def test_server_serves_https_with_its_own_authority(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            server, endpoint = start("--tls", directory)
            trust = ssl.create_default_context(cafile=str(Path(directory) / "ca.pem"))
            with urllib.request.urlopen(f"{endpoint}/local-aws/calls", context=trust) as answer:
                self.assertEqual(json.load(answer), {"calls": []})
        assert server.stdin and server.stdout
        server.stdin.close()
        server.wait(5)
        server.stdout.close()
