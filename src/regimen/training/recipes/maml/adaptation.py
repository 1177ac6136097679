"""A few steps of gradient descent on a few rows, for many tasks at once, and the gradient through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from regimen.errors import ConfigError
from regimen.seams import Batch, Objective
from regimen.training.recipes.maml.perceptron import CompiledChain

_INSIDE = "module."
"""Where the module stands in `_Loss`."""
_TARGET = "target "
"""What the name of a target begins with among the columns of a batch."""
Losses = Callable[[Sequence[Tensor], Batch], Tensor]
"""``losses(weights, batch)``: the loss of each task (task,), of weights and rows that are stacked over tasks."""


class _Loss(nn.Module):
    """An objective with its module inside, so that `functional_call` exchanges the weights under any objective."""

    def __init__(self, module: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.module, self.objective = module, objective

    def forward(self, batch: Batch) -> Tensor:
        return self.objective(self.module, batch)


def fast_weights(module: nn.Module, adapts: str) -> dict[str, nn.Parameter]:
    """Returns the parameters that are adapted, by name: all that learn, or those of the module's head.

    A head is a child called ``head``, or the children that the attribute ``head_names`` of the module's class names.

    Raises:
        ConfigError: a module without a head.
    """
    learning = {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
    if adapts == "all":
        return learning
    heads = getattr(type(module), "head_names", ("head",))
    fast = {name: weight for name, weight in learning.items() if name.partition(".")[0] in heads}
    if not fast:
        rule = "must be all for a module without a child called head (or head_names, of its class)"
        raise ConfigError("training.recipes: maml.adapts", rule, adapts)
    return fast


def adapted(
    losses: Losses, weights: Sequence[Tensor], support: Batch, rate: float, steps: int, *, first_order: bool
) -> list[Tensor]:
    """``w ← w − rate·∇L(w)`` on the support, ``steps`` times.

    Args:
        losses: of each task; tasks share nothing, so that the gradient of their sum is each one's own.
        weights: to begin with.
        support: rows to adapt to.
        rate: of each step.
        steps: number of steps.
        first_order: the steps leave no graph, and what is returned has the gradient of the identity: the step's own
            dependence on the weights is left out. Otherwise gradients go through every step.
    """
    now = list(weights)
    for _ in range(steps):
        if first_order:
            now = [weight.detach().requires_grad_() for weight in now]
        slopes = torch.autograd.grad(
            losses(now, support).sum(), now, create_graph=not first_order, materialize_grads=True
        )
        now = [weight - rate * slope for weight, slope in zip(now, slopes, strict=True)]
    if first_order:
        return [start + (end - start).detach() for start, end in zip(weights, now, strict=True)]
    return now


def adapt(
    module: nn.Module, objective: Objective, support: Batch, *, rate: float, steps: int, adapts: str = "all"
) -> None:
    """Adapts a module in place to some rows, as it answers later: in evaluation mode, without dropout.

    Args:
        module: its parameters change; its buffers, such as running means, do not.
        objective: what is lowered.
        support: rows on the module's device.
        rate: of each step.
        steps: number of steps.
        adapts: ``all`` parameters, or those of the ``head``.
    """
    fast, was_training = fast_weights(module, adapts), module.training
    module.eval()
    try:
        with torch.enable_grad():
            start = [weight.detach() for weight in fast.values()]
            losses = _of_one(module, objective, tuple(fast))
            end = adapted(losses, start, support, rate, steps, first_order=True)
        with torch.no_grad():
            for weight, new in zip(fast.values(), end, strict=True):
                weight.copy_(new)
    finally:
        module.train(was_training)


class MetaLoss:
    """The loss of a module after it was adapted: the objective of a meta-learner.

    In training a batch holds ``tasks`` episodes, each ``shots`` rows of support and then as many of query as are left;
    in evaluation, where no gradients are recorded, one.

    Args:
        below: what each task lowers on its support, and what the adapted module is measured by.
        tasks: episodes in a batch.
        shots: rows of the support.
        rate, steps: of the adaptation.
        first_order: see `adapted`.
        adapts: see `fast_weights`.
    """

    def __init__(
        self, below: Objective, *, tasks: int, shots: int, rate: float, steps: int, first_order: bool, adapts: str
    ) -> None:
        self.below, self.tasks, self.shots = below, tasks, shots
        self.rate, self.steps, self.first_order, self.adapts = rate, steps, first_order, adapts
        self._at_once: bool | None = None
        self._chain: tuple[tuple[nn.Module, bool], CompiledChain | None] | None = None

    def __call__(self, module: nn.Module, batch: Batch) -> Tensor:
        """Returns the mean loss of the queries.

        Raises:
            ValueError: a batch that is not made of so many episodes, or that holds nothing but support.
        """
        if not torch.is_grad_enabled():
            fast = fast_weights(module, self.adapts)
            if len(batch.x) <= self.shots:
                raise ValueError(f"an episode must have more than {self.shots} rows, not {len(batch.x)}")
            losses = _of_one(module, self.below, tuple(fast))
            with torch.enable_grad():
                start = [weight.detach() for weight in fast.values()]
                support = batch.part(slice(0, self.shots))
                end = adapted(losses, start, support, self.rate, self.steps, first_order=True)
            return losses(end, batch.part(slice(self.shots, None)))
        each, rest = divmod(len(batch.x), self.tasks)
        if rest or each <= self.shots:
            rule = f"a batch must be {self.tasks} episodes of more than {self.shots} rows"
            raise ValueError(f"{rule}, not {len(batch.x)} rows")
        if (compiled := self._compiled(module, batch)) is not None:
            return compiled
        fast = fast_weights(module, self.adapts)
        support = _stacked(batch, self.tasks, slice(0, self.shots))
        query = _stacked(batch, self.tasks, slice(self.shots, None))
        start = [weight.expand(self.tasks, *weight.shape) for weight in fast.values()]
        buffers = {name: buffer.expand(self.tasks, *buffer.shape).clone() for name, buffer in module.named_buffers()}
        losses = self._losses(module, tuple(fast), buffers, start, support)
        end = adapted(losses, start, support, self.rate, self.steps, first_order=self.first_order)
        loss = losses(end, query).mean()
        with torch.no_grad():
            for name, buffer in module.named_buffers():  # what a batch norm saw: the mean over tasks
                buffer.copy_(buffers[name].double().mean(0) if buffer.is_floating_point() else buffers[name][0])
        return loss

    def _compiled(self, module: nn.Module, batch: Batch) -> Tensor | None:
        """Returns the loss of a perceptron, computed in one compiled call; None where it must be computed otherwise."""
        if not self.first_order or self._at_once is not None:
            return None
        if self._chain is None or self._chain[0] != (module, module.training):
            fast = fast_weights(module, self.adapts).values()
            self._chain = (module, module.training), CompiledChain.of(module, fast)
        chain = self._chain[1]
        if chain is None:
            return None
        return chain.meta_loss(self.below, batch, tasks=self.tasks, shots=self.shots, rate=self.rate, steps=self.steps)

    def _losses(
        self,
        module: nn.Module,
        names: tuple[str, ...],
        buffers: Mapping[str, Tensor],
        start: Sequence[Tensor],
        support: Batch,
    ) -> Losses:
        """Returns the losses of all tasks at once, or one after another where the module cannot do that.

        Which it is, is found out once, on the first batch: torch's own LSTM, and a module that asks a tensor for a
        number, cannot be computed for many weights at once.
        """
        if self._at_once is None:
            self._at_once = not any(isinstance(part, nn.RNNBase) for part in module.modules())
            if self._at_once:
                tried = {name: buffer.clone() for name, buffer in buffers.items()}
                devices = [start[0].device] if start[0].device.type == "cuda" else []
                with torch.random.fork_rng(devices):
                    try:
                        _at_once(module, self.below, names, tried)(start, support)
                    except (RuntimeError, ValueError, TypeError):
                        self._at_once = False
        build = _at_once if self._at_once else _in_turn
        return build(module, self.below, names, buffers)


def _stacked(batch: Batch, tasks: int, part: slice) -> Batch:
    """Returns a part of each of a batch's episodes: (task · row, …) to (task, row of the part, …)."""
    return _put(batch, {name: rows.view(tasks, -1, *rows.shape[1:])[:, part] for name, rows in _columns(batch).items()})


def _columns(batch: Batch) -> dict[str, Tensor]:
    """Returns all that a batch holds of each row, targets among them."""
    own = {name: value for name, value in batch._asdict().items() if isinstance(value, Tensor)}
    return own | {_TARGET + name: column for name, column in batch.targets.items()}


def _put(batch: Batch, columns: Mapping[str, Tensor]) -> Batch:
    """Returns the batch with other rows."""
    targets = {name.removeprefix(_TARGET): column for name, column in columns.items() if name.startswith(_TARGET)}
    own = {name: column for name, column in columns.items() if not name.startswith(_TARGET)}
    return batch._replace(targets=targets, **own)  # type: ignore[arg-type]  # all of them are tensors


def _of_one(module: nn.Module, objective: Objective, names: tuple[str, ...]) -> Losses:
    """Losses of one task, whose weights and rows are not stacked."""
    loss = _Loss(module, objective)

    def losses(weights: Sequence[Tensor], batch: Batch) -> Tensor:
        own = {_INSIDE + name: weight for name, weight in zip(names, weights, strict=True)}
        result: Tensor = functional_call(loss, own, (batch,))
        return result

    return losses


def _in_turn(module: nn.Module, objective: Objective, names: tuple[str, ...], buffers: Mapping[str, Tensor]) -> Losses:
    """Losses of stacked tasks, one task after another."""
    loss = _Loss(module, objective)

    def losses(weights: Sequence[Tensor], batch: Batch) -> Tensor:
        each = []
        for task in range(len(batch.x)):
            own = {_INSIDE + name: weight[task] for name, weight in zip(names, weights, strict=True)}
            own |= {_INSIDE + name: buffer[task] for name, buffer in buffers.items()}
            rows = _put(batch, {name: column[task] for name, column in _columns(batch).items()})
            each.append(functional_call(loss, own, (rows,)))
        return torch.stack(each)

    return losses


def _at_once(module: nn.Module, objective: Objective, names: tuple[str, ...], buffers: Mapping[str, Tensor]) -> Losses:
    """Losses of stacked tasks in one pass: the forward is vectorised over tasks, and plain autograd differentiates it.

    That is nearly twice as fast as to vectorise the gradient.
    """
    loss = _Loss(module, objective)

    def losses(weights: Sequence[Tensor], batch: Batch) -> Tensor:
        def one(own: dict[str, Tensor], columns: dict[str, Tensor]) -> Tensor:
            result: Tensor = functional_call(loss, own, (_put(batch, columns),))
            return result

        own = {_INSIDE + name: weight for name, weight in zip(names, weights, strict=True)}
        own |= {_INSIDE + name: buffer for name, buffer in buffers.items()}
        many: Tensor = vmap(one, randomness="different")(own, _columns(batch))
        return many

    return losses
