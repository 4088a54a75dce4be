"""What keeps a model from being fetched or loaded, in a sentence each, with what to do about it."""

import errno
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import UserFacing
from workbench.models.checkpoints.folder import damaged_settings, damaged_weights, quantisation

if TYPE_CHECKING:
    from workbench.models.checkpoints.hub import HubName

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# quant_method of a config → (module, what pip installs), as transformers' quantizers ask for them.
QUANTISERS = {
    "bitsandbytes": ("bitsandbytes", "bitsandbytes"),
    "awq": ("gptqmodel", "gptqmodel"),
    "gptq": ("gptqmodel", "gptqmodel optimum"),
    "compressed-tensors": ("compressed_tensors", "compressed-tensors"),
    "auto-round": ("auto_round", "auto-round"),
    "torchao": ("torchao", "torchao"),
    "quanto": ("optimum.quanto", "optimum-quanto"),
    "hqq": ("hqq", "hqq"),
    "aqlm": ("aqlm", "aqlm[gpu,cpu]"),
    "vptq": ("vptq", "vptq"),
    "spqr": ("spqr_quant", "spqr_quant"),
    "eetq": ("kernels", "kernels"),
    "mxfp4": ("kernels", "kernels"),
    "fp_quant": ("fp_quant", "fp_quant"),
    "quark": ("quark", "amd-quark"),
}


def fetch_fault(error: Exception, name: "HubName") -> UserFacing:
    """Why the files of a hub model are not here."""
    from httpx2 import HTTPError
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        DisabledRepoError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    error = _first(error, (HfHubHTTPError, OfflineModeIsEnabled, HTTPError))
    page = f"{constants.ENDPOINT}/{name.repository}"
    has_key = bool(os.environ.get("HF_TOKEN") or Path(constants.HF_TOKEN_PATH).is_file())
    key = "set HF_TOKEN to an access token of an account that may read it"
    if isinstance(error, GatedRepoError):
        return UserFacing(
            f"The model {name.repository} is gated"
            + (", and the account of your access token has not been let in." if has_key else "."),
            f"Accept the terms on {page}"
            + (", wait until access is granted, and try again." if has_key else f", then {key}."),
        )
    if isinstance(error, RevisionNotFoundError):
        return UserFacing(
            f"The model {name.repository} has no revision {name.revision!r} (branch, tag or full commit id).",
            f"Choose one of {page}/commits/main, or leave out @{name.revision}.",
        )
    if isinstance(error, RepositoryNotFoundError):
        return UserFacing(
            f"There is no model {name.repository} on the hub that you may read.",
            f"Check the id; if it is private, {key}.",
        )
    if isinstance(error, DisabledRepoError):
        return UserFacing(f"The hub has disabled the model {name.repository}.", f"See {page} for the reason.")
    if isinstance(error, HfHubHTTPError):
        return _status_fault(error.response.status_code, name, key)
    if isinstance(error, OfflineModeIsEnabled):
        return UserFacing(
            f"The model {name} is not on this machine, and HF_HUB_OFFLINE is set.",
            "Unset HF_HUB_OFFLINE and load it once with a network.",
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return UserFacing(
            f"The disk became full while {name} was fetched into {constants.HF_HUB_CACHE!r}.",
            "Make room, or set HF_HOME to a folder on a larger disk; files that had come whole are kept.",
        )
    if isinstance(error, OSError) and error.errno is not None:
        return UserFacing(
            f"The files of {name} can't be kept in {constants.HF_HUB_CACHE!r} ({error.strerror}).",
            "Set HF_HOME to a folder that you may write to.",
        )
    if isinstance(error, HTTPError) and _never_connected(error):
        return UserFacing(
            f"The model {name} is not on this machine, and {constants.ENDPOINT} can't be reached.",
            "Check the network, or load a folder or a model that was fetched before.",
        )
    return UserFacing(
        f"The connection broke while {name} was fetched.",
        "Load it again: files that had come whole are kept, and it goes on from there.",
    )


def _first(error: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException:
    """The error itself or the first of its causes that is of one of the kinds; the error when none is."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kinds):
        cause = cause.__cause__
    return cause or error


def _never_connected(error: Exception) -> bool:
    from httpx2 import ConnectError, ConnectTimeout, ProxyError, ReadTimeout, UnsupportedProtocol

    return isinstance(error, (ConnectError, ConnectTimeout, ReadTimeout, ProxyError, UnsupportedProtocol))


def _status_fault(status: int, name: "HubName", key: str) -> UserFacing:
    if status == 401:
        return UserFacing(
            f"The hub does not know your access token, so {name.repository} was not fetched.",
            "Correct HF_TOKEN, or unset it for a public model.",
        )
    if status == 403:
        return UserFacing(f"The hub refuses to give out {name.repository}.", f"To be let in, {key}.")
    if status == 429:
        return UserFacing(
            f"The hub asks for a pause before it gives out {name.repository}.",
            "Try again in a few minutes; with HF_TOKEN set, the limits are higher.",
        )
    return UserFacing(f"The hub has a fault (HTTP {status}), and {name} is not here.", "Try again later.")


def require_quantiser(folder: Path, ref: str) -> None:
    """Raise UserFacing when weights are quantised and the package that reads them is missing."""
    method = quantisation(folder)
    module, package = QUANTISERS.get((method or "").lower(), ("", ""))
    if not module:
        return
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise UserFacing(
            f"The weights of {ref!r} are quantised with {method}, which needs the package "
            f"{package.split()[0]}, and that is not installed.",
            f"Install it: pip install {package}; or use the checkpoint that isn't quantised.",
        )


def load_fault(error: Exception, ref: str, folder: Path) -> UserFacing:
    """Why a checkpoint whose files are all there can't be loaded."""
    if (name := damaged_settings(folder)) is not None:
        return UserFacing(
            f"The file {name} of the model {ref!r} is damaged: it is not JSON.", _again(folder, name)
        )
    if (name := damaged_weights(folder)) is not None:
        return UserFacing(
            f"The weight file {name} of the model {ref!r} is damaged or cut off.", _again(folder, name)
        )
    said = " ".join(str(error).split())
    if "trust_remote_code" in said:
        return UserFacing(
            f"The model {ref!r} brings code of its own, which is not run.",
            "If you trust its makers, set WORKBENCH_ALLOW_REMOTE_CODE=1 (never on a public page).",
        )
    if isinstance(error, ImportError) and (method := quantisation(folder)):
        return UserFacing(
            f"The weights of {ref!r} are quantised with {method}, and something that reads them is missing: "
            f"{_sentence(said)}",
            "Install what it names, or use the checkpoint that isn't quantised.",
        )
    if isinstance(error, ImportError):
        missing = getattr(error, "name", None)
        what = f"the package {missing}, which is not installed" if missing else f"more: {_sentence(said)}"
        return UserFacing(f"The model {ref!r} needs {what}.", "Install it with pip, then load again.")
    if "does not recognize this architecture" in said or "Unrecognized model" in said:
        return UserFacing(
            f"The installed transformers does not know the kind of model that {ref!r} is.",
            "Check its config.json; a newer model may need a newer transformers.",
        )
    if "size mismatch" in said or "ignore_mismatched_sizes" in said:
        return UserFacing(
            f"The weights of {ref!r} do not fit its config.json.", "Copy the whole checkpoint from one place."
        )
    return UserFacing(
        f"The model {ref!r} could not be loaded: {_sentence(said) or 'transformers gave no reason.'}",
        "Check that it is a whole checkpoint for transformers.",
    )


def _again(folder: Path, name: str) -> str:
    if folder.parent.name == "snapshots":  # a copy from the hub, where the file is a link
        return f"Delete {str((folder / name).resolve())!r} and its link in {str(folder)!r}, then load again."
    return "Copy the whole checkpoint again."


def _sentence(said: str, longest: int = 200) -> str:
    """The first sentence of what a library said, no longer than can be read."""
    first = said.split(". ")[0].strip().rstrip(".")
    return f"{first[:longest]}…" if len(first) > longest else f"{first}." if first else ""
