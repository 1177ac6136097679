"""What a window has of its own (level and scale, or strong frequencies) is taken out before a network sees it."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor, nn

from regimen.errors import ConfigError, DataError
from regimen.nets.hybrid import Forecast
from regimen.nets.orthogonal import output_layer
from regimen.nets.shapes import require_positive, require_window


@final
class WindowScale(nn.Module):
    """``(x − mean) / √(variance + 1e-5)`` of the window itself, each channel alone, then a learned scale and shift.

    Nothing outside the window is looked at, and nothing is remembered from one window to the next.

    Args:
        inputs: channels of the window.

    Attributes:
        statistics: numbers that say what was removed, for each channel: its mean, and the logarithm of its deviation.

    Source: Kim et al., Reversible instance normalization (2022).
    """

    statistics = 2

    def __init__(self, inputs: int) -> None:
        super().__init__()
        require_positive(inputs=inputs)
        self.inputs = inputs
        self.scale, self.shift = nn.Parameter(torch.ones(inputs)), nn.Parameter(torch.zeros(inputs))

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Returns windows (batch, time, inputs) normalised, and what `inverse` needs.

        Raises:
            DataError: another shape.
        """
        require_window(x, self.inputs)
        mean = x.mean(1, keepdim=True)
        deviation = ((x - mean).square().mean(1, keepdim=True) + 1e-5).sqrt()
        return (x - mean) / deviation * self.scale + self.shift, (mean, deviation)

    def inverse(self, y: Tensor, removed: tuple[Tensor, Tensor]) -> Tensor:
        """Returns (batch, time, inputs) in the units that windows had before: the inverse of `forward`."""
        mean, deviation = removed
        return (y - self.shift) / self.scale * deviation + mean

    def summary(self, removed: tuple[Tensor, Tensor]) -> Tensor:
        """Returns what was removed as numbers (batch, 2 · inputs)."""
        mean, deviation = removed
        return torch.cat((mean[:, 0], deviation[:, 0].log()), -1)


@final
class FrequencyNorm(nn.Module):
    """A window without the k frequencies that are strongest in it, each channel alone.

    The transform is of the window itself: that of a whole series would show a window what comes after it. It is two
    products with cosines and sines, so it can be exported, and has a gradient wherever the choice does not change.

    Args:
        inputs: channels of the window.
        window: rows of the window.
        frequencies: that are removed, at most half of the rows; a frequency of 0, the mean, is one.

    Attributes:
        statistics: numbers that say what was removed, for each channel: its newest row, and its root mean square.

    Raises:
        ConfigError: more frequencies than that.

    Source: Ye et al., Frequency adaptive normalization (2024), arXiv 2409.20371. There a network of its own forecasts
    what was removed, for a forecast in the units of the window.
    """

    statistics = 2
    cosines: Tensor
    sines: Tensor
    weights: Tensor

    def __init__(self, inputs: int, window: int, frequencies: int) -> None:
        super().__init__()
        require_positive(inputs=inputs, window=window, frequencies=frequencies)
        if frequencies > window // 2:
            raise ConfigError("frequencies", f"must be at most half of the {window} rows of a window", frequencies)
        self.inputs, self.window, self.frequencies = inputs, window, frequencies
        angles = torch.arange(window // 2 + 1, dtype=torch.float64)[:, None] * torch.arange(window) % window
        angles = angles * (2.0 * math.pi / window)
        weights = torch.full((window // 2 + 1, 1), 2.0 / window)
        weights[0] = 1.0 / window
        if window % 2 == 0:
            weights[-1] = 1.0 / window
        for name, table in (("cosines", angles.cos()), ("sines", angles.sin()), ("weights", weights)):
            self.register_buffer(name, table.float(), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns windows (batch, time, inputs) without their strongest frequencies, and what was removed, as windows.

        Raises:
            DataError: another shape, or another number of rows.
        """
        require_window(x, self.inputs)
        if x.shape[1] != self.window:
            raise DataError("x", f"must have windows of {self.window} rows", x.shape[1])
        real, imaginary = self.cosines @ x, self.sines @ x  # (batch, frequency, channel)
        power = (real.square() + imaginary.square()) * self.weights
        strongest = power.detach().topk(self.frequencies, dim=1).indices
        kept = torch.zeros_like(power).scatter(1, strongest, 1.0) * self.weights
        removed = self.cosines.T @ (real * kept) + self.sines.T @ (imaginary * kept)
        return x - removed, removed

    def inverse(self, y: Tensor, removed: Tensor) -> Tensor:
        """Returns (batch, time, inputs) with the frequencies that were removed: the inverse of `forward`."""
        return y + removed

    def summary(self, removed: Tensor) -> Tensor:
        """Returns what was removed as numbers (batch, 2 · inputs)."""
        return torch.cat((removed[:, -1], (removed.square().mean(1) + 1e-5).sqrt()), -1)


@final
class NormalisedNet(nn.Module):
    """A network that sees normalised windows, and whose answer gets a linear map of what was removed added to it.

    Its answers (logits, an expected return in units of volatility) have the unit of no channel of the window, so they
    cannot be scaled back. What was removed, a few numbers for each channel, goes to the output in their stead: the
    network reads the shape of a window, the map its level. There is an answer at the close of the window only: a step
    inside it would know the statistics of later ones.

    Args:
        net: answers windows with a tensor (batch, outputs) or a `Forecast`.
        norm: what is taken out of a window.
        outputs: numbers of an answer; of a `Forecast` its classes and two.
    """

    def __init__(self, net: nn.Module, norm: WindowScale | FrequencyNorm, outputs: int) -> None:
        super().__init__()
        self.net, self.norm = net, norm
        self.restore = output_layer(norm.statistics * norm.inputs, outputs)

    def forward(self, x: Tensor) -> Any:
        """Returns the network's answer for windows (batch, time, inputs).

        Raises:
            DataError: another shape.
        """
        seen, removed = self.norm(x)
        return self._restored(self.net(seen), removed)

    def with_weights(self, x: Tensor) -> tuple[Any, Any]:
        """Returns the answer, and where the network looked in the normalised window."""
        seen, removed = self.norm(x)
        look: Any = self.net.with_weights
        answer, weights = look(seen)
        return self._restored(answer, removed), weights

    def _restored(self, answer: Any, removed: Any) -> Any:
        more = self.restore(self.norm.summary(removed))
        if not isinstance(answer, Forecast):
            return answer + more
        logits, mean, log_variance = more.split((more.shape[-1] - 2, 1, 1), -1)
        return Forecast(
            answer.logits + logits, answer.mean + mean.squeeze(-1), answer.log_variance + log_variance.squeeze(-1)
        )
