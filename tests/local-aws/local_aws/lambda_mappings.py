"""Event source mappings; the harness reads the queues in their place.

Our reading of Lambda API Reference, CreateEventSourceMapping, UpdateEventSourceMapping, ListEventSourceMappings and
DeleteEventSourceMapping.
"""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.responses import LambdaResponse
from moto.core.common_types import TYPE_RESPONSE

from . import world
from .calls import function_of


class Missing(LambdaClientError):
    code = 404

    def __init__(self) -> None:
        super().__init__("ResourceNotFoundException", "The resource you requested does not exist.")


class Mappings(LambdaResponse):
    def create_event_source_mapping(self) -> TYPE_RESPONSE:
        """CreateEventSourceMapping: FunctionArn is the ARN of the alias or version that the request names."""
        _, _, body = super().create_event_source_mapping()
        return self._mapped(json.loads(body)["UUID"])

    def update_event_source_mapping(self) -> TYPE_RESPONSE:
        """UpdateEventSourceMapping: keeps the alias's ARN; a mapping that does not exist is a 404."""
        mapping = self._mapping(self._uuid())
        target = mapping.function_arn
        super().update_event_source_mapping()
        mapping.scaling_config = mapping.scaling_config or None  # an empty one ends the limit
        if "FunctionName" in self.json_body:
            return self._mapped(mapping.uuid)
        mapping.function_arn = target
        return 202, {"status": 202}, json.dumps(mapping.get_configuration())

    def list_event_source_mappings(self) -> str:
        """ListEventSourceMappings: each form of a function's name finds the mappings of that function, version or alias."""
        source, name = (self.querystring.get(key, [None])[0] for key in ("EventSourceArn", "FunctionName"))
        found = self.backend.list_event_source_mappings(source, None)
        named = [one for one in found if name is None or function_of(one.function_arn) == function_of(name)]
        return json.dumps({"EventSourceMappings": [one.get_configuration() for one in named]})

    def delete_event_source_mapping(self) -> TYPE_RESPONSE:
        """DeleteEventSourceMapping: a mapping that does not exist is a 404."""
        self._mapping(self._uuid())
        return super().delete_event_source_mapping()

    def _mapped(self, uuid: str) -> TYPE_RESPONSE:
        mapping = self._mapping(uuid)
        name, qualifier = function_of(self.json_body["FunctionName"])
        latest = self.backend.get_function(name).function_arn
        mapping.function_arn = f"{latest}:{qualifier}" if qualifier else latest
        return 202, {"status": 202}, json.dumps(mapping.get_configuration())

    def _mapping(self, uuid: str) -> Any:
        found = self.backend.get_event_source_mapping(uuid)
        if found is None:
            raise Missing
        return found

    @staticmethod
    def _uuid() -> str:
        call = world.current()
        assert call is not None
        return str(call.wire["UUID"])
