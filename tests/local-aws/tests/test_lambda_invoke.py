"""Invocations by version and through a weighted alias.

Our reading of Lambda API Reference, Invoke; Lambda Developer Guide, "Implement Lambda canary deployments using a weighted alias" and
"Using CloudWatch metrics with Lambda".
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from .plain import correction
from .world import PLAIN, LocalAwsTest, must


class Invocations(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.function()
        self.lam = self.aws("lambda")
        self.numbers = [self.version(content) for content in (b"2", b"3")]

    def fails(self, version: str) -> None:
        """Lets this version fail, and no other. Plain moto has no such rule."""
        if not PLAIN:
            error = {"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}
            self.control("POST", "invoke", {"function": "orders", "version": version, "error": error})

    def invoke(self, qualifier: str) -> tuple[str | None, str, Any]:
        """Returns the executed version, the error and the payload."""
        answer = must(lambda: self.lam.invoke(FunctionName="orders", Qualifier=qualifier, Payload=b"{}"))
        return answer.get("ExecutedVersion"), answer.get("FunctionError", ""), json.load(answer["Payload"])

    def share(self, version: str, weight: float) -> None:
        routing = {"AdditionalVersionWeights": {version: weight}}
        self.lam.create_alias(FunctionName="orders", Name="live", FunctionVersion=self.numbers[0], RoutingConfig=routing)

    def counted(self, metric: str, *dimensions: tuple[str, str]) -> float:
        named = [{"Name": n, "Value": v} for n, v in (("FunctionName", "orders"), *dimensions)]
        stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": named}, "Period": 60, "Stat": "Sum"}
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = datetime.timedelta(hours=1)
        answer = self.aws("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": stat}], StartTime=now - hour, EndTime=now + hour
        )
        return float(sum(answer["MetricDataResults"][0]["Values"]))


@correction
class ByVersion(Invocations):
    def test_version_that_fails_is_told_from_the_one_that_does_not(self) -> None:
        old, new = self.numbers
        self.fails(new)
        self.assertEqual(self.invoke(old), (old, "", None))
        self.assertEqual(self.invoke(new)[:2], (new, "Unhandled"))

    def test_weighted_alias_draws_a_version_for_each_invocation(self) -> None:
        self.share(self.numbers[1], 0.5)
        self.assertEqual({self.invoke("live")[0] for _ in range(60)}, set(self.numbers))

    def test_invocations_through_a_weighted_alias_are_counted_by_version(self) -> None:
        self.share(self.numbers[1], 1.0)
        self.fails(self.numbers[1])
        self.invoke("live")
        alias = ("Resource", "orders:live")
        self.assertEqual(self.counted("Errors", alias, ("ExecutedVersion", self.numbers[1])), 1)
        self.assertEqual((self.counted("Invocations", alias), self.counted("Invocations")), (1, 1))

    def test_invocation_by_number_is_counted_for_that_number_alone(self) -> None:
        self.invoke(self.numbers[1])
        self.assertEqual(self.counted("Invocations", ("Resource", f"orders:{self.numbers[1]}")), 1)
        self.assertEqual(self.counted("Errors", ("Resource", f"orders:{self.numbers[1]}")), 0)


@correction
class ByASession(Invocations):
    def test_session_for_one_version_invokes_no_other(self) -> None:
        old, new = self.numbers
        policy = {"Effect": "Allow", "Action": "lambda:InvokeFunction"}
        resource = f"arn:aws:lambda:eu-west-1:{self.account}:function:orders:{new}"
        document = json.dumps({"Version": "2012-10-17", "Statement": [{**policy, "Resource": resource}]})
        role = self.role("smoke", {"Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "sts:AssumeRole"})
        session = self.session(role, self.aws, Policy=document)("lambda")
        self.assertEqual(must(lambda: session.invoke(FunctionName="orders", Qualifier=new))["StatusCode"], 200)
        with self.refused("AccessDeniedException", 403, "lambda:InvokeFunction"):
            session.invoke(FunctionName="orders", Qualifier=old)
