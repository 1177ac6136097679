"""The description of the server for machines, from the structs that it reads and writes."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from regimen.live import Answer, BarMessage, OperatorMessage
from regimen.serving.messages import AccountState, Health, OperatorRequest, Problem, Readiness, StoredEvents

_STRUCTS = (
    Answer,
    BarMessage,
    OperatorMessage,
    OperatorRequest,
    Problem,
    Health,
    Readiness,
    StoredEvents,
    AccountState,
)
_REFUSALS = {
    400: "The request was cut off.",
    401: "No key, or none that is known.",
    403: "The key has not the scope; or, without keys, the request is not of this machine.",
    404: "There is none.",
    405: "The path has another method.",
    408: "The body did not come in time.",
    409: "The bar does not follow the last one, or was answered already and was another one.",
    413: "The body is too long.",
    422: "It is no such JSON, or breaks a rule; nothing has changed.",
    429: "Too often, or too many at once.",
    500: "The server failed; nothing has changed.",
    503: "Not now: the server recovers, or its journal cannot be written.",
}
_LATER = (429, 503)
_WORDS = {
    "halt": "Stop: close every position, and open none until somebody resumes.",
    "reduce": "Hold on: positions may only shrink until somebody resumes.",
    "resume": "Trade again from the next bar on.",
}


@cache
def openapi(version: str) -> bytes:
    """Returns the description as JSON, OpenAPI 3.1.

    Args:
        version: of the server.
    """
    _, components = msgspec.json.schema_components(_STRUCTS, ref_template="#/components/schemas/{name}")
    event = components["StoredEvent"]["properties"]
    event["request"] = {"description": "A BarMessage, an OperatorMessage, or what the account was opened with."}
    event["answer"] = {"anyOf": [_ref("Answer"), {"type": "null"}]}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Regimen",
                "version": version,
                "description": "Decisions of one account. Every answer is in the journal before it goes out.",
            },
            "paths": _paths(),
            "components": {
                "schemas": components,
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _paths() -> dict[str, Any]:
    words = {
        f"/{word}": {
            "post": _operation(
                summary,
                "operate",
                _json("Answer", "What it changed."),
                (400, 401, 403, 408, 413, 422, 429, 500, 503),
                body=_body("OperatorRequest", required=False),
            )
        }
        for word, summary in _WORDS.items()
    }
    return {
        "/bars": {
            "post": _operation(
                "A bar that has closed; the decision is the answer.",
                "trade",
                _json("Answer", "What is decided, durable in the journal. The same bar again has the same answer."),
                (400, 401, 403, 408, 409, 413, 422, 429, 500, 503),
                body=_body("BarMessage"),
            )
        },
        "/bars/{symbol}": {
            "post": _operation(
                "A closed bar of one symbol; it is decided when all symbols have come, or after a while without them.",
                "trade",
                _json("Answer", "What is decided; everybody who posted a part of the bar has the same answer."),
                (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503),
                body=_body("BarMessage"),
                parameters=[
                    {
                        "name": "symbol",
                        "in": "path",
                        "required": True,
                        "description": "whose bar it is",
                        "schema": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
                    }
                ],
            )
        },
        **words,
        "/decisions": {
            "get": _operation(
                "Rows of the journal in order.",
                "read",
                _json("StoredEvents", "A page of rows."),
                (401, 403, 422, 429, 500, 503),
                parameters=[
                    _parameter("after", "number of the row before the first one", 0, {"minimum": 0}),
                    _parameter("limit", "rows at most", 100, {"minimum": 1, "maximum": 1000}),
                ],
            )
        },
        "/state": {
            "get": _operation(
                "The account after its last durable event.",
                "read",
                _json("AccountState", "What it holds."),
                (401, 403, 429, 500, 503),
            )
        },
        "/events": {
            "get": _operation(
                "Each row of the journal as it is written, as server-sent events.",
                "read",
                {
                    "description": "Events named by the kind of row; `dropped` with how many were lost.",
                    **_text("event-stream"),
                },
                (401, 403, 422, 429, 500, 503),
                parameters=[
                    {
                        "name": "last-event-id",
                        "in": "header",
                        "description": "number of the last row that was seen: those behind it come first",
                        "schema": {"type": "integer", "minimum": 0},
                    }
                ],
            )
        },
        "/metrics": {
            "get": _operation(
                "Numbers for Prometheus.",
                "read",
                {"description": "Text format 0.0.4.", **_text("plain")},
                (401, 403, 429, 500),
            )
        },
        "/health": {"get": _operation("The process answers.", None, _json("Health", "It does."), (500,))},
        "/ready": {
            "get": _operation(
                "Bars are taken.",
                None,
                _json("Readiness", "Recovered, and the journal can be written."),
                (500,),
                others={"503": _json("Readiness", "Not now, and why.")},
            )
        },
        "/openapi.json": {
            "get": _operation(
                "This page.",
                None,
                {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}},
                (500,),
            )
        },
    }


def _operation(
    summary: str,
    scope: str | None,
    answer: dict[str, Any],
    refusals: tuple[int, ...],
    *,
    body: dict[str, Any] | None = None,
    parameters: list[dict[str, Any]] | None = None,
    others: dict[str, Any] | None = None,
) -> dict[str, Any]:
    responses = {"200": answer, **{str(status): _refusal(status) for status in refusals}, **(others or {})}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if scope is not None:
        operation["description"] = f"Needs a key with the scope {scope}, where the server has keys."
        operation["security"] = [{"key": []}, {}]
    if body is not None:
        operation["requestBody"] = body
    if parameters is not None:
        operation["parameters"] = parameters
    return operation


def _refusal(status: int) -> dict[str, Any]:
    answer = _json("Problem", _REFUSALS[status])
    if status in _LATER:
        schema = {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
        answer["headers"] = {"Retry-After": {"description": "seconds", **schema}}
    return answer


def _json(name: str, description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(name)}}}


def _text(kind: str) -> dict[str, Any]:
    return {"content": {f"text/{kind}": {"schema": {"type": "string"}}}}


def _body(name: str, required: bool = True) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": _ref(name)}}}


def _parameter(name: str, description: str, default: int, bounds: dict[str, int]) -> dict[str, Any]:
    schema = {"type": "integer", "default": default, **bounds}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
