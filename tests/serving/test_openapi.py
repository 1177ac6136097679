"""The description names every route and status that there is, and its schemas take what the server says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jsonschema
from tests.serving.conftest import FEED, Opened

from regimen.serving.openapi import openapi
from regimen.serving.routes import routed


def schema_of(path: str, method: str, status: int) -> dict[str, Any]:
    page = json.loads(openapi(""))
    content = page["paths"][path][method]["responses"][str(status)]["content"]
    return {**content["application/json"]["schema"], "components": page["components"]}


def test_every_route_is_described(running: Opened) -> None:
    page = json.loads(openapi(""))
    described = {(path, method.upper()) for path, methods in page["paths"].items() for method in methods}

    async def compared() -> None:
        async with running() as server:
            routes = routed(server.app).routes
            there = {(r.path, m) for r in routes for m in r.methods - {"HEAD"}}  # type: ignore[attr-defined]
            assert described == there - {("/", "GET")}
            assert (await server.client.get("/openapi.json")).json() == page

    asyncio.run(compared())


def test_answers_are_as_described(running: Opened) -> None:
    async def compared() -> None:
        async with running() as server:
            await server.post(0, 110)
            requests: list[tuple[str, str, dict[str, Any]]] = [
                ("post", "/bars", {"content": FEED[100]}),
                ("post", "/bars", {"content": b"[]"}),
                ("post", "/halt", {"json": {"by": "anna"}}),
                ("post", "/halt", {"json": []}),
                ("get", "/decisions", {"params": {"limit": 1000}}),
                ("get", "/decisions", {"params": {"limit": 0}}),
                ("get", "/state", {}),
                ("get", "/health", {}),
                ("get", "/ready", {}),
            ]
            for method, path, content in requests:
                answer = await server.client.request(method, path, **content)
                jsonschema.validate(answer.json(), schema_of(path, method, answer.status_code))

    asyncio.run(compared())
