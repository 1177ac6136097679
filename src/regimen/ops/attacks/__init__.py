"""Attacks: how far a model can be led astray by moving each of its inputs by no more than ε.

Every attack takes ``losses``, a function of rows x to the loss (n,) of each, and looks for rows nearby at which they
are higher. x is (n, features) or (n, window, features), ε one number or one for each feature (0: it stays), and
``|x' − x| ≤ ε`` holds for what comes back. A row's loss must depend on that row alone. All randomness comes from the
generator that is given, which is on the device of x.

What an attack does not find may still be there: that a model withstood it proves nothing. A certificate, which does,
is in `regimen.ops.smoothing`.
"""

from regimen.ops.attacks.apgd import apgd
from regimen.ops.attacks.ball import Losses, Norm
from regimen.ops.attacks.gradient import fgsm, pgd
from regimen.ops.attacks.losses import class_margin, difference_of_logits_ratio, kl_divergence
from regimen.ops.attacks.quiet import quiet
from regimen.ops.attacks.square import square

__all__ = [
    "Losses",
    "Norm",
    "apgd",
    "class_margin",
    "difference_of_logits_ratio",
    "fgsm",
    "kl_divergence",
    "pgd",
    "quiet",
    "square",
]
