"""What a decision takes, in process and over HTTP, beside a bare ASGI application that asks the same graph.

In process: a bar as JSON to an answer as JSON. Over HTTP: bars over 1, 16 and 64 connections, sent in their order by
one client in Python that is the same for all: the server with a journal in memory, the server with a durable journal in
FOLDER, a bare ASGI application that reads the bar and asks ONNX Runtime, and FastAPI doing the same, where it is
installed. The median of `fdatasync` is of 300 bytes appended to a file in FOLDER in the same run.

Run: python benchmarks/serving.py BUNDLE [--folder FOLDER] [--requests 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from regimen.bundle import Bundle, open_bundle
from regimen.bundle.graph import Graph
from regimen.journal import Journal, JournalRow, SqliteJournal, Stored
from regimen.live import Desk, Engine, Setup, bar_event, encoded
from regimen.serving import Address, ServerApp, serve

CLIENTS = (1, 16, 64)
SERVERS = ("memory", "durable", "bare", "fastapi")
WARM = 200
SLOW = 2e-3


class MemoryJournal:
    """Rows that are durable at once, since nobody asks for more."""

    account, last, local = "bench", 0, True

    def append(self, rows: Sequence[JournalRow]) -> tuple[Stored, ...]:
        stored = tuple(Stored(self.last + n, row, 1, b"") for n, row in enumerate(rows, 1))
        self.last += len(stored)
        return stored

    def find(self, *_: object) -> None:
        return None

    def read(self, after: int = 0) -> Iterator[Stored]:
        del after
        return iter(())

    def keep(self, seq: int, snapshot: bytes) -> None: ...

    def snapshot(self) -> None:
        return None

    def tend(self) -> None: ...

    def close(self) -> None: ...


def bars_behind(bundle: Bundle, count: int) -> list[bytes]:
    """A random walk of bars behind the bundle's last one, as JSON."""
    rng, price = np.random.default_rng(0), [100.0] * len(bundle.symbols)
    messages = []
    for number in range(1, count + 1):
        last, price = price, [each * math.exp(rng.normal(0.0, 0.005)) for each in price]
        bars = {
            symbol: {
                "open": last[s],
                "high": max(last[s], price[s]) * 1.001,
                "low": min(last[s], price[s]) * 0.999,
                "close": price[s],
                "volume": 1000.0,
            }
            for s, symbol in enumerate(bundle.symbols)
        }
        time_ = bundle.start.time + number * bundle.bar_length
        messages.append(msgspec.json.encode({"time": time_, "bars": bars}))
    return messages


def shown(name: str, times: Sequence[float], rest: str = "") -> None:
    ordered = sorted(times)
    high = ordered[int(0.99 * len(ordered))]
    print(f"{name:34s} p50 {median(ordered) * 1e6:8.0f} us   p99 {high * 1e6:8.0f} us   {rest}", flush=True)


def in_process(bundle: Bundle, messages: list[bytes]) -> None:
    """Times the whole step: JSON, features, graph, account, safeguards, JSON."""
    setup = Setup.of(bundle)
    engine = Engine(setup)
    state, times = engine.initial(), []
    gc.collect()
    gc.freeze()  # as the server does once it is ready
    for message in messages:
        began = time.perf_counter()
        event = bar_event(message, setup.symbols, setup.extras, time.time_ns(), False)
        stepped = engine.step(state, event)
        encoded(stepped.answer)
        times.append(time.perf_counter() - began)
        state = stepped.state
    shown("decision in process", times[WARM:])


def syncs(folder: Path, rounds: int = 300) -> float:
    """Median seconds of an `fdatasync` of 300 bytes."""
    handle, times = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND), []
    for _ in range(rounds):
        os.write(handle, os.urandom(300))
        began = time.perf_counter()
        os.fdatasync(handle)
        times.append(time.perf_counter() - began)
    os.close(handle)
    slow = sum(each > SLOW for each in times) / rounds
    shown("fdatasync", times, f"above 2 ms {slow:.1%}")
    return median(times)


class Connection(asyncio.Protocol):
    """One connection: a request, then its answer."""

    def __init__(self) -> None:
        self.content, self.done = b"", asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, body: bytes) -> asyncio.Future[int]:
        kind = b"Content-Type: application/json\r\n"
        head = b"POST /bars HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Length: %d\r\n\r\n" % (kind, len(body))
        self.content, self.done = b"", asyncio.get_running_loop().create_future()
        self.transport.write(head + body)
        return self.done

    def data_received(self, data: bytes) -> None:
        self.content += data
        head, blank, body = self.content.partition(b"\r\n\r\n")
        if blank and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            self.done.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError())


async def asked(port: int, clients: int, messages: list[bytes]) -> tuple[list[float], float, int]:
    """Returns the time of each request, that of all, and how many were not answered with 200."""
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(clients)]
    following, times, refused = iter(messages), [], 0

    async def client(connection: Connection) -> None:
        nonlocal refused
        for message in following:  # the next bar of all, sent before anybody else takes one
            began = time.perf_counter()
            code = await connection.ask(message)
            refused += code != 200
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*[client(each) for each in connections])
    whole = time.perf_counter() - began
    for each in connections:
        each.transport.close()
    return times, whole, refused


@contextmanager
def running(kind: str, bundle: Path, folder: Path, requests: int) -> Iterator[int]:
    """A server in a process of its own."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = int(opened.getsockname()[1])
    command = [sys.executable, __file__, str(bundle), "--folder", str(folder), "--serve", kind, "--port", str(port)]
    command += ["--requests", str(requests)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            try:
                with socket.create_connection(("127.0.0.1", port), 1.0) as probe:
                    probe.sendall(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                    if b" 200 " in probe.recv(100):
                        break
            except OSError:
                pass
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def over_http(bundle: Bundle, folder: Path, requests: int) -> None:
    asynchronous: Any = __import__("uvloop") if importlib.util.find_spec("uvloop") else asyncio
    for kind in SERVERS:
        if kind == "fastapi" and importlib.util.find_spec("fastapi") is None:
            print("FastAPI is not installed")
            continue
        for clients in CLIENTS:
            messages = bars_behind(bundle, WARM + requests)
            with TemporaryDirectory(dir=folder) as own:
                sync = f"{syncs(Path(own)) * 1e6:.0f} us fdatasync" if kind == "durable" else ""
                with running(kind, bundle.folder, Path(own), requests) as port:
                    asynchronous.run(asked(port, 1, messages[:WARM]))
                    times, whole, refused = asynchronous.run(asked(port, clients, messages[WARM:]))
            slow = sum(each > SLOW for each in times) / len(times)
            rest = f"{len(times) / whole:8.0f} /s   above 2 ms {slow:6.1%}   {sync}"
            shown(f"{kind}, {clients} clients", times, rest + (f"   {refused} REFUSED" if refused else ""))


def bare(bundle: Bundle) -> Any:
    """The least that a server could do: read the bar, ask the graph, write the answer."""
    graph = Graph((bundle.folder / "decision.onnx").read_bytes())
    row, state = np.zeros((1, graph.width)), np.zeros((1, graph.memory))
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.encode

    def answer(body: bytes) -> bytes:
        exposure, confidence, _, _ = graph(row, state)
        return encode({"time": decode(body)["time"], "target": float(exposure[0]), "confidence": float(confidence[0])})

    return answer


def bare_app(bundle: Bundle) -> Any:
    answer = bare(bundle)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while scope["method"] == "POST":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        content = answer(body) if body else b"{}"
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


def fastapi_app(bundle: Bundle) -> Any:
    from fastapi import FastAPI
    from pydantic import BaseModel

    graph = Graph((bundle.folder / "decision.onnx").read_bytes())
    row, state = np.zeros((1, graph.width)), np.zeros((1, graph.memory))
    app = FastAPI()

    class Prices(BaseModel):
        open: float
        high: float
        low: float
        close: float
        volume: float

    class Posted(BaseModel):
        time: int
        bars: dict[str, Prices]

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    async def bars(posted: Any) -> dict[str, float]:
        exposure, confidence, _, _ = graph(row, state)
        return {"time": posted.time, "target": float(exposure[0]), "confidence": float(confidence[0])}

    bars.__annotations__.update({"posted": Posted, "return": dict[str, float]})  # as FastAPI reads them: no text
    app.post("/bars")(bars)
    return app


def take_the_next(desk: Desk, messages: list[bytes]) -> Desk:
    """Lets a desk read whichever bar comes as the next one: the order of many connections is nobody's promise."""
    following, take = iter(messages), desk.bar
    desk.bar = lambda _, at, **how: take(next(following), at, **how)  # type: ignore[method-assign]
    return desk


def start(kind: str, bundle: Bundle, folder: Path, port: int, requests: int) -> None:
    """Serves until it is stopped."""
    if kind in ("bare", "fastapi"):
        import uvicorn

        app = bare_app(bundle) if kind == "bare" else fastapi_app(bundle)
        uvicorn.run(app, port=port, log_level="critical", access_log=False, lifespan="off", ws="none")
        return
    journal: Any = MemoryJournal() if kind == "memory" else SqliteJournal(folder / "journal.sqlite", "bench")
    kept: Journal = journal
    messages = bars_behind(bundle, WARM + requests)

    def lost(error: Exception) -> None:
        print(error, file=sys.stderr)
        os._exit(1)

    serve(
        ServerApp(lost=lost),
        lambda: take_the_next(Desk(Setup.of(bundle), kept, lost=lost), messages),
        Address(port=port),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; the working folder when left out")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked_for = parser.parse_args()
    bundle, folder = open_bundle(asked_for.bundle), asked_for.folder or Path.cwd()
    if asked_for.serve:
        start(asked_for.serve, bundle, folder, asked_for.port, asked_for.requests)
        return
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(json.dumps({"bundle": repr(bundle), "processors": os.cpu_count(), "load": load}))
    in_process(bundle, bars_behind(bundle, WARM + asked_for.requests))
    over_http(bundle, folder, asked_for.requests)


if __name__ == "__main__":
    main()
