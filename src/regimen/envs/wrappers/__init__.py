"""What stands around lanes, by config: each takes the lanes below and gives others; the last stands outside."""

from regimen.envs.wrappers.shaped import Shaped, ShapedConfig
from regimen.envs.wrappers.wrapper import Wraps, wrapped

WrapperConfig = ShapedConfig
"""The union of wrappers; ``kind`` chooses."""

__all__ = ["Shaped", "ShapedConfig", "WrapperConfig", "Wraps", "wrapped"]
