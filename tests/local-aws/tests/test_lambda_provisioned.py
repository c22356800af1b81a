"""Provisioned concurrency on an alias, and the alias's traffic while the concurrency moves.

Our reading of Lambda API Reference, PutProvisionedConcurrencyConfig and GetProvisionedConcurrencyConfig, and of
hashicorp/terraform-provider-aws#48116 and serverless/serverless#7250.
"""

from __future__ import annotations

from typing import Any

from .plain import correction
from .world import LocalAwsTest, must

WHERE = {"FunctionName": "orders", "Qualifier": "live"}


class AnAlias(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()
        self.lam = self.aws("lambda")
        self.old = self.version(b"2")
        self.new = self.version(b"3")
        self.lam.create_alias(FunctionName="orders", Name="live", FunctionVersion=self.old)

    def provision(self) -> None:
        must(lambda: self.lam.put_provisioned_concurrency_config(**WHERE, ProvisionedConcurrentExecutions=2))
        self.assertEqual(self.status()["Status"], "READY")

    def status(self) -> dict[str, Any]:
        return dict(must(lambda: self.lam.get_provisioned_concurrency_config(**WHERE)))

    def move(self, version: str, **more: Any) -> tuple[str, dict[str, float]]:
        answer = self.lam.update_alias(FunctionName="orders", Name="live", FunctionVersion=version, **more)
        return self.traffic(answer)

    def look(self) -> tuple[str, dict[str, float]]:
        return self.traffic(self.lam.get_alias(FunctionName="orders", Name="live"))

    @staticmethod
    def traffic(alias: dict[str, Any]) -> tuple[str, dict[str, float]]:
        return alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


@correction
class Moving(AnAlias):
    def test_alias_without_provisioned_concurrency_is_not_found(self) -> None:
        with self.refused("ProvisionedConcurrencyConfigNotFoundException", 404, "No Provisioned Concurrency Config"):
            self.lam.get_provisioned_concurrency_config(**WHERE)

    def test_traffic_stays_on_the_former_version_until_concurrency_is_ready(self) -> None:
        self.provision()
        self.control("POST", "settle", {"operation": "provision", "reads": 1})
        held = (self.new, {self.old: 1.0})
        seen = [self.move(self.new), self.look(), self.look()]
        self.assertEqual(seen, [held, held, (self.new, {})])
        self.assertEqual(self.status()["Status"], "READY")

    def test_configuration_is_in_progress_while_concurrency_moves(self) -> None:
        self.provision()
        self.control("POST", "settle", {"operation": "provision", "reads": 1})
        self.move(self.new)
        self.assertEqual([self.status()["Status"] for _ in range(2)], ["IN_PROGRESS", "IN_PROGRESS"])

    def test_failed_init_leaves_the_traffic_for_good(self) -> None:
        self.provision()
        fail = {"code": "FUNCTION_ERROR_INIT_FAILURE", "reason": "FUNCTION_ERROR_INIT_FAILURE"}
        self.control("POST", "settle", {"operation": "provision", "fail": fail})
        self.move(self.new)
        self.assertEqual([self.look() for _ in range(2)], [(self.new, {self.old: 1.0})] * 2)
        status = self.status()
        self.assertEqual((status["Status"], status["StatusReason"]), ("FAILED", "FUNCTION_ERROR_INIT_FAILURE"))

    def test_moving_the_alias_back_needs_no_transition(self) -> None:
        self.provision()
        self.control("POST", "settle", {"operation": "provision", "reads": 9, "times": 1})
        self.move(self.new)
        with self.refused("InvalidParameterValueException", 400, "is already included in routing configuration"):
            self.move(self.old)
        self.assertEqual(self.move(self.old, RoutingConfig={"AdditionalVersionWeights": {}}), (self.old, {}))
        self.assertEqual(self.status()["Status"], "READY")

    def test_clearing_the_weight_moves_the_traffic_at_once(self) -> None:
        self.provision()
        self.control("POST", "settle", {"operation": "provision", "reads": 9})
        self.move(self.new)
        self.assertEqual(self.move(self.new, RoutingConfig={"AdditionalVersionWeights": {}}), (self.new, {}))

    def test_alias_has_another_revision_after_the_traffic_moved(self) -> None:
        self.provision()
        moved = self.lam.update_alias(FunctionName="orders", Name="live", FunctionVersion=self.new)
        self.assertEqual(self.traffic(moved), (self.new, {self.old: 1.0}))
        self.assertNotEqual(self.lam.get_alias(FunctionName="orders", Name="live")["RevisionId"], moved["RevisionId"])

    def test_alias_with_weights_refuses_provisioned_concurrency(self) -> None:
        self.lam.update_alias(FunctionName="orders", Name="live", RoutingConfig={"AdditionalVersionWeights": {self.new: 0.1}})
        with self.refused("InvalidParameterValueException", 400, "Alias with weights"):
            self.lam.put_provisioned_concurrency_config(**WHERE, ProvisionedConcurrentExecutions=2)

    def test_deleted_configuration_holds_no_traffic_back(self) -> None:
        self.provision()
        self.control("POST", "settle", {"operation": "provision", "reads": 9})
        self.move(self.new)
        self.lam.delete_provisioned_concurrency_config(**WHERE)
        self.assertEqual(self.look(), (self.new, {}))


class AlsoOnPlainMoto(AnAlias):
    def test_an_alias_without_provisioned_concurrency_moves_at_once(self) -> None:
        self.assertEqual(self.move(self.new), (self.new, {}))
