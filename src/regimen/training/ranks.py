"""One training whose batches are shared out: every rank learns from its rows of a batch, and all take the same step."""

from __future__ import annotations

import atexit
import os
import pickle
import socket
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, distributed, nn

from regimen.errors import ConfigError, RunError
from regimen.predictors import TorchPredictor
from regimen.seams import Batch, Objective, Rows
from regimen.training.config import TrainingConfig
from regimen.training.data import TrainingData
from regimen.training.dropout import WholeDropout
from regimen.work import Actors, Compute

_PATIENCE = timedelta(days=7)
"""How long a rank waits for the others: rank 0 may be asked for a backtest between two epochs."""
_ERROR = "error"
"""Under which name a rank leaves what it failed with."""
_LAUNCHED = "TORCHELASTIC_RUN_ID"
"""What torchrun leaves in the environment of the processes that it starts."""


class LostRankError(RunError):
    """A rank that does not answer any more."""


class Assignment(NamedTuple):
    """What the other ranks need of a training before its next epoch.

    Attributes:
        config: the settings.
        model: config of the predictor.
        inputs, classes, schema: as it was built with.
        weights: every weight and buffer by name.
        learned: names of the parameters that learn.
        moments: state of the optimiser.
        data: the training rows.
        seed: of what a recipe draws once for all epochs.
    """

    config: TrainingConfig
    model: Any
    inputs: int
    classes: int
    schema: str
    weights: dict[str, Tensor]
    learned: frozenset[str]
    moments: dict[str, Any]
    data: TrainingData
    seed: int


class Turn(NamedTuple):
    """What the other ranks need of an epoch.

    Attributes:
        number: of the epoch, from 1.
        batches: positions of training rows.
        rates: the learning rate of each step.
        dropout, transform: seeds.
    """

    number: int
    batches: Sequence[Rows]
    rates: Sequence[float]
    dropout: int
    transform: int


@final
class Ranks:
    """The place of this process among those that train one model.

    Attributes:
        rank: its number; 0 leads: it draws the batches, watches the validation rows and writes the checkpoint.
        size: how many there are.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self._room = torch.empty(0)

    def own(self, objective: Objective) -> Objective:
        """Returns an objective of this rank's rows of a batch, whose sum over the ranks is the whole batch's."""

        def loss(module: nn.Module, batch: Batch) -> Tensor:
            rows = len(batch.x)
            size = -(-rows // self.size)
            start, stop = min(rows, self.rank * size), min(rows, (self.rank + 1) * size)
            whole, mine = batch.weights.sum().double(), batch.part(slice(start, stop))
            if start == stop:
                return torch.zeros((), device=batch.x.device, requires_grad=True)
            with WholeDropout(start, stop, rows):
                result = objective(module, mine)
            share = mine.weights.sum().double() / whole.clamp_min(torch.finfo(batch.weights.dtype).tiny)
            return result * share.to(result.dtype)

        return loss

    def add_up(self, parameters: Sequence[nn.Parameter]) -> None:
        """Gives every rank the sum of all ranks' gradients, added in float64; one that no rank has stays absent.

        Two ranks send float32 where weights are float32: of two such numbers the sum is the same, rounded once.
        """
        sizes = [parameter.numel() for parameter in parameters]
        if len(self._room) != sum(sizes) + len(sizes):
            single = self.size == 2 and all(parameter.dtype == torch.float32 for parameter in parameters)
            self._room = torch.zeros(sum(sizes) + len(sizes), dtype=torch.float32 if single else torch.float64)
        *gradients, present = torch.split(self._room, [*sizes, len(sizes)])
        present.zero_()
        for number, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            if parameter.grad is not None:
                gradient.copy_(parameter.grad.reshape(-1))
                present[number] = 1.0
            else:
                gradient.zero_()
        self._meet(lambda: distributed.all_reduce(self._room))
        for parameter, gradient, ranks in zip(parameters, gradients, present.tolist(), strict=True):
            if not ranks:
                continue
            if parameter.grad is None:
                parameter.grad = torch.empty_like(parameter)
            parameter.grad.copy_(gradient.view_as(parameter))

    def total(self, value: Tensor) -> Tensor:
        """Returns the sum of a number over all ranks."""
        total = value.clone()
        self._meet(lambda: distributed.all_reduce(total))
        return total

    def require_alike(self, module: nn.Module) -> None:
        """Refuses a module whose numbers after an epoch are not the same bytes in every rank.

        Raises:
            RunError: it keeps something that hangs on which rows a rank has seen.
        """
        checksum = 0
        for tensor in module.state_dict().values():
            checksum = zlib.crc32(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy(), checksum)
        least = torch.tensor([checksum, -checksum])
        self._meet(lambda: distributed.all_reduce(least, distributed.ReduceOp.MIN))
        if int(least[0]) != -int(least[1]):
            rule = "must learn the same in every process, but keeps numbers of the rows that each has seen"
            raise RunError("model", rule, type(module).__name__)

    def tell(self, message: Assignment | Turn | None) -> None:
        """Gives all other ranks a message; None: there is nothing more to do."""
        self._meet(lambda: distributed.broadcast_object_list([message]))

    def hear(self) -> Any:
        """Waits for rank 0's next message."""
        message: list[Any] = [None]
        self._meet(lambda: distributed.broadcast_object_list(message))
        return message[0]

    def _meet(self, collective: Callable[[], Any]) -> None:
        try:
            collective()
        except RuntimeError as error:
            rule = "must let its processes live: one was killed, or ran out of memory; what is resumed goes on"
            raise LostRankError("training.processes", rule, self.size) from error


def check_processes(
    config: TrainingConfig, predictor: TorchPredictor, device: torch.device, bare: Sequence[str]
) -> None:
    """Refuses a training whose batches cannot be shared out.

    Args:
        config: the settings.
        predictor: the model.
        device: where it trains.
        bare: which of sampler, transform and objective are given as they are.

    Raises:
        ConfigError: naming what looks at the whole batch.
    """
    if config.processes == 1:
        return

    def refused(reason: str) -> ConfigError:
        return ConfigError("training.processes", f"must be 1 {reason}", config.processes)

    if device.type != "cpu":
        raise refused("on a GPU (training.device=cpu trains in several)")
    if more := [name for name in bare if name != "sampler"]:
        raise refused(f"with a bare {more[0]}, which no other process knows")
    if getattr(predictor.config, "weighting", "") == "pcgrad":
        raise refused("with pcgrad: the gradients of a batch's tasks do not add up from its parts")
    for module in predictor.module.modules():
        name = type(module).__name__
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            raise refused(f"with {name}, which looks at the whole batch")
        inside = getattr(module, "dropout", 0.0)
        if isinstance(module, nn.RNNBase | nn.MultiheadAttention) and inside:
            raise refused(f"with the dropout inside {name}, which cannot be drawn for the whole batch")


@contextmanager
def sharing(config: TrainingConfig) -> Iterator[Ranks | None]:
    """Lends the other ranks of a training; None where it has one process.

    They are the processes that torchrun started, where it did, and otherwise processes of this machine, which stay warm
    for the next training.

    Raises:
        ConfigError: torchrun started another number of processes than ``config.processes``.
        RunError: a rank was killed, or failed.
    """
    if config.processes == 1:
        yield None
        return
    if _LAUNCHED in os.environ:
        ranks = launched()
        if ranks.size != config.processes:
            raise ConfigError("training.processes", f"must be {ranks.size}, as torchrun started", config.processes)
        if ranks.rank:
            raise RunError("training.processes", "must be trained by rank 0 of torchrun", ranks.rank)
        yield ranks
        ranks.tell(None)
        return
    actors = _actors(config.processes - 1)
    with ExitStack() as stack:
        stack.callback(actors.close)  # also ends a rank in the middle of its part
        with _group(actors, config.processes) as ranks:
            yield ranks
            ranks.tell(None)
        for k in range(actors.n):
            actors.recv(k)
        stack.pop_all()
        _warm[actors.n] = actors


_warm: dict[int, Actors] = {}
"""By their number, other ranks that wait for the next training of this process."""


def _actors(n: int) -> Actors:
    """Returns so many other ranks: those that wait, unless one was killed meanwhile, or new ones."""
    if (waiting := _warm.pop(n, None)) is not None:
        try:
            for k in range(n):
                waiting.send(k, None)
            for k in range(n):
                waiting.recv(k)
        except RunError:
            waiting.close()
        else:
            return waiting
    return Actors(_build, n, Compute("processes", n))


@atexit.register
def _dismiss() -> None:
    for actors in _warm.values():
        actors.close()
    _warm.clear()


def launched() -> Ranks:
    """Joins the processes that torchrun started."""
    if not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=_PATIENCE)
    return Ranks(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def followed_by_the_others() -> Iterator[bool]:
    """Yields whether this process is to do a command's work; it is not where torchrun started it as another rank.

    Such a rank takes part in the trainings of rank 0 until the block of rank 0 ends.
    """
    if _LAUNCHED not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield True
        return
    from regimen.training.following import follow

    ranks = launched()
    if ranks.rank:
        while follow(ranks):
            pass
        yield False
        return
    yield True
    with suppress(RunError):
        ranks.tell(None)


@contextmanager
def _group(actors: Actors, size: int) -> Iterator[Ranks]:
    """Joins rank 0 with the actors, each of which follows it in its process."""
    with _loopback():
        store = _store(0, size, leads=True)
        for k in range(actors.n):
            actors.send(k, (store.port, size))
        try:
            distributed.init_process_group("gloo", store=store, rank=0, world_size=size, timeout=_PATIENCE)
            yield Ranks(0, size)
        except LostRankError:
            if store.check([_ERROR]):
                raise pickle.loads(store.get(_ERROR)) from None
            raise
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()


def _build(k: int) -> Callable[[tuple[int, int] | None], None]:
    """Returns the actor that is rank k + 1; None only asks whether it lives."""

    def follow_rank_0(message: tuple[int, int] | None) -> None:
        if message is None:
            return
        from regimen.training.following import follow

        port, size = message
        with _loopback():
            store = _store(port, size, leads=False)
            distributed.init_process_group("gloo", store=store, rank=k + 1, world_size=size, timeout=_PATIENCE)
            try:
                follow(Ranks(k + 1, size))
            except LostRankError:
                raise
            except Exception as error:  # rank 0 will miss this one, and is to know why
                store.set(_ERROR, pickle.dumps(error))
                raise
            finally:
                distributed.destroy_process_group()

    return follow_rank_0


def _store(port: int, size: int, *, leads: bool) -> Any:
    """Returns where the ranks of this machine meet; port 0 of the one that leads: any that is free."""
    return distributed.TCPStore("127.0.0.1", port, size, leads, wait_for_workers=False)  # type: ignore[attr-defined]


@contextmanager
def _loopback() -> Iterator[None]:
    """Lets gloo talk on this machine alone, whatever its name leads to."""
    name, own = "GLOO_SOCKET_IFNAME", [each for _, each in socket.if_nameindex() if each.startswith("lo")]
    before = os.environ.get(name)
    if own:
        os.environ[name] = own[0]
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
