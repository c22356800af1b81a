"""CloudWatch's metrics of functions, and alarms with their history.

Our reading of CloudWatch API Reference, GetMetricData, DescribeAlarms, DescribeAlarmHistory, PutMetricAlarm and PutCompositeAlarm;
AWS Lambda Developer Guide, "Using CloudWatch metrics with Lambda".
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend, MetricDatum, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

_new_alarm = Alarm.__init__
_update_state = Alarm.update_state
_get_metric_data = CloudWatchResponse.get_metric_data

# GetMetricData, "MetricDataQueries" and "MaxDatapoints"; DescribeAlarms, "AlarmNames" and "MaxRecords".
_MOST_QUERIES = 500
_MOST_DATAPOINTS = 100_800
_MOST_NAMES = 100
_ALARMS_A_PAGE = 50


class InvalidNextToken(InvalidParameterValue):
    code = "InvalidNextToken"


# ---- metrics


def count(account: str, region: str, sent: dict[str, Any]) -> None:
    """Counts invocations of a function, as Lambda reports them.

    Lambda reports an invocation under FunctionName, through an alias or a version also with Resource, and through an alias with
    weights also with ExecutedVersion. It sends only what is not zero.
    """
    function, resource, version = sent["function"], sent.get("resource"), sent.get("version")
    minute = float(sent["minute"]) // 60 * 60
    dimensions = [{"Name": "FunctionName", "Value": function}]
    reported = [list(dimensions)]
    if resource is not None:
        dimensions.append({"Name": "Resource", "Value": f"{function}:{resource}"})
        reported.append(list(dimensions))
    if version is not None:
        dimensions.append({"Name": "ExecutedVersion", "Value": str(version)})
        reported.append(list(dimensions))
    at = datetime.fromtimestamp(minute, timezone.utc).replace(tzinfo=None)
    backend: CloudWatchBackend = cloudwatch_backends[account][region]
    for metric in ("Invocations", "Errors"):
        value = float(sent.get(metric.lower(), 0))
        if value:
            backend.metric_data.extend(MetricDatum("AWS/Lambda", metric, value, d, at, "Count") for d in reported)


def get_metric_data(self: CloudWatchResponse) -> ActionResult:
    """GetMetricData: 500 queries at most; answers come in pages of MaxDatapoints, of which all but the last say PartialData."""
    params = self._get_params()
    if len(params.get("MetricDataQueries", [])) > _MOST_QUERIES:
        raise ValidationError(f"The collection MetricDataQueries must not have a size greater than {_MOST_QUERIES}.")
    answer = _get_metric_data(self)
    results: list[dict[str, Any]] = answer.result["MetricDataResults"]
    begin = _position(params.get("NextToken"))
    end = begin + int(params.get("MaxDatapoints") or _MOST_DATAPOINTS)
    at, more = 0, False
    for result in results:
        first, last = max(begin - at, 0), max(end - at, 0)
        at += len(result["values"])
        if len(result["values"]) > last:
            result["status_code"], more = "PartialData", True
        result["values"], result["timestamps"] = result["values"][first:last], result["timestamps"][first:last]
    answer.result["NextToken"] = str(end) if more else None
    return answer


def _position(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit():
        raise InvalidNextToken("The next token specified is invalid.")
    return int(token)


# ---- alarms


def new_alarm(self: Alarm, *args: Any, **kwargs: Any) -> None:
    """PutMetricAlarm and PutCompositeAlarm: a new alarm has the state INSUFFICIENT_DATA."""
    _new_alarm(self, *args, **kwargs)
    self.state_value = "INSUFFICIENT_DATA"


def put_composite_alarm(self: CloudWatchResponse) -> ActionResult:
    """PutCompositeAlarm, which moto does not know. Its rule is stored and not evaluated: tests set its state."""
    return self.put_metric_alarm()


def update_state(self: Alarm, reason: str, reason_data: str, state_value: str) -> None:
    """SetAlarmState: each change of the state is an item of the history."""
    before = {"stateValue": self.state_value, "stateReason": self.state_reason}
    _update_state(self, reason, reason_data, state_value)
    self.history.pop()
    if before["stateValue"] == state_value:
        return
    after = {"stateValue": state_value, "stateReason": reason}
    self.history.append(
        {
            "AlarmName": self.name,
            "AlarmType": _kind(self),
            "Timestamp": utcnow(),
            "HistoryItemType": "StateUpdate",
            "HistorySummary": f"Alarm updated from {before['stateValue']} to {state_value}",
            "HistoryData": json.dumps({"version": "1.0", "oldState": before, "newState": after}),
        }
    )


def describe_alarms(self: CloudWatchResponse) -> ActionResult:
    """DescribeAlarms: composite alarms only where AlarmTypes names them; 100 names at most; pages of MaxRecords, 50 by default."""
    names, prefix = self._get_param("AlarmNames", []), self._get_param("AlarmNamePrefix")
    if len(names) > _MOST_NAMES:
        raise ValidationError(f"The collection AlarmNames must not have a size greater than {_MOST_NAMES}.")
    if names and prefix:
        raise InvalidParameterCombination("AlarmNamePrefix and AlarmNames cannot both be specified")
    kinds, state = self._get_param("AlarmTypes") or ["MetricAlarm"], self._get_param("StateValue")
    action = self._get_param("ActionPrefix")
    found = [
        alarm
        for alarm in sorted(self.cloudwatch_backend.alarms.values(), key=lambda alarm: alarm.name)
        if _kind(alarm) in kinds
        and (not names or alarm.name in names)
        and alarm.name.startswith(prefix or "")
        and state in (None, alarm.state_value)
        and (not action or any(a.startswith(action) for a in alarm.alarm_actions))
    ]
    begin = _position(self._get_param("NextToken"))
    end = begin + int(self._get_param("MaxRecords") or _ALARMS_A_PAGE)
    page = found[begin:end]
    result = {
        "MetricAlarms": [alarm for alarm in page if alarm.rule is None],
        "CompositeAlarms": [alarm for alarm in page if alarm.rule is not None],
        "NextToken": str(end) if len(found) > end else None,
    }
    return ActionResult(result)


def describe_alarm_history(self: CloudWatchResponse) -> ActionResult:
    """DescribeAlarmHistory, which moto does not know: the newest first, and composite alarms only where AlarmTypes names them."""
    name, kinds = self._get_param("AlarmName"), self._get_param("AlarmTypes") or ["MetricAlarm"]
    since, until = self._get_param("StartDate"), self._get_param("EndDate")
    items = [
        item
        for alarm in self.cloudwatch_backend.alarms.values()
        if name in (None, alarm.name) and _kind(alarm) in kinds
        for item in alarm.history
        if self._get_param("HistoryItemType") in (None, item["HistoryItemType"])
        and (since is None or _naive(since) <= _naive(item["Timestamp"]))
        and (until is None or _naive(item["Timestamp"]) <= _naive(until))
    ]
    items.sort(key=lambda item: item["Timestamp"], reverse=self._get_param("ScanBy") != "TimestampAscending")
    begin = _position(self._get_param("NextToken"))
    end = begin + int(self._get_param("MaxRecords") or _MOST_NAMES)
    return ActionResult({"AlarmHistoryItems": items[begin:end], "NextToken": str(end) if len(items) > end else None})


def _kind(alarm: Alarm) -> str:
    return "MetricAlarm" if alarm.rule is None else "CompositeAlarm"


def _naive(time: datetime) -> datetime:
    return time.astimezone(timezone.utc).replace(tzinfo=None) if time.tzinfo else time


def install() -> None:
    Alarm.__init__ = new_alarm  # type: ignore[method-assign]
    Alarm.update_state = update_state  # type: ignore[method-assign]
    CloudWatchResponse.get_metric_data = get_metric_data  # type: ignore[method-assign]
    CloudWatchResponse.describe_alarms = describe_alarms  # type: ignore[method-assign]
    CloudWatchResponse.put_composite_alarm = put_composite_alarm  # type: ignore[attr-defined]
    CloudWatchResponse.describe_alarm_history = describe_alarm_history  # type: ignore[attr-defined]
