"""Holds, which stop a client at one of its calls."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError

from .world import LocalAwsTest, allow


class Holds(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        role = self.role("client", allow({"AWS": self.account}))
        self.client = self.session(role, self.aws, RoleSessionName="client-1")("sqs")
        self.addCleanup(self.control, "DELETE", "hold")
        self.ends: list[str] = []

    def create(self, *names: str) -> threading.Thread:
        """Makes queues, one call each, until one of them gets no answer."""

        def work() -> None:
            try:
                for name in names:
                    self.client.create_queue(QueueName=name)
                    self.ends.append(name)
            except (ClientError, ConnectionClosedError) as e:
                self.ends.append(type(e).__name__)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def held(self, calls: int = 1) -> bool:
        return bool(self.control("GET", f"hold?seconds=10&calls={calls}")["held"])

    def made(self) -> list[str]:
        queues = self.aws("sqs").list_queues().get("QueueUrls", [])
        return sorted(url.rsplit("/", 1)[-1] for url in queues)

    def hold(self, **more: Any) -> None:
        self.control("POST", "hold", {"session": "client", **more})

    def test_held_call_is_executed_and_not_answered(self) -> None:
        self.hold(calls=2)
        client = self.create("a", "b", "c")
        self.assertTrue(self.held())
        self.assertEqual((self.made(), self.ends), (["a", "b"], ["a"]))
        self.control("DELETE", "hold")
        client.join()
        self.assertEqual((self.made(), self.ends), (["a", "b"], ["a", "ConnectionClosedError"]))

    def test_held_call_is_not_executed_if_requested(self) -> None:
        self.hold(calls=2, execute=False)
        client = self.create("a", "b", "c")
        self.assertTrue(self.held())
        self.control("DELETE", "hold")
        client.join()
        self.assertEqual((self.made(), self.ends), (["a"], ["a", "ConnectionClosedError"]))

    def test_call_after_the_held_one_is_not_executed(self) -> None:
        self.hold(calls=1)
        clients = [self.create("a")]
        self.assertTrue(self.held())
        clients.append(self.create("b"))
        self.assertTrue(self.held(calls=2))
        self.assertEqual(self.made(), ["a"])
        self.control("DELETE", "hold")
        for client in clients:
            client.join()
        self.assertEqual(self.made(), ["a"])

    def test_only_calls_of_the_operation_are_counted(self) -> None:
        self.hold(calls=2, operation="CreateQueue")
        self.client.list_queues()
        self.client.list_queues()
        self.assertFalse(self.control("GET", "hold?seconds=0")["held"])
        client = self.create("a", "b")
        self.assertTrue(self.held())
        later = threading.Thread(target=lambda: self.assertRaises(ConnectionClosedError, self.client.list_queues))
        later.start()
        self.assertTrue(self.held(calls=2))
        self.control("DELETE", "hold")
        client.join()
        later.join()
        self.assertEqual((self.made(), self.ends), (["a", "b"], ["a", "ConnectionClosedError"]))

    def test_other_sessions_are_neither_held_nor_counted(self) -> None:
        self.hold(calls=1)
        self.aws("sqs").create_queue(QueueName="ours")
        self.assertFalse(self.control("GET", "hold?seconds=0")["held"])
        self.assertEqual(self.made(), ["ours"])

    def test_calls_after_a_release_are_answered(self) -> None:
        self.hold(calls=1)
        self.control("DELETE", "hold")
        self.create("a", "b").join()
        self.assertEqual((self.made(), self.ends), (["a", "b"], ["a", "b"]))
