"""What is told of a fit while it is made."""

from __future__ import annotations

import json
import subprocess
import sys

TOLD = """
import json, torch
from regimen.runs.fit import tell_of_optimiser
steps = []
tell = lambda done, of, message, numbers: steps.append([done, of, message, numbers])
tell_of_optimiser(None, 5)
tell_of_optimiser(tell, 5)
torch.optim.AdamW(torch.nn.Linear(2, 2).parameters(), fused=True)
tell_of_optimiser(tell, 5)
print(json.dumps(steps))
"""


def test_the_first_optimiser_of_a_process_is_a_step_of_the_progress() -> None:
    """Only the first: with it torch imports what takes so long, and if it no longer does, this step can go."""
    done = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[0, 5, "loading torch's optimisers", {}]]
