"""Which device computes, and in which precision."""

from __future__ import annotations

import torch

from spi_viewer.errors import ModelError


def choose_device(name: str = "auto") -> torch.device:
    """'auto' takes a GPU where there is one; raises ModelError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"{name!r} is not a device; use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("cuda was asked for, but torch finds no usable GPU; use cpu or auto")
    return device


def device_label(device: torch.device) -> str:
    """Name as users read it: 'CPU' or the GPU's own name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def trains_in_bfloat16(device: torch.device) -> bool:
    """True where bfloat16 is computed in hardware; elsewhere it is emulated and slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, p, lambda: False)() for p in probes)


def leave_a_core_to_others() -> None:
    """Compute on all cores but one, where a window and a reader must keep up beside."""
    torch.set_num_threads(max(1, torch.get_num_threads() - 1))
