"""Decisions over HTTP: bars come in, durable answers go out, and what happens can be read, watched and stopped."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.serving.access import Access, TokenBucket
    from regimen.serving.app import ServerApp
    from regimen.serving.async_desk import AsyncDesk, Durable
    from regimen.serving.client import post
    from regimen.serving.keys import (
        SCOPES,
        ApiKey,
        KeyFile,
        KeyRing,
        Scope,
        check_key,
        new_key,
        revoke_key,
    )
    from regimen.serving.metered import Metered
    from regimen.serving.refusal import Refusal
    from regimen.serving.server import Address, listening, serve
    from regimen.serving.stream import EventHub, Listener

__all__ = [
    "SCOPES",
    "Access",
    "Address",
    "ApiKey",
    "AsyncDesk",
    "Durable",
    "EventHub",
    "KeyFile",
    "KeyRing",
    "Listener",
    "Metered",
    "Refusal",
    "Scope",
    "ServerApp",
    "TokenBucket",
    "check_key",
    "listening",
    "new_key",
    "post",
    "revoke_key",
    "serve",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Access": ".access",
        "TokenBucket": ".access",
        "ServerApp": ".app",
        "AsyncDesk": ".async_desk",
        "Durable": ".async_desk",
        "post": ".client",
        "SCOPES": ".keys",
        "ApiKey": ".keys",
        "KeyFile": ".keys",
        "KeyRing": ".keys",
        "Scope": ".keys",
        "check_key": ".keys",
        "new_key": ".keys",
        "revoke_key": ".keys",
        "Metered": ".metered",
        "Refusal": ".refusal",
        "Address": ".server",
        "listening": ".server",
        "serve": ".server",
        "EventHub": ".stream",
        "Listener": ".stream",
    },
)
