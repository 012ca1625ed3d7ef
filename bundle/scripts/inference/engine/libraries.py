"""OpenVINO and NNCF, of the extra `fast`; neither tells its maker that it is used."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any

from scripts.core import refuse

TELEMETRY = "openvino_telemetry"
"""The package by which both report what is converted and compressed, unless it is missing."""

_ONE_CORE = Lock()


def has_openvino() -> bool:
    """Return whether OpenVINO is installed, without importing it."""
    return find_spec("openvino") is not None


def has_nncf() -> bool:
    """Return whether NNCF is installed, without importing it."""
    return has_openvino() and find_spec("nncf") is not None


def openvino() -> Any:
    """Import OpenVINO.

    Raises:
        UserError: if it is not installed, or does not start.
    """
    return _imported("openvino", "--engine openvino")


def core() -> Any:
    """Return OpenVINO's core, of which there is one in a process: each loads its plug-ins anew.

    Raises:
        UserError: if OpenVINO is not installed, or does not start.
    """
    library = openvino()
    with _ONE_CORE:
        return _core(library)


@cache
def _core(library: Any) -> Any:
    with signal_stack_left_alone():
        made = library.Core()
        made.available_devices  # noqa: B018 - loads the plug-ins
        return made


def nncf() -> Any:
    """Import NNCF, which quantises, and keep it from telling each step.

    Raises:
        UserError: if it is not installed, or does not start.
    """
    openvino()
    with log_left_alone(), signal_stack_left_alone():
        library = _imported("nncf", "--amp int8")
    logging.getLogger("nncf").setLevel(logging.ERROR)  # it tells of each layer
    return library


@contextmanager
def log_left_alone() -> Iterator[None]:
    """Undo what the two do in the block to the log of the process, which would lose lines."""
    root, kind = logging.getLogger(), logging.getLoggerClass()
    level, filters, handlers = root.level, list(root.filters), list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters[:], root.handlers[:] = filters, handlers
        logging.setLoggerClass(kind)


class _SignalStack(ctypes.Structure):
    """Linux's `stack_t`."""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def signal_stack_left_alone() -> Iterator[None]:
    """Undo what OpenVINO does in the block to the stack on which this thread handles signals.

    Each core's CPU plug-in sets a stack of its own, and when it goes it puts back the one before. Of two whose lives
    overlap, the second puts back what the first has freed, and the next signal, such as that of Ctrl-C, crashes.
    """
    if sys.platform != "linux":  # OpenVINO does so on no other
        yield
        return
    change, stack = ctypes.CDLL(None).sigaltstack, _SignalStack()
    change(None, ctypes.byref(stack))
    try:
        yield
    finally:
        change(ctypes.byref(stack), None)


def _imported(name: str, option: str) -> Any:
    # what a hospital segments is nobody's business; that a package is None makes both do without it
    sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]
    remedy = "pip install 'tubenet[fast]' (in a checkout: pip install -r requirements/fast.txt), or --engine torch"
    try:
        return import_module(name)
    except ModuleNotFoundError:
        refuse(option, f"needs {name}, which is not installed", remedy)
    except Exception as error:  # such as of a library that does not fit another
        refuse(option, f"{name} does not start ({type(error).__name__}: {error})", remedy)
