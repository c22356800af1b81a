"""Lists the allowed and denied actions of sessions, each once: tests compare them with the roles' grants."""

from __future__ import annotations

from typing import Any

_USE = ("role_arn", "action", "resource")
_DENIAL = (*_USE, "because", "session_name")


class Uses:
    """Allowed and denied actions in the order of their first occurrence; the world's lock guards them."""

    def __init__(self) -> None:
        self._allowed: dict[tuple[str, ...], None] = {}
        self._denied: dict[tuple[str, ...], None] = {}

    def allowed(self, role_arn: str, action: str, resource: str) -> None:
        self._allowed[role_arn, action, resource] = None

    def denied(self, role_arn: str, action: str, resource: str, because: str, session_name: str) -> None:
        self._denied[role_arn, action, resource, because, session_name] = None

    def list_allowed(self) -> list[dict[str, Any]]:
        return [dict(zip(_USE, use, strict=True)) for use in self._allowed]

    def list_denied(self) -> list[dict[str, Any]]:
        return [dict(zip(_DENIAL, denial, strict=True)) for denial in self._denied]

    def forget_allowed(self) -> None:
        self._allowed.clear()

    def forget_denied(self) -> None:
        self._denied.clear()


USES = Uses()
