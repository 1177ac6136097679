"""What is asked less often than bars: reading, the operator's words, health, metrics and the stream of events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from regimen.journal import Journal, Stored
from regimen.monitoring import CONTENT_TYPE
from regimen.serving.asgi import body_of
from regimen.serving.async_desk import Word
from regimen.serving.dashboard import dashboard_page
from regimen.serving.keys import ApiKey, Scope
from regimen.serving.messages import (
    AccountState,
    DriftCheck,
    DriftedColumn,
    Health,
    OperatorRequest,
    Readiness,
    StoredEvents,
    SymbolState,
)
from regimen.serving.openapi import openapi
from regimen.serving.refusal import Refusal, later, refusal_of
from regimen.serving.rows import event_of, shown

if TYPE_CHECKING:
    from regimen.monitoring import DriftReading
    from regimen.serving.app import ServerApp
    from regimen.serving.async_desk import AsyncDesk

PAGE = 1000
"""Most rows of the journal in one answer."""
_SMALL = 10_000
_JSON = "application/json"
_encode = msgspec.json.Encoder().encode
_operator = msgspec.json.Decoder(OperatorRequest).decode
Endpoint = Callable[[Request, ApiKey | None], Awaitable[Response]]


def routed(app: ServerApp) -> Starlette:
    """Returns the application behind all routes but ``POST /bars``."""
    routes = _Routes(app)

    def route(path: str, endpoint: Endpoint, needs: Scope | None, method: str = "GET") -> Route:
        async def admitted(request: Request) -> Response:
            began = time.perf_counter()
            try:
                key = None if needs is None else app.access.admit(request.scope["headers"], needs)
                response = await endpoint(request, key)
            except Exception as error:  # noqa: BLE001
                response = _refused(refusal_of(error))
            app.metered.request(path, response.status_code, time.perf_counter() - began)
            return response

        return Route(path, admitted, methods=[method])

    starlette = Starlette(
        routes=[
            route("/", routes.page, None),
            route("/openapi.json", routes.openapi, None),
            route("/health", routes.health, None),
            route("/ready", routes.ready, None),
            route("/metrics", routes.metrics, "read"),
            route("/decisions", routes.decisions, "read"),
            route("/state", routes.state, "read"),
            route("/events", routes.events, "read"),
            route("/halt", routes.halt, "operate", "POST"),
            route("/reduce", routes.reduce, "operate", "POST"),
            route("/resume", routes.resume, "operate", "POST"),
            route("/bars", routes.bars, "trade", "POST"),
            route("/bars/{symbol}", routes.part, "trade", "POST"),
        ],
        exception_handlers={HTTPException: _no_route},
    )
    starlette.router.redirect_slashes = False
    return starlette


class _Routes:
    def __init__(self, app: ServerApp) -> None:
        self._app = app

    async def page(self, request: Request, key: ApiKey | None) -> Response:
        del request, key
        page = dashboard_page()
        rules = {"content-security-policy": page.policy, "referrer-policy": "no-referrer"}
        return Response(page.content, media_type="text/html", headers={"cache-control": "no-cache", **rules})

    async def openapi(self, request: Request, key: ApiKey | None) -> Response:
        del request, key
        return Response(openapi(self._app.version), media_type=_JSON)

    async def health(self, request: Request, key: ApiKey | None) -> Response:
        del request, key
        return _json(Health("alive", self._app.version))

    async def ready(self, request: Request, key: ApiKey | None) -> Response:
        del request, key
        desk = self._app.desk
        reason = "it recovers" if desk is None else desk.failure
        return _json(Readiness(not reason, reason), 503 if reason else 200)

    async def metrics(self, request: Request, key: ApiKey | None) -> Response:
        del request, key
        app = self._app
        desk = None if app.desk is None else app.desk.desk
        unsent = await asyncio.to_thread(app.unsent)
        return Response(app.metered.page(desk, app.answer, app.mode, unsent), media_type=CONTENT_TYPE)

    async def decisions(self, request: Request, key: ApiKey | None) -> Response:
        del key
        journal = self._app.required().desk.journal
        after = _number(request, "after", 0, journal.last)
        limit = _number(request, "limit", 100, PAGE, least=1)
        rows = await asyncio.to_thread(_rows, journal, after, limit)
        page = tuple([shown(stored) for stored in rows])
        return _json(StoredEvents(page, rows[-1].seq if rows else after, journal.last))

    async def state(self, request: Request, key: ApiKey | None) -> Response:
        del request, key
        app, desk = self._app, self._app.required()
        answer, inner = app.answer, desk.desk
        setup, state = inner.setup, inner.durable
        exposures = dict.fromkeys(setup.symbols, 0.0)
        if answer is not None:
            exposures |= {each.symbol: each.exposure for each in answer.symbols}
        columns = zip(exposures.items(), state.targets.tolist(), state.closes.tolist(), strict=True)
        return _json(
            AccountState(
                account=inner.journal.account,
                policy=setup.name,
                bundle=setup.digest,
                events=state.seq,
                time=None if answer is None else answer.time,
                mode=app.mode,
                equity=setup.market.initial_cash if answer is None else answer.equity,
                cash=setup.market.initial_cash if answer is None else answer.cash,
                symbols=tuple(
                    [SymbolState(symbol, exposure, _known(t), _known(c)) for (symbol, exposure), t, c in columns]
                ),
                drift=None if setup.watch is None else _drift(setup.watch.drifted(state.watch)),
                last=inner.journal.last,
                writable=not desk.failure,
            )
        )

    async def events(self, request: Request, key: ApiKey | None) -> Response:
        del key
        desk, hub = self._app.required(), self._app.hub
        text = request.headers.get("last-event-id", "")
        after = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1 if text else None
        if after is not None and not 0 <= after <= desk.last:
            rule = f"last-event-id: must be a row of the journal, 0 to {desk.last}; got {text[:20]!r}"
            raise Refusal(422, rule)
        if hub.full:
            raise later(503, "events: there are too many listeners, or the server ends", 5.0)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        sent = self._sent(desk, desk.last if after is None else after)
        return StreamingResponse(sent, media_type="text/event-stream", headers=headers)

    async def _sent(self, desk: AsyncDesk, after: int) -> AsyncIterator[bytes]:
        """Yields what was missed from the journal, and from then on what happens."""
        hub = self._app.hub
        yield b"retry: 2000\n\n"
        while after < desk.last:
            for stored in await asyncio.to_thread(_rows, desk.desk.journal, after, min(PAGE, desk.last - after)):
                after = stored.seq
                yield event_of(stored)
        with hub.listening() as listener:
            async for event in listener.events():
                yield event

    async def halt(self, request: Request, key: ApiKey | None) -> Response:
        return await self._word(request, key, "halt")

    async def reduce(self, request: Request, key: ApiKey | None) -> Response:
        return await self._word(request, key, "reduce")

    async def resume(self, request: Request, key: ApiKey | None) -> Response:
        return await self._word(request, key, "resume")

    async def _word(self, request: Request, key: ApiKey | None, word: Word) -> Response:
        desk = self._app.required()
        body = await body_of(request.scope, request.receive, _SMALL)
        try:
            asked = _operator(body) if body.strip() else OperatorRequest()
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).replace("`", "")
            raise Refusal(422, f"operator: must be JSON with by and reason: {why}") from None
        by = asked.by or ("" if key is None else key.name)
        return Response(await desk.word(word, by, asked.reason), media_type=_JSON)

    async def bars(self, request: Request, key: ApiKey | None) -> Response:
        """Stands here for the other methods of its path, which are refused."""
        del key
        return Response(await self._app.required().bar(await body_of(request.scope, request.receive)), media_type=_JSON)

    async def part(self, request: Request, key: ApiKey | None) -> Response:
        """Takes the bar of one symbol."""
        del key
        app, symbol = self._app, request.path_params["symbol"]
        app.required()
        assert app.collector is not None
        try:
            content = await app.collector.bar(symbol, await body_of(request.scope, request.receive))
        except Exception as error:
            app.metered.refused(refusal_of(error), (symbol,) if symbol in app.symbols else ())
            raise
        return Response(content, media_type=_JSON)


def _json(content: msgspec.Struct, status: int = 200) -> Response:
    return Response(_encode(content), status, media_type=_JSON, headers={"cache-control": "no-store"})


def _refused(refusal: Refusal) -> Response:
    return Response(refusal.content, refusal.status, refusal.headers, media_type=_JSON)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    line = {404: f"path: there is no {request.url.path}", 405: f"method: {request.method} is not one of this path"}
    return _refused(Refusal(error.status_code, line.get(error.status_code, error.detail), error.headers))


def _number(request: Request, name: str, default: int, most: int, least: int = 0) -> int:
    """Returns a whole number of the query.

    Raises:
        Refusal: it is none, or out of range.
    """
    text = request.query_params.get(name, str(default))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= number <= most:
        raise Refusal(422, f"{name}: must be a whole number from {least} to {most}; got {text[:40]!r}")
    return number


def _rows(journal: Journal, after: int, most: int) -> list[Stored]:
    return list(islice(journal.read(after), most))


def _drift(reading: DriftReading | None) -> DriftCheck | None:
    if reading is None:
        return None
    columns = tuple([DriftedColumn(*each) for each in reading.worst])
    return DriftCheck(reading.statistic, reading.threshold, reading.rings, columns)


def _known(value: float) -> float | None:
    return None if value != value else value
