"""The text of a file of the config, or one line that says why there is none."""

from pathlib import Path

from homeoanalysis.errors import ConfigError


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
