"""`regimen serve`, `keys`, `halt` and `resume-trading`, as a user meets them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.bundles import exported
from tests.cli.conftest import COMMAND
from tests.serving.test_server import free_port, status
