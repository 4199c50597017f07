"""What every workflow script does around its verb: a log file, and errors that a user can read."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from homeoanalysis.errors import HomeoError
from homeoanalysis.files import mend


@contextmanager
def job(log: Path | str) -> Iterator[None]:
    """Run the body as one job.

    INFO lines of the library go to the file `log`. A HomeoError, and memory or a disk that is used up, print their message and
    the log's path, and end the process with 1; the traceback is in the log. Any other error is a fault of the program: it passes.
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
        yield
    except HomeoError as error:
        logger.error("%s\n%s", error, traceback.format_exc())
        _stop(f"{type(error).__name__}: {error}", log)
    except MemoryError as error:
        logger.error("stopped\n%s", traceback.format_exc())
        _stop(f"MemoryError: the memory is used up ({error or 'no size given'}); give the job more, or run fewer at once", log)
    except BaseException:
        logger.error("stopped\n%s", traceback.format_exc())
        raise
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):  # the disk is full: what was logged last is lost
            handler.close()


class _Log(logging.FileHandler):
    """A log that says nothing of itself where it cannot be written: the job's own message tells what is wrong."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        pass


def _stop(message: str, log: Path | str) -> NoReturn:
    print(f"{message}\nlog: {log}", file=sys.stderr)
    raise SystemExit(1) from None
