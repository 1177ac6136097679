"""Actions become target exposures: the compiled rule of each kind, see `regimen.envs.kinds`."""

from __future__ import annotations

from regimen.jit import jit_step


@jit_step
def continuous_target(action: float, target: float, dead_band: float, smoothing: float) -> float:
    """Returns ``smoothing·target + (1 − smoothing)·action``, or the target in force within the dead band of it.

    Args:
        action: the exposure asked for.
        target: the one in force.
        dead_band: an action nearer to the target than this changes nothing.
        smoothing: share of the old target that stays; 0 follows the action at once.
    """
    if abs(action - target) < dead_band:
        return target
    return smoothing * target + (1.0 - smoothing) * action


@jit_step
def verb_target(
    verb: int, target: float, winning: bool, small: float, medium: float, large: float, partial: float, add: float
) -> float:
    """Returns the target after a verb, never above 1; an add to what does not win is a hold.

    Args:
        verb: see `Verb`.
        target: exposure in force, in [0, 1].
        winning: whether the position is open and has gained since it was opened.
        small, medium, large, add: what the verb adds, an exposure.
        partial: share of the target that a partial sale sells.
    """
    if verb == 1:
        return min(1.0, target + small)
    if verb == 2:
        return min(1.0, target + medium)
    if verb == 3:
        return min(1.0, target + large)
    if verb == 4:
        return target * (1.0 - partial)
    if verb == 5:
        return 0.0
    if verb == 6 and winning:
        return min(1.0, target + add)
    return target
