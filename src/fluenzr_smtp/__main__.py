"""Entry point: ``fluenzr`` and ``python -m fluenzr_smtp``. Answers Ctrl-C before and after the run."""

import contextlib
import gc
import os
import signal
import sys
from typing import NoReturn

_INTERRUPTED = 130
_NEW_OBJECTS = 100_000  # what a start makes is kept: to look for garbage there takes 5 % of its time


def main() -> None:
    """Run the command line and exit with its status."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in the background of a shell
        # An exception in the midst of an import would come out of it as any other one.
        signal.signal(signal.SIGINT, _end_at_once)
    gc.set_threshold(_NEW_OBJECTS)
    from fluenzr_smtp.cli.main import run

    try:
        status = run(sys.argv[1:], is_whole_process=True)
    except KeyboardInterrupt:  # a second one, while the first was told
        os._exit(_INTERRUPTED)
    # While the interpreter ends: it would take the handler away and be ended by the signal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end(status)


def end(status: int) -> NoReturn:
    """End the process with everything said.

    The interpreter would first take itself apart, module by module, which takes as long as half a message.
    Hence nothing may be left to ``atexit`` or to a finalizer: what must be closed is closed where it was
    opened.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _end_at_once(_signal: int, _frame: object) -> None:
    """End before anything was begun: there is nothing to tidy, and no sentence is loaded yet."""
    try:
        os.write(2, b"error: Interrupted [interrupted]\n")
    finally:
        os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
