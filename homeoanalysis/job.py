"""What every workflow script does around its verb: a log file, and errors that a user can read."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeoanalysis.errors import HomeoError


@contextmanager
def job(log: Path | str) -> Iterator[None]:
    """Run the body as one job.

    INFO lines of the library go to the file `log`. A HomeoError prints its message and the log's path, and ends
    the process with 1; the traceback is in the log. Any other error is a fault of the program: it passes.
    """
    log = Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("homeoanalysis")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    except HomeoError as error:
        logger.error("%s\n%s", error, traceback.format_exc())
        print(f"{type(error).__name__}: {error}\nlog: {log}", file=sys.stderr)
        raise SystemExit(1) from None
    except BaseException:
        logger.error("stopped\n%s", traceback.format_exc())
        raise
    finally:
        logger.removeHandler(handler)
        handler.close()
