"""Calls what a user brought, with what the house gives and with the user's settings; or says what is wrong."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from regimen.errors import ConfigError

_NOTHING: Mapping[str, object] = MappingProxyType({})


def call_object(thing: object, field: str, settings: Mapping[str, Any], given: Mapping[str, object] = _NOTHING) -> Any:
    """Calls a class or a function that a user brought, with what the house gives and with the user's settings.

    Args:
        thing: the class or the function.
        field: of the config, for the message: ``model``.
        settings: keyword arguments.
        given: positional arguments, by what they are called in the message.

    Raises:
        ConfigError: it is neither; a setting that it does not have, or lacks; whatever it says of their values.
    """
    if not callable(thing):
        raise ConfigError(f"{field}.source", "must name a class or a function", thing)
    name = getattr(thing, "__name__", type(thing).__name__)
    require_settings(thing, field, settings, given)
    try:
        return thing(*given.values(), **settings)
    except Exception as error:  # the user's code: any error is theirs to read
        rule = f"must suit {name}, which fails with them ({type(error).__name__}: {error})"
        raise ConfigError(f"{field}.settings", rule, dict(settings)) from error


def require_settings(
    thing: Callable[..., Any], field: str, settings: Mapping[str, Any], given: Mapping[str, object] = _NOTHING
) -> None:
    """Refuses settings that a class or a function does not have, and the lack of those that it needs.

    Args:
        thing, field, settings, given: see `call_object`.

    Raises:
        ConfigError: one that it does not have, or lacks; or it does not take what it is given.
    """
    name = getattr(thing, "__name__", type(thing).__name__)
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):  # one that is compiled need not say what it takes
        return
    places = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    if len(places) < len(given) and not any(each.kind == each.VAR_POSITIONAL for each in parameters):
        rule = f"must take ({', '.join(given)}) before its settings, but {name} takes {len(places)} arguments"
        raise ConfigError(f"{field}.source", rule)
    own = [each for each in parameters if each not in places[: len(given)]]
    named = {each.name: each for each in own if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    if not any(each.kind == each.VAR_KEYWORD for each in own):
        for key in settings:
            if key not in named:
                lower = {name.lower(): name for name in named}
                near = difflib.get_close_matches(key.lower(), lower, n=1)
                hint = f" (did you mean {lower[near[0]]!r}?)" if near else f"; it has {', '.join(named) or 'none'}"
                raise ConfigError(f"{field}.settings.{key}", f"is not a setting of {name}{hint}", settings[key])
    for key, each in named.items():
        if each.default is each.empty and key not in settings:
            raise ConfigError(f"{field}.settings.{key}", f"is required: {name} cannot do without it")
