"""The text of a file of the config, or one line that says why there is none."""

import re
from pathlib import Path

from homeoanalysis.errors import ConfigError

# Control characters but tabulator and line feed, and halves of characters (surrogates), which no file can hold.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def read_text(path: Path, shown: str, what: str, missing: str, encoding: str = "utf-8") -> str:
    """shown: the file's name in messages; what it is; missing: what to do where it is. Raises ConfigError."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for, a device read without end
            raise ConfigError(f"{shown}: is no regular file; put the {what} itself there")
        return path.read_text(encoding=encoding)
    except FileNotFoundError:
        raise ConfigError(f"{shown}: the file is missing; {missing}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown}: byte {error.start} is not UTF-8; save the {what} as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{shown}: cannot be read ({error.strerror}); mend its permissions") from None


def unprintable(text: str) -> str | None:
    """The first character that no text may have, as an escape; None where there is none."""
    found = _UNPRINTABLE.search(text)
    return None if found is None else f"\\u{ord(found[0]):04x}"


def check_path(value: str) -> str:
    """Raises ValueError for the path of a file that the workflow cannot ask for."""
    if not value.strip():
        raise ValueError(f"is {value!r}; write the path of a file")
    if "{" in value:
        raise ValueError(f"is {value!r}; Snakemake takes what stands in braces for a wildcard: rename the file or folder")
    return value
