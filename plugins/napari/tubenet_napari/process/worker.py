"""Runs one command, and ends it with all that it started when nobody wants it any more.

It reads its own stdin and does nothing with it but notice its end: the viewer closes it to cancel a job, and the system
does when the viewer has died. If it is ended itself, it ends the command first. So no job outlives its viewer.
`worker.py PYTHON -m tubenet segment ...`
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

GRACE = 5.0  # seconds, to write down what is half done
CANCELLED = 130  # exit status, as a shell has it for Ctrl-C


def main() -> int:
    """Run the command on the command line, and return its exit status."""
    # a process group of its own, which can be ended as a whole
    apart = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x200}
    if sys.platform == "linux":
        apart["preexec_fn"] = _end_with_parent
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, **apart)
    print(f"process {process.pid}", flush=True)
    cancelled = threading.Event()

    def watch() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        cancelled.set()
        _end(process)

    def ended(number: int, frame: object) -> None:
        cancelled.set()
        _signal(process, hard=False)
        threading.Thread(target=_end, args=(process,), daemon=True).start()

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):  # of whoever ends the viewer's whole group
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), ended)
    threading.Thread(target=watch, daemon=True).start()
    status = process.wait()
    _signal(process, hard=True)  # what it has left behind
    if cancelled.is_set():
        return CANCELLED
    if status < 0:
        print(f"error: the process was ended from outside, by {signal.Signals(-status).name}", file=sys.stderr)
        return 128 - status
    return status


def _end_with_parent() -> None:
    """Let the system kill this process when the one that started it is killed, which then could not."""
    kill_with_parent = 1  # PR_SET_PDEATHSIG of prctl
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(kill_with_parent, signal.SIGKILL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    _signal(process, hard=False)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, hard=True)


def _signal(process: "subprocess.Popen[bytes]", hard: bool) -> None:
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL if hard else signal.SIGTERM)
        elif process.poll() is None:
            process.kill()
    except (ProcessLookupError, PermissionError):  # it has ended
        pass


if __name__ == "__main__":
    # not sys.exit: the thread that waits for stdin to end would hold the interpreter up
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
