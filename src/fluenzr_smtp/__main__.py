"""Entry point: ``fluenzr`` and ``python -m fluenzr_smtp``. Answers Ctrl-C before and after the run."""

import os
import signal
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its status."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in the background of a shell
        # An exception in the midst of an import would come out of it as any other one.
        signal.signal(signal.SIGINT, _end_at_once)
    from fluenzr_smtp.cli.main import run

    try:
        status = run(sys.argv[1:], is_whole_process=True)
    except KeyboardInterrupt:  # a second one, while the first was told
        os._exit(_INTERRUPTED)
    # While the interpreter ends: it would take the handler away and be ended by the signal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


def _end_at_once(_signal: int, _frame: object) -> None:
    """End before anything was begun: there is nothing to tidy, and no sentence is loaded yet."""
    try:
        os.write(2, b"error: Interrupted [interrupted]\n")
    finally:
        os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
