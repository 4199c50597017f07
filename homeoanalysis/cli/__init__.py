"""The command line: check | inspect | add | list | show | diff | export | schema. Each command imports only what it needs."""

import argparse
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from homeoanalysis.cli.text import plain
from homeoanalysis.errors import HomeoError

KINDS = ("study", "recording", "model", "config")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, or 1 for a mistake to mend, or where `diff` finds something; wrong usage exits with 2."""
    arguments = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show is escaped, not an error
            stream.reconfigure(errors="backslashreplace")
    command: Callable[[argparse.Namespace], Iterator[str]] = arguments.command
    try:
        return _printed(command(arguments))
    except HomeoError as error:
        print(plain(f"{type(error).__name__}: {error}"), file=sys.stderr)
        return 1
    except BrokenPipeError:  # e.g. `| head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def _printed(lines: Iterator[str]) -> int:
    """Print every line; the exit code is what the generator returns, if anything."""
    while True:
        try:
            print(plain(next(lines)), flush=True)  # what comes next may take long
        except StopIteration as end:
            return end.value or 0


def _parser() -> argparse.ArgumentParser:
    about = "Recordings and plastic networks, measured the same way."
    parser = argparse.ArgumentParser(prog="python -m homeoanalysis", description=about)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="check the whole config, and say which jobs it asks for")
    check.add_argument("studies", nargs="*", metavar="STUDY", help="default: the studies of config.yaml")
    _config_option(check)
    check.set_defaults(command=_check)

    inspect = commands.add_parser("inspect", help="what neo sees in a file")
    inspect.add_argument("file", type=Path, metavar="FILE")
    inspect.add_argument("--io", metavar="NAME", help="the class of neo.io to read it with")
    inspect.set_defaults(command=_inspect)

    add = commands.add_parser("add", help="the YAML of a recording for files of yours, one replicate for each")
    add.add_argument("files", type=Path, nargs="+", metavar="FILE")
    add.add_argument("--name", help="name of the recording; default: from the file's")
    add.add_argument("--io", metavar="NAME", help="the class of neo.io to read it with")
    add.add_argument("--time-step", metavar="TIME", help="of text and tables: what their times count, e.g. '1 ms'")
    add.add_argument("--duration", metavar="TIME", help="how long was observed, from 0 on, if no file says it, e.g. '600 s'")
    add.add_argument("--sampling-rate", metavar="RATE", help="of an .npy array: its sampling rate, e.g. '1250 Hz'")
    add.add_argument("--scale", metavar="VALUE", help="of an .npy array: what 1 in it stands for, e.g. '1 mV'")
    add.add_argument("--signals", metavar="KIND", help="what the signals are: lfp, membrane_potential, current or covariate")
    add.add_argument("--write", action="store_true", help="write it to config/recordings/NAME.yaml instead of printing it")
    _config_option(add)
    add.set_defaults(command=_add)

    listing = commands.add_parser("list", help="what can be named in the config, with parameters, units and defaults")
    listing.add_argument("kinds", nargs="*", metavar="KIND", help="metrics, readers, ... studies, recordings, models")
    _config_option(listing)
    listing.set_defaults(command=_list)

    show = commands.add_parser("show", help="a summary of a result, with its provenance")
    show.add_argument("file", type=Path, metavar="FILE.nc")
    show.set_defaults(command=_show)

    diff = commands.add_parser("diff", help="what differs between two results, and why: data, parameters, code, versions")
    diff.add_argument("first", type=Path, metavar="A.nc")
    diff.add_argument("second", type=Path, metavar="B.nc")
    diff.set_defaults(command=_diff)

    export = commands.add_parser("export", help="write an activity for other tools, or a study as an RO-Crate")
    export.add_argument("file", type=Path, nargs="?", metavar="FILE.nc")
    what = export.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--to", nargs=2, metavar=("FORMAT", "OUT"), help="a new file: nwb, nix or mat; csv: a row for each unit and epoch"
    )
    what.add_argument(
        "--crate", nargs=2, metavar=("STUDY", "OUT"), help="all of a study that has run, in a new folder that says what it is"
    )
    export.add_argument("--replicate", metavar="NAME", help="which one, of a file that holds several")
    _config_option(export)
    export.set_defaults(command=_export, usage=export.error)

    schema = commands.add_parser("schema", help="JSON schema of a YAML file, for editors")
    schema.add_argument("kind", choices=KINDS, nargs="?", default="config")
    schema.set_defaults(command=_schema)
    return parser


def _config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=Path("config"), metavar="DIR", help="the config folder (default: config)")


def _check(arguments: argparse.Namespace) -> Iterator[str]:
    from homeoanalysis.cli.check import check

    return check(arguments.config, arguments.studies)


def _inspect(arguments: argparse.Namespace) -> Iterator[str]:
    from homeoanalysis.cli.inspect import inspect

    return inspect(arguments.file, arguments.io)


def _add(arguments: argparse.Namespace) -> Iterator[str]:
    from homeoanalysis.cli.add import add

    text = {key: getattr(arguments, key) for key in ("time_step", "duration", "sampling_rate", "scale", "signals")}
    where = {"config": arguments.config, "name": arguments.name, "is_written": arguments.write}
    return add(arguments.files, io=arguments.io, text=text, **where)


def _list(arguments: argparse.Namespace) -> Iterator[str]:
    from homeoanalysis.cli.listing import listing

    return listing(arguments.kinds, arguments.config)


def _show(arguments: argparse.Namespace) -> Iterator[str]:
    from homeoanalysis.cli.show import show

    return show(arguments.file)


def _diff(arguments: argparse.Namespace) -> Generator[str, None, int]:
    from homeoanalysis.cli.diff import diff

    return diff(arguments.first, arguments.second)


def _export(arguments: argparse.Namespace) -> Iterator[str]:
    if (arguments.file is None) != (arguments.crate is not None):
        arguments.usage("name FILE.nc with --to, and none with --crate")
    if arguments.crate is not None:
        from homeoanalysis.cli.crate import crate

        study, out = arguments.crate
        yield from crate(arguments.config, study, Path(out))
        return
    from homeoanalysis.export import export

    to, out = arguments.to
    if to == "nix":
        yield f"{out} is being written: neo takes about a second for each 50 units of a segment"
    export(arguments.file, Path(out), to=to, replicate=arguments.replicate)
    yield f"{out} is written"


def _schema(arguments: argparse.Namespace) -> Iterator[str]:
    from homeoanalysis.cli.schema import schema

    return schema(arguments.kind)
