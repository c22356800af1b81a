"""Metrics of functions, and alarms.

Our reading of CloudWatch API Reference, GetMetricData, DescribeAlarms, DescribeAlarmHistory, PutMetricAlarm, PutCompositeAlarm and
SetAlarmState; AWS Lambda Developer Guide, "Using CloudWatch metrics with Lambda".
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from .plain import correction
from .world import PLAIN, REGION, LocalAwsTest, must

MINUTE = 1790000040  # 2026-09-21, at the beginning of a minute


class CloudWatch(LocalAwsTest):
    def setUp(self) -> None:
        super().setUp()
        self.cw = self.aws("cloudwatch")

    # ---- metrics

    def count(self, minute: int, invocations: int, errors: int = 0, resource: str | None = None, version: str | None = None) -> None:
        """Fills the table of metrics, as Lambda does. Plain moto has no such table."""
        where = {"account": self.account, "region": REGION, "function": "orders"}
        behind = {k: v for k, v in (("resource", resource), ("version", version)) if v}
        if not PLAIN:
            self.control("POST", "metrics", {**where, **behind, "minute": minute, "invocations": invocations, "errors": errors})

    def query(self, metric: str, *dimensions: tuple[str, str], number: int = 0) -> dict[str, Any]:
        named = [{"Name": "FunctionName", "Value": "orders"}, *({"Name": n, "Value": v} for n, v in dimensions)]
        stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": named}, "Period": 60, "Stat": "Sum"}
        return {"Id": f"m{number}", "MetricStat": stat}

    def ask(self, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
        times = {"StartTime": MINUTE - 3600, "EndTime": MINUTE + 600}
        return dict(must(lambda: self.cw.get_metric_data(MetricDataQueries=list(queries), **times, **more)))

    def read(self, metric: str, *dimensions: tuple[str, str]) -> list[tuple[int, float]]:
        (result,) = self.ask(self.query(metric, *dimensions), ScanBy="TimestampAscending")["MetricDataResults"]
        return list(zip([int(t.timestamp()) - MINUTE for t in result["Timestamps"]], result["Values"], strict=True))

    # ---- alarms

    def alarm(self, name: str) -> None:
        self.cw.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/ApiGateway",
            MetricName="5XXError",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Period=60,
            Threshold=1,
            Statistic="Sum",
        )

    def composite(self, name: str, of: str) -> None:
        must(lambda: self.cw.put_composite_alarm(AlarmName=name, AlarmRule=f"ALARM({of})"))

    def become(self, name: str, state: str) -> None:
        self.cw.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")

    def names(self, **wishes: Any) -> list[list[str]]:
        found = self.cw.describe_alarms(**wishes)
        return [[alarm["AlarmName"] for alarm in found[kind]] for kind in ("MetricAlarms", "CompositeAlarms")]

    def history(self, **wishes: Any) -> list[str]:
        items = must(lambda: getattr(self.cw, "describe_alarm_history")(**wishes))["AlarmHistoryItems"]
        return [json.loads(item["HistoryData"])["newState"]["stateValue"] for item in items]


ALIAS = ("Resource", "orders:live")


@correction
class Metrics(CloudWatch):
    def test_invocations_are_reported_by_function_alias_and_version(self) -> None:
        self.count(MINUTE, 90, 1, "live", "7")
        self.count(MINUTE, 10, 5, "live", "8")
        self.count(MINUTE + 60, 50)
        self.assertEqual(self.read("Invocations"), [(0, 100), (60, 50)])
        self.assertEqual(self.read("Invocations", ALIAS), [(0, 100)])
        self.assertEqual(self.read("Errors", ALIAS, ("ExecutedVersion", "8")), [(0, 5)])
        self.assertEqual(self.read("Invocations", ALIAS, ("ExecutedVersion", "7")), [(0, 90)])

    def test_minute_without_errors_has_no_datapoint(self) -> None:
        self.count(MINUTE, 4, 0, "live", "7")
        self.assertEqual([self.read(metric, ALIAS) for metric in ("Invocations", "Errors")], [[(0, 4)], []])

    def test_answer_comes_in_pages_of_the_datapoints_wished_for(self) -> None:
        for minute in range(3):
            self.count(MINUTE + 60 * minute, 10 + minute, 1)
        queries = [self.query("Invocations"), self.query("Errors", number=1)]
        seen: list[tuple[str, list[float]]] = []
        token: dict[str, str] = {}
        for _ in range(3):
            page = self.ask(*queries, MaxDatapoints=2, ScanBy="TimestampAscending", **token)
            seen += [(f"{r['Id']} {r['StatusCode']}", r["Values"]) for r in page["MetricDataResults"] if r["Values"]]
            token = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
        self.assertEqual(token, {})
        expected = [("m0 PartialData", [10, 11]), ("m0 Complete", [12]), ("m1 PartialData", [1]), ("m1 Complete", [1, 1])]
        self.assertEqual(seen, expected)

    def test_more_than_500_queries_are_refused(self) -> None:
        with self.refused("ValidationError", 400):
            queries = [self.query("Errors", number=number) for number in range(501)]
            self.cw.get_metric_data(MetricDataQueries=queries, StartTime=MINUTE, EndTime=MINUTE + 60)


@correction
class Alarms(CloudWatch):
    def test_composite_alarms_are_listed_only_if_their_type_is_named(self) -> None:
        self.alarm("a")
        self.composite("b", "a")
        self.assertEqual(self.names(AlarmNames=["a", "b"]), [["a"], []])

    def test_type_that_is_not_named_is_not_listed(self) -> None:
        self.alarm("a")
        self.composite("b", "a")
        self.assertEqual(self.names(AlarmNames=["a", "b"], AlarmTypes=["CompositeAlarm"]), [[], ["b"]])

    def test_both_types_are_listed_where_both_are_named(self) -> None:
        self.alarm("a")
        self.composite("b", "a")
        self.assertEqual(self.names(AlarmNames=["a", "b"], AlarmTypes=["MetricAlarm", "CompositeAlarm"]), [["a"], ["b"]])

    def test_new_alarm_has_insufficient_data(self) -> None:
        self.alarm("a")
        (alarm,) = self.cw.describe_alarms(AlarmNames=["a"])["MetricAlarms"]
        self.assertEqual(alarm["StateValue"], "INSUFFICIENT_DATA")

    def test_alarms_come_in_pages(self) -> None:
        for name in ("a", "b", "c"):
            self.alarm(name)
        self.assertEqual(self.names(MaxRecords=2), [["a", "b"], []])

    def test_more_than_100_names_are_refused(self) -> None:
        with self.refused("ValidationError", 400):
            self.cw.describe_alarms(AlarmNames=[str(number) for number in range(101)])

    def test_history_has_each_change_of_the_state(self) -> None:
        self.alarm("a")
        for state in ("OK", "ALARM", "ALARM", "OK"):
            self.become("a", state)
        self.assertEqual(self.history(AlarmName="a", HistoryItemType="StateUpdate"), ["OK", "ALARM", "OK"])
        self.assertEqual(self.history(AlarmName="a", ScanBy="TimestampAscending", MaxRecords=1), ["OK"])

    def test_history_begins_where_it_is_asked_to(self) -> None:
        self.alarm("a")
        self.become("a", "ALARM")
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = datetime.timedelta(hours=1)
        self.assertEqual([self.history(AlarmName="a", StartDate=now + by) for by in (-hour, hour)], [["ALARM"], []])

    def test_history_of_a_composite_alarm_is_read_by_its_type(self) -> None:
        self.alarm("a")
        self.composite("b", "a")
        self.become("b", "ALARM")
        kinds = ["CompositeAlarm", "MetricAlarm"]
        self.assertEqual([self.history(AlarmName="b"), self.history(AlarmName="b", AlarmTypes=kinds)], [[], ["ALARM"]])


class AlsoOnPlainMoto(CloudWatch):
    def test_alarm_by_another_name_is_not_found(self) -> None:
        self.alarm("a")
        self.assertEqual(self.names(AlarmNames=["b"], AlarmTypes=["MetricAlarm", "CompositeAlarm"]), [[], []])
