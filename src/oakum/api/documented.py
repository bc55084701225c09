"""The API's OpenAPI document: ninja's, with short operation ids and the fault that every operation may answer."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from pydantic import TypeAdapter

from oakum.api.faults import Fault

_DESCRIPTION = (
    "Every request carries a personal token: `Authorization: Bearer oak_...`. Instants are RFC 3339 in UTC, durations "
    "are seconds where a field says so. Lists are pages: `rows`, `total_count`, `limit`, `offset`."
)


class DocumentedApi(NinjaAPI):
    """An API whose document tells all that a client meets."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Name an operation after its function."""
        return str(operation.view_func.__name__)

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Return the document."""
        schema = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        schema["info"]["description"] = _DESCRIPTION
        schema["components"]["schemas"]["Fault"] = TypeAdapter(Fault).json_schema()
        fault = {
            "description": "Fault",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}},
        }
        for methods in schema["paths"].values():
            for operation in methods.values():
                operation["responses"]["default"] = fault
        return schema
