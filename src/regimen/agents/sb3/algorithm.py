"""Which algorithm a config names, and its keyword arguments, checked against the installed library."""

from __future__ import annotations

import contextlib
import copy
import difflib
import importlib
import inspect
from typing import Any

import numpy as np
import stable_baselines3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from torch import nn

from regimen.agents.sb3.config import SB3Config
from regimen.envs import EnvSpec
from regimen.errors import ConfigError

_ELSEWHERE = {
    "env": "the environment is given to learn",
    "policy": "see agents.policy",
    "seed": "the seed is given to build",
    "device": "networks this small are fastest on the CPU",
    "verbose": "see progress of learn",
    "tensorboard_log": "see progress of learn",
    "stats_window_size": "see progress of learn",
    "monitor_wrapper": "lanes have none",
    "action_noise": "see agents.action_noise",
    "replay_buffer_class": "a config holds no classes",
    "rollout_buffer_class": "a config holds no classes",
}
_UNFIT = ("ARS", "MaskablePPO")  # one evaluates in environments of its own, one asks them which actions are allowed
_NOISY = ("TD3", "DDPG")
_ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def algorithms() -> dict[str, type[BaseAlgorithm]]:
    """Returns the algorithms that are installed and can learn in lanes, by their names in small letters."""
    rooms = [stable_baselines3]
    with contextlib.suppress(ModuleNotFoundError):
        rooms.append(importlib.import_module("sb3_contrib"))
    classes = [getattr(room, name) for room in rooms for name in room.__all__ if name not in _UNFIT]
    return {
        each.__name__.lower(): each for each in classes if inspect.isclass(each) and issubclass(each, BaseAlgorithm)
    }


def algorithm_of(config: SB3Config) -> type[BaseAlgorithm]:
    """Returns the class that a config names.

    Raises:
        ConfigError: there is none of that name, or it has no policy of that name for rows of numbers.
    """
    known = algorithms()
    if config.algorithm.lower() not in known:
        rule = f"must be one of {', '.join(sorted(known))}"
        rule += "" if "tqc" in known else "; more are in sb3-contrib, which is not installed"
        raise ConfigError("agents.algorithm", rule, config.algorithm)
    kind = known[config.algorithm.lower()]
    policies = [name for name in kind.policy_aliases if name.startswith(("Mlp", "Linear"))]
    if config.policy not in policies:
        raise ConfigError("agents.policy", f"must be one of {', '.join(policies)}", config.policy)
    return kind


def arguments_of(config: SB3Config, kind: type[BaseAlgorithm], spec: EnvSpec) -> dict[str, Any]:
    """Returns all keyword arguments of the algorithm but ``env`` and ``seed``, new objects.

    Raises:
        ConfigError: a parameter that the algorithm does not have, or that is said elsewhere.
    """
    known = [name for name in inspect.signature(kind.__init__).parameters if not name.startswith("_")][1:]
    for name, value in config.parameters.items():
        field = f"agents.parameters.{name}"
        if name in _ELSEWHERE:
            raise ConfigError(field, f"must not be given ({_ELSEWHERE[name]})", value)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise ConfigError(field, f"is not a parameter of {kind.__name__}{hint}", value)
    arguments: dict[str, Any] = copy.deepcopy(config.parameters)
    if isinstance(arguments.get("train_freq"), list):
        arguments["train_freq"] = tuple(arguments["train_freq"])
    arguments["policy_kwargs"] = _network(config, arguments.get("policy_kwargs"))
    noise = config.action_noise
    if noise is not None and "action_noise" not in known:
        raise ConfigError("agents.action_noise", f"must be null, for {kind.__name__} adds no noise", noise)
    if noise is None and kind.__name__ in _NOISY:
        noise = 0.1
    if noise:
        arguments["action_noise"] = NormalActionNoise(np.zeros(spec.size), np.full(spec.size, noise))
    return arguments | {"policy": config.policy, "device": "cpu"}


def _network(config: SB3Config, given: Any) -> dict[str, Any]:
    field = "agents.parameters.policy_kwargs"
    if given is not None and not isinstance(given, dict):
        raise ConfigError(field, "must be a mapping of keys to values", given)
    settings: dict[str, Any] = dict(given or {})
    ours: dict[str, Any] = {}
    if config.hidden is not None:
        ours["net_arch"] = list(config.hidden)
    if config.activation is not None:
        ours["activation_fn"] = _ACTIVATIONS[config.activation]
    for key, name in (("net_arch", "hidden"), ("activation_fn", "activation")):
        if key in ours and key in settings:
            raise ConfigError(f"{field}.{key}", f"must not be given beside agents.{name}", settings[key])
    return settings | ours


def complaint(error: Exception, config: SB3Config, kind: type[BaseAlgorithm], spec: EnvSpec) -> ConfigError:
    """Returns what the library said when it was built, as one line that names a field."""
    text = " ".join(str(error).split())
    if "action space" in text:
        actions = "continuous" if spec.choices is None else "discrete"
        rule = f"must take {actions} actions, as the environment does, but {kind.__name__} does not"
        return ConfigError("agents.algorithm", rule, config.algorithm)
    return ConfigError("agents.parameters", f"must be what {kind.__name__} can use ({text})", config.parameters)


def rollout_of(model: BaseAlgorithm, lanes: int) -> int:
    """Returns the environment steps between two updates, over all lanes; 1 where episodes decide it."""
    if isinstance(model, OnPolicyAlgorithm):
        return int(model.n_steps) * lanes
    frequency = getattr(model, "train_freq", None)
    if frequency is None or frequency.unit.value == "episode":
        return 1
    return int(frequency.frequency) * lanes


def require_suited(model: BaseAlgorithm, lanes: int) -> None:
    """Refuses a number of lanes that does not suit an algorithm's numbers.

    Raises:
        ConfigError: a rollout that is no multiple of its minibatches; whole episodes as rollouts of several lanes.
    """
    name = type(model).__name__
    size, batch = rollout_of(model, lanes), getattr(model, "batch_size", 1)
    if isinstance(model, OnPolicyAlgorithm) and size % batch:
        rule = f"times {lanes} lanes must be a multiple of the batch_size of {name}, {batch}"
        raise ConfigError("agents.parameters.n_steps", rule, model.n_steps)
    frequency = getattr(model, "train_freq", None)
    if lanes > 1 and frequency is not None and frequency.unit.value == "episode":
        raise ConfigError("agents.parameters.train_freq", f"must count steps for {lanes} lanes", list(frequency))
