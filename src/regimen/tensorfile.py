"""Tensors and one JSON document in one safetensors file that is either whole or absent."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regimen.errors import RunError
from regimen.files import write_bytes

if TYPE_CHECKING:
    from torch import Tensor

_KEY = "regimen"  # one key only: safetensors writes several in the order of a hash map, so bytes would differ


def write_tensors(path: Path, tensors: dict[str, Tensor], document: dict[str, Any]) -> None:
    """Writes tensors and a JSON document; the same content gives the same bytes.

    Args:
        path: the file; its folder is made when absent.
        tensors: name to tensor, on any device.
        document: anything that JSON can hold (no NaN, no infinity); kept in the file's header.
    """
    import safetensors.torch

    on_cpu = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    header = {"checksum": _checksum(on_cpu, document), "document": document}
    text = json.dumps(header, sort_keys=True, allow_nan=False)
    write_bytes(path, safetensors.torch.save(on_cpu, metadata={_KEY: text}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what `write_tensors` wrote.

    Raises:
        RunError: the file is absent, damaged, or was not written by Regimen.
    """
    import safetensors

    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        raise RunError(str(path), "must exist") from None
    except OSError as error:
        raise RunError(str(path), f"must be readable ({error.strerror or error})") from None
    except safetensors.SafetensorError as error:
        raise RunError(str(path), f"must be a whole safetensors file ({error})") from None
    if _KEY not in metadata:
        raise RunError(str(path), "must have been written by Regimen, but its header does not say so")
    try:
        header = json.loads(metadata[_KEY])
        checksum, document = header["checksum"], header["document"]
    except (ValueError, KeyError, TypeError):
        raise RunError(str(path), "must have a readable header") from None
    if checksum != _checksum(tensors, document):
        raise RunError(str(path), "must hold the bytes that were written, but its checksum differs")
    return tensors, document


def _checksum(tensors: dict[str, Tensor], document: dict[str, Any]) -> str:
    import torch

    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
