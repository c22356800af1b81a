"""Provisioned concurrency on an alias, which Lambda moves when the alias moves.

Our reading of Lambda API Reference, PutProvisionedConcurrencyConfig, GetProvisionedConcurrencyConfig and
DeleteProvisionedConcurrencyConfig, and of reports by users of AWS (hashicorp/terraform-provider-aws#48116,
serverless/serverless#7250): after UpdateAlias Lambda itself sets a weight that leaves all traffic on the version before. It
removes that weight as soon as the concurrency is allocated on the new version. If the new version's init fails, the weight stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.core.common_types import TYPE_RESPONSE
from moto.core.utils import iso_8601_datetime_with_nanoseconds

from .lambda_attached import Attached
from .lambda_model import Alias
from .rules import BEHAVIOUR
from .settling import Settling


class NotProvisioned(LambdaClientError):
    code = 404

    def __init__(self) -> None:
        super().__init__(
            "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function"
        )


@dataclass
class Concurrency:
    """The provisioned concurrency of an alias or a version, and the version that it is allocated on."""

    requested: int
    allocated_on: str | None
    modified: str
    moving: Settling | None = None
    failure: tuple[str, str] | None = None

    def shown(self) -> dict[str, Any]:
        status = "IN_PROGRESS" if self.moving else "FAILED" if self.failure else "READY"
        allocated = self.requested if self.allocated_on else 0
        return {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AvailableProvisionedConcurrentExecutions": allocated if status == "READY" else 0,
            "AllocatedProvisionedConcurrentExecutions": allocated,
            "Status": status,
            **({"StatusReason": self.failure[1]} if self.failure else {}),
            "LastModified": self.modified,
        }


class Provisioned(Attached):
    def put_provisioned_concurrency_config(self) -> TYPE_RESPONSE:
        """PutProvisionedConcurrencyConfig: only on a published version, or on an alias of one without weights."""
        latest, qualifier = self._attached_to()
        alias = self._alias_named(qualifier)
        version = alias.function_version if alias else qualifier
        if version in (None, "$LATEST"):
            raise InvalidParameterValueException(
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
            )
        if alias and alias.weights:
            raise InvalidParameterValueException("Alias with weights can not be used with Provisioned Concurrency")
        before = latest.attached.get(("provisioned", qualifier))
        concurrency = Concurrency(
            int(self.json_body["ProvisionedConcurrentExecutions"]),
            before.allocated_on if before else None,
            iso_8601_datetime_with_nanoseconds(),
            self._start_move(),
        )
        latest.attached["provisioned", qualifier] = concurrency
        return self._answer(202, concurrency.shown())

    def get_provisioned_concurrency_config(self) -> TYPE_RESPONSE:
        """GetProvisionedConcurrencyConfig: does not count as a read while the alias has weights; only GetAlias does then."""
        _, qualifier = self._attached_to()
        concurrency = self._provisioned(qualifier)
        alias = self._alias_named(qualifier)
        if not (alias and alias.weights):
            self._note_read(concurrency, alias, alias.function_version if alias else qualifier)
        return self._answer(200, concurrency.shown())

    def delete_provisioned_concurrency_config(self) -> TYPE_RESPONSE:
        """DeleteProvisionedConcurrencyConfig: removes a weight that Lambda has set."""
        latest, qualifier = self._attached_to()
        self._provisioned(qualifier)
        alias = self._alias_named(qualifier)
        del latest.attached["provisioned", qualifier]
        if alias and alias.held_back:
            alias.all_to_function_version()
        return 204, {"status": 204}, ""

    def _provisioned(self, qualifier: str | None) -> Concurrency:
        concurrency = self._latest().attached.get(("provisioned", qualifier))
        if concurrency is None:
            raise NotProvisioned
        assert isinstance(concurrency, Concurrency)
        return concurrency

    def _alias_named(self, name: str | None) -> Alias | None:
        aliases: Any = self.backend.list_aliases(self._call().function or "")
        return next((alias for alias in aliases if alias.name == name), None)

    def _start_move(self) -> Settling:
        call = self._call()
        rule = BEHAVIOUR.settle.take(account=call.account, region=call.region, function=call.function, operation="provision")
        return Settling(rule)

    # ---- moves of the alias

    def _alias_moved(self, alias: Alias, before: str) -> None:
        """Keeps a moved alias's traffic on the former version until the concurrency is allocated on the new one."""
        concurrency = self._latest().attached.get(("provisioned", alias.name))
        if concurrency is None or alias.function_version == before:
            return
        concurrency.failure = None
        if alias.function_version == concurrency.allocated_on or alias.weights:
            concurrency.moving = None
            return
        concurrency.moving = self._start_move()
        alias.hold_back(concurrency.allocated_on or before)

    def _alias_read(self, alias: Alias) -> None:
        concurrency = self._latest().attached.get(("provisioned", alias.name))
        if concurrency is not None:
            self._note_read(concurrency, alias, alias.function_version)

    @staticmethod
    def _note_read(concurrency: Concurrency, alias: Alias | None, version: str | None) -> None:
        if concurrency.moving is None or concurrency.moving.hides_from_read():
            return
        concurrency.failure, concurrency.moving = concurrency.moving.failure, None
        if concurrency.failure is None:
            concurrency.allocated_on = version
            if alias and alias.held_back:
                alias.all_to_function_version()
