"""Log groups show their class: our reading of CloudWatch Logs API Reference, CreateLogGroup and LogGroup."""

from __future__ import annotations

from typing import Any

from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse

_create_log_group = LogsResponse.create_log_group
_to_describe_dict = LogGroup.to_describe_dict


def create_log_group(self: LogsResponse) -> str:
    """CreateLogGroup: stores "logGroupClass"."""
    answer = _create_log_group(self)
    group: Any = self.logs_backend.groups[self._get_param("logGroupName")]
    group.log_group_class = self._get_param("logGroupClass") or "STANDARD"
    return answer


def to_describe_dict(self: LogGroup) -> dict[str, Any]:
    return {**_to_describe_dict(self), "logGroupClass": getattr(self, "log_group_class", "STANDARD")}


def install() -> None:
    LogsResponse.create_log_group = create_log_group  # type: ignore[method-assign]
    LogGroup.to_describe_dict = to_describe_dict  # type: ignore[method-assign]
