"""Difficulty follows what the learner can do, so that it succeeds as often as it should."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.envs import AdaptiveDifficulty, AdaptiveDifficultyConfig


@pytest.mark.parametrize("target", [0.4, 0.6, 0.75])
def test_a_learner_succeeds_as_often_as_it_should(target: float) -> None:
    """P(success) = σ(skill − 8·d), of a skill that grows: within 5 points of the target over 200 episodes."""
    for seed in range(50):
        random = np.random.default_rng(seed)
        difficulty = AdaptiveDifficulty(AdaptiveDifficultyConfig(kind="difficulty", target=target))
        for _ in range(200):  # first it has to be found
            difficulty.record(int(random.random() < 1.0 / (1.0 + np.exp(8.0 * difficulty.level - 4.0))), 1)
        came, began = 0, difficulty.level
        for look in range(200):
            skill = 4.0 + look / 200
            success = int(random.random() < 1.0 / (1.0 + np.exp(8.0 * difficulty.level - skill)))
            difficulty.record(success, 1)
            came += success
        assert abs(came / 200 - target) <= 0.05
        assert came / 200 - target == pytest.approx((difficulty.level - began) / (0.1 * 200), abs=1e-12)


def test_a_look_of_many_episodes_moves_it_by_its_share_at_most() -> None:
    difficulty = AdaptiveDifficulty(AdaptiveDifficultyConfig(kind="difficulty", levels=4))
    difficulty.record(256, 256)
    assert difficulty.level == pytest.approx(0.4)
    assert difficulty.stage == 2
    difficulty.record(0, 256)
    assert (difficulty.level, difficulty.stage) == (0.0, 0)
    other = AdaptiveDifficulty(AdaptiveDifficultyConfig(kind="difficulty", levels=4))
    difficulty.record(200, 256)
    other.restore(difficulty.state())
    assert other.level == difficulty.level > 0.0


def test_stages_lie_between_the_easiest_and_the_market_as_it_is() -> None:
    stages = AdaptiveDifficultyConfig(kind="difficulty", levels=4).listed
    assert [each.slippage for each in stages] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [each.is_true for each in stages] == [False, False, False, False, True]
    with pytest.raises(ValidationError, match="easiest must be easier than the market as it is"):
        AdaptiveDifficultyConfig.model_validate({"kind": "difficulty", "easiest": {}})
    for bad in (0.0, 1.0):
        with pytest.raises(ValidationError, match="than"):
            AdaptiveDifficultyConfig(kind="difficulty", target=bad)
