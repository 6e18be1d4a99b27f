"""A shop as an OpenAPI document describes it, and a document of any number of operations."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["SHOP", "large", "shop"]

SHOP: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "2.4"},
    "servers": [{"url": "https://{region}.shop.example/v2", "variables": {"region": {"default": "eu"}}}],
    "security": [{"key": []}],
    "paths": {
        "/orders": {
            "get": {
                "operationId": "listOrders",
                "summary": "List the orders of a customer.",
                "parameters": [
                    {"name": "customer", "in": "query", "required": True, "schema": {"type": "string"}},
                    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "description": "a page",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "orders": {
                                            "type": "array",
                                            "items": {"$ref": "#/components/schemas/Order"},
                                        },
                                        "next": {"type": ["string", "null"]},
                                    },
                                }
                            }
                        },
                    }
                },
            },
            "post": {
                "operationId": "createOrder",
                "summary": "Create an order.",
                "parameters": [{"$ref": "#/components/parameters/Key"}],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
                },
                "responses": {
                    "201": {
                        "description": "created",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
                    }
                },
            },
        },
        "/orders/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "operationId": "getOrder",
                "summary": "Give an order.",
                "responses": {"200": {"$ref": "#/components/responses/Order"}},
            },
            "delete": {
                "operationId": "cancelOrder",
                "summary": "Cancel an order.",
                "responses": {"204": {"description": "gone"}},
            },
        },
    },
    "components": {
        "parameters": {
            "Key": {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}
        },
        "responses": {
            "Order": {
                "description": "an order",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
            }
        },
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["id", "item"],
                "properties": {
                    "id": {"type": "string", "readOnly": True},
                    "item": {"type": "string", "minLength": 1},
                    "count": {"type": "integer", "minimum": 1},
                    "note": {"type": ["string", "null"]},
                    "parent": {"$ref": "#/components/schemas/Order"},
                    "secret": {"type": "string", "writeOnly": True},
                },
            }
        },
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Shop-Key"},
            "basic": {"type": "http", "scheme": "basic"},
            "bearer": {"type": "http", "scheme": "bearer"},
            "oauth": {
                "type": "oauth2",
                "flows": {"clientCredentials": {"tokenUrl": "http://127.0.0.1/token", "scopes": {"all": ""}}},
            },
        },
    },
}


def shop(**paths: Any) -> dict[str, Any]:
    """Give the document, with more of its paths: `shop(**{"/x": {...}})`."""
    found = copy.deepcopy(SHOP)
    found["paths"] |= paths
    return found


AREAS = ("invoice", "shipment", "warehouse", "supplier", "refund", "coupon", "review", "employee", "device")
ACTS = (
    ("get", "list", "", "List every {0} of a {1}, the newest first, by page."),
    ("post", "create", "", "Create a {0} for a {1}."),
    ("get", "get", "/{id}", "Give one {0} of a {1} by its id."),
    ("patch", "update", "/{id}", "Change a {0} of a {1}; what is left out stays."),
    ("delete", "delete", "/{id}", "Delete a {0} of a {1} for good."),
)


def large(operations: int) -> dict[str, Any]:
    """Give a document of so many operations, each with schemas of the size that such documents have."""
    fields = {
        f"field_{number}": {"type": "string", "description": f"What stands in field {number} of it. " * 12}
        for number in range(30)
    }
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    made = 0
    for number in range(operations):
        area, owner = AREAS[number % len(AREAS)], f"tenant{number}"
        noun = f"{area.capitalize()}Of{owner.capitalize()}"
        schemas[noun] = {
            "type": "object",
            "properties": {**fields, "id": {"type": "string", "readOnly": True}},
        }
        for method, act, end, about in ACTS:
            if made == operations:
                return document(paths, schemas)
            made += 1
            item = paths.setdefault(f"/{owner}/{area}s{end}", {})
            said: dict[str, Any] = {
                "operationId": f"{act}{noun}",
                "summary": about.format(area, owner),
                "description": f"It is about the {area} of {owner}. " * 10,
                "responses": {"200": {"content": {"application/json": {"schema": of(noun)}}}},
            }
            if end:
                said["parameters"] = [{"name": "id", "in": "path", "schema": {"type": "string"}}]
            if method in {"post", "patch"}:
                said["requestBody"] = {"content": {"application/json": {"schema": of(noun)}}}
            item[method] = said
    return document(paths, schemas)


def of(noun: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{noun}"}


def document(paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.0.3",
        "info": {"title": "Everything", "version": "1"},
        "servers": [{"url": "https://api.everything.example"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }
