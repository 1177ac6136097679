"""The LSTM with attention: its start, its skips, two directions, its weights, and the adding problem."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from regimen.errors import ConfigError
from regimen.nets import AttentiveLSTM
from regimen.nets.lstm import LSTMEncoder


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_gate_starts_orthogonal_with_its_forget_gate_open(bidirectional: bool) -> None:
    net = AttentiveLSTM(3, 3, width=16, layers=2, bidirectional=bidirectional)
    for layer in net.encoder.layers:
        for name, parameter in layer.named_parameters():
            if name.startswith("weight_hh"):
                for gate in parameter.chunk(4):
                    torch.testing.assert_close(gate @ gate.T, torch.eye(len(gate)), rtol=0, atol=1e-5)
            if name.startswith("bias"):
                opened = [gate.mean().item() for gate in parameter.detach().chunk(4)]
                assert opened == ([0, 1, 0, 0] if name.startswith("bias_ih") else [0, 0, 0, 0])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_layer_adds_to_what_it_was_given(layers: int) -> None:
    encoder = AttentiveLSTM(3, 3, width=16, layers=layers, dropout=0.0).encoder
    x = torch.randn(4, 6, 3)
    h = encoder.project(x)
    for layer, norm in zip(encoder.layers, encoder.norms, strict=True):
        h = norm(h + layer(h)[0])
    torch.testing.assert_close(encoder(x), h)
    assert len(encoder.layers) == layers
    for layer in encoder.layers:  # layers that say nothing leave the skip
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
    skipped = encoder.project(x)
    for norm in encoder.norms:
        skipped = norm(skipped)
    torch.testing.assert_close(encoder(x), skipped)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_weights_of_the_attention_come_with_the_output(bidirectional: bool) -> None:
    net = AttentiveLSTM(3, 2, width=8, heads=2, bidirectional=bidirectional).eval()
    x = torch.randn(4, 12, 3)
    output, weights = net.with_weights(x)
    assert torch.equal(output, net(x))
    assert output.shape == (4, 2)
    assert weights.shape == (4, 2, 12, 12)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 2, 12))
    assert bool(weights.triu(1).any()) is bidirectional


def test_two_directions_see_the_whole_window_and_give_no_steps() -> None:
    torch.manual_seed(0)
    net = AttentiveLSTM(3, 2, width=8, heads=2, bidirectional=True, dropout=0.0)
    x = torch.randn(1, 6, 3, requires_grad=True)
    (net.encoder(x)[0, 0] * torch.randn(8)).sum().backward()
    assert x.grad is not None
    assert (x.grad[0].abs().sum(1) > 0).all()
    with pytest.raises(ConfigError) as error:
        net.steps(x)
    line = "bidirectional: must be false for an output per step: it would see later steps; got True"
    assert str(error.value) == line


def adding_problem(batch: int, time: int, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Uniform numbers, two of them marked, one in each half; the target is the sum of the two.

    Source: Hochreiter & Schmidhuber 1997, as in arXiv 1803.01271. To say 1 always has an error of 2/12 = 0.167.
    """
    values = torch.rand(batch, time, generator=random)
    places = torch.randint(time // 2, (batch, 2), generator=random) + torch.tensor([0, time // 2])
    marks = torch.zeros(batch, time).scatter_(1, places, 1.0)
    return torch.stack((values, marks), -1), (values * marks).sum(1, keepdim=True)


class LastState(nn.Module):
    """The encoder alone and a linear map of its last state: only the memory can carry the first number there."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = LSTMEncoder(2, 32, 1, False, 0.0)
        self.head = nn.Linear(32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(x)[:, -1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "rate", "steps"),
    [
        (LastState, 5e-3, 1500),
        (lambda: AttentiveLSTM(2, 1, width=32, layers=1, heads=4, dropout=0.0), 3e-3, 400),
    ],
    ids=["memory alone", "with attention"],
)
def test_it_learns_the_adding_problem_over_100_steps(build: Callable[[], nn.Module], rate: float, steps: int) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    net = build()
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(steps):
        x, y = adding_problem(64, 100, random)
        loss = functional.mse_loss(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    torch.set_num_threads(threads)
    x, y = adding_problem(1000, 100, random)  # drawn after training
    with torch.no_grad():
        assert functional.mse_loss(net(x), y) <= 0.01
        assert functional.mse_loss(torch.ones_like(y), y) > 0.14
