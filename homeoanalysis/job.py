"""What every workflow script does around its verb: a log file, and errors that a user can read."""

import logging
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from homeoanalysis.errors import HomeoError
from homeoanalysis.files import MORE_MEMORY, mend

KILLED = f"MemoryError: the job was killed or crashed; unless somebody stopped it, the memory is used up: {MORE_MEMORY}"
# What the system's loader says of a library for which there is no memory.
# Source: glibc 2.41, elf/dl-load.c and dl-load.h.
_NO_ROOM = ("failed to map segment", "cannot map zero-fill pages", "cannot change memory protections", "cannot allocate")


@contextmanager
def job(log: Path | str) -> Iterator[None]:
    """Run the body as one job.

    INFO lines of the library go to the file `log`. A HomeoError, and memory or a disk that is used up, print their message and
    the log's path, and end the process with 1; the traceback is in the log. A SystemError counts as lack of memory, and so does
    a library that there is no room to load. Any other error is a fault of the program: it passes. Where the system kills the
    process, or it crashes, a process beside it says so.
    """
    log = Path(log)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        handler = _Log(log, mode="w", encoding="utf-8")
    except OSError as error:
        _stop(f"DataError: {log} cannot be written ({error}); {mend(error, log.parent)}", "none")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("homeoanalysis")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with _watched(log):
            yield
    except HomeoError as error:
        logger.error("%s\n%s", error, traceback.format_exc())
        _stop(f"{type(error).__name__}: {error}", log)
    except MemoryError as error:
        logger.error("stopped\n%s", traceback.format_exc())
        _stop(f"MemoryError: the memory is used up ({str(error) or 'no size given'}); {MORE_MEMORY}", log)
    except SystemError as error:  # of the interpreter or a library of C: without memory they may forget to say MemoryError
        logger.error("stopped\n%s", traceback.format_exc())
        _stop(f"SystemError: {error}; the memory may be used up: {MORE_MEMORY}", log)
    except ImportError as error:
        logger.error("stopped\n%s", traceback.format_exc())
        if not any(said in str(error) for said in _NO_ROOM):
            raise
        _stop(f"ImportError: {error}; the memory is used up: {MORE_MEMORY}", log)
    except BaseException:
        logger.error("stopped\n%s", traceback.format_exc())
        raise
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):  # the disk is full: what was logged last is lost
            handler.close()


@contextmanager
def _watched(log: Path) -> Iterator[None]:
    """A shell that says KILLED when this process goes without a word, for which a process that has no memory has no time."""
    said = 'read -r end || printf "%s\\nlog: %s\\n" "$1" "$2" >&2'
    with subprocess.Popen(["/bin/sh", "-c", said, "watch", KILLED, str(log)], stdin=subprocess.PIPE, bufsize=0) as shell:
        assert shell.stdin is not None
        try:
            yield
        finally:
            with suppress(OSError):  # it was stopped too: nobody has to be told
                shell.stdin.write(b"end\n")


class _Log(logging.FileHandler):
    """A log that says nothing of itself where it cannot be written: the job's own message tells what is wrong."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        pass


def _stop(message: str, log: Path | str) -> NoReturn:
    print(f"{message}\nlog: {log}", file=sys.stderr)
    raise SystemExit(1) from None
