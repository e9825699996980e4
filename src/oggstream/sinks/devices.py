"""The outputs of this machine, for those who choose one."""

from __future__ import annotations

from .portaudio import OutputDevice, devices

__all__ = ["OutputDevice", "devices"]
