"""Weights files: read without unpickling, checked by hash, and loaded strictly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from isoprune.errors import UnreadableFileError, WeightsError
from isoprune.io.download import download as fetch
from isoprune.io.files import existing
from isoprune.labels import listing
from isoprune.provenance import sha256_of_file

if TYPE_CHECKING:
    import torch

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.")


def read_state_dict(path: str | Path, *, where: str) -> dict[str, torch.Tensor]:
    """The tensors of a weights file, by name.

    Parameters
    ----------
    path : path
        A state dict saved with ``torch.save``; nothing but tensors is ever unpickled.
    where : str
        The setting that names the file, for the error messages.

    Returns
    -------
    dict of str to torch.Tensor
        On the CPU.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If the file is not there, or holds something other than a state dict.
    """
    import torch

    path = existing(path, where=where, remedy="Correct the path, or put the file there.")
    expected = "a state dict (names of parameters with their tensors)"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # a damaged file makes torch trip anywhere
        reason = str(problem).strip().partition("\n")[0]
        raise UnreadableFileError(
            where,
            f"'{path}' cannot be read as weights ({reason})",
            expected,
            "Save the network's weights alone: torch.save(network.state_dict(), path).",
        ) from problem
    if not isinstance(state, Mapping) or not state or not all(_is_tensor(value) for value in state.values()):
        content = (
            f"the entries {listing(map(str, state))}" if isinstance(state, Mapping) else type(state).__name__
        )
        raise UnreadableFileError(
            where,
            f"'{path}' holds {content}",
            expected,
            "If it is a training checkpoint, save the state dict in it as a file of its own.",
        )
    return dict(state)


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def check_sha256(path: str | Path, sha256: str, *, where: str) -> None:
    """Refuse a file with another content than stated.

    Parameters
    ----------
    path : path
        The file.
    sha256 : str
        The 64 hexadecimal digits of its SHA-256.
    where : str
        The setting that states them, for the error message.

    Raises
    ------
    WeightsError
        If the file's SHA-256 is another, or the stated one is not a SHA-256; both are named.
    """
    found = sha256_of_file(path)
    if found != sha256.strip().lower():
        raise WeightsError(
            where,
            f"'{path}' has the SHA-256 {found}",
            f"the stated {sha256}",
            "Use the file that the hash was stated for, or state the hash of this one.",
        )


def load_strictly(
    module: torch.nn.Module, state: Mapping[str, torch.Tensor], *, model: str, where: str
) -> None:
    """Put a state dict into a network, every tensor of either having its counterpart.

    Parameters
    ----------
    module : torch.nn.Module
        The network; its weights are overwritten.
    state : mapping of str to torch.Tensor
        As `read_state_dict` returns it.
    model : str
        The network's name, for the error message.
    where : str
        Where the weights come from, for the error message.

    Raises
    ------
    WeightsError
        If the weights are not of this network, with examples of what is missing, surplus or of another shape.
    """
    try:
        # Tensors cannot be copied into a network that is an outline only; they take the place of its own.
        module.load_state_dict(state, strict=True, assign=next(module.parameters()).is_meta)
    except RuntimeError as problem:
        raise WeightsError(
            where,
            f"the weights are not those of {model}: {_differences(module.state_dict(), state) or problem}",
            f"exactly the {len(module.state_dict())} tensors of {model}",
            "Name the network that the file was made with, or the file of this network.",
        ) from problem


def _differences(wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> str:
    # Files from before torch 0.4.1 lack this counter; torch fills it in by itself.
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    surplus = [name for name in given if name not in wanted]
    other = [
        f"{name} is {tuple(given[name].shape)} for {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    parts = [
        f"{len(names)} {what} ({listing(names, most=3)})"
        for names, what in ((missing, "missing"), (surplus, "surplus"), (other, "of another shape"))
        if names
    ]
    return ", ".join(parts)


def cached_weights(url: str, *, where: str, download: bool = True) -> Path:
    """The file of published weights, downloaded unless torch's hub folder has it, and checked.

    Parameters
    ----------
    url : str
        Where the weights are published; eight or more digits of their SHA-256 are part of the file's name.
    where : str
        The setting that names the weights, for the error messages.
    download : bool
        Without, the file may be absent.

    Returns
    -------
    Path
        In ``<torch hub folder>/checkpoints``, which the environment variable ``TORCH_HOME`` can move.

    Raises
    ------
    MissingFileError
        If the download fails; says where to put the file by hand.
    UnreadableFileError
        If the content of what was downloaded is not what its name promises; nothing of it is kept.
    WeightsError
        If that of a file that lay there already is not.
    """
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    promised = _HASH_IN_NAME.search(path.name)
    sha256 = promised.group(1) if promised else None
    if not path.is_file():
        return fetch(url, path, where=where, sha256=sha256) if download else path
    found = sha256_of_file(path)
    if sha256 and not found.startswith(sha256):
        raise WeightsError(
            where,
            f"'{path}' has the SHA-256 {found}",
            f"one that starts with {sha256}, as its name says",
            f"The file is damaged: delete it and run again, or download it by hand from {url}.",
        )
    return path


def sha256_of_state(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of the weights themselves, whatever file they came from or whether from any.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        Weights by name.

    Returns
    -------
    str
        64 hexadecimal digits, from the names, types, shapes and bytes, in the order of the names.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
