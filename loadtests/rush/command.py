"""``python -m loadtests rush SCENARIO`` and its companions: what a load tester types."""

from __future__ import annotations

import argparse
import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path

import msgspec

from loadtests import baselines, measured, report
from loadtests.rush import compare as comparing
from loadtests.rush import export, files, live, result, run, target, text
from loadtests.rush.result import Result
from loadtests.rush.scenario import MOST_PEOPLE, Scenario, read, scaled, shipped
from loadtests.rush.schedule import people_of
from loadtests.rush.target import Keys, Target
from seatserver import config, logs
from seatserver.errors import ConfigError, StartError

EPILOG = """
exit codes: 0 passed; 99 a threshold was missed; 3 the generator was the bottleneck, so there is no verdict; 4 wrong: a
seat was sold twice or lost, a map disagreed, a hold did not end; 130 interrupted; 1 or 2 it could not start.
loadtests/README.md leads from nothing to a verdict.
"""
PART = re.compile(r"([1-9][0-9]{0,2})/([1-9][0-9]{0,2})")


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = tests.add_parser(
        "rush",
        help="a whole opening with many people, and a verdict: of our own servers or of yours",
        epilog=EPILOG,
    )
    _add_crowd(parser)
    _add_target(parser)
    parser.add_argument(
        "--showtime", action="append", default=[], metavar="ID", help="use this showtime and add none; repeat for more"
    )
    parser.add_argument("--processes", type=report.at_least(1), default=1, metavar="N", help="generators (default 1)")
    parser.add_argument(
        "--part", type=_part, default=(1, 1), metavar="I/N", help="only this part; `merge` adds them up"
    )
    parser.add_argument("--counts-only", action="store_true", help="judge counts and correctness, and no times")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write report, result and histogram log here",
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    baselines.options(parser)
    parser.add_argument("--database-url", default="", help="Postgres: of the target, or for the lab's own servers")
    parser.add_argument("--redis-url", default="", help="an empty Redis for the lab's own servers")
    parser.set_defaults(run=rush)

    stager = tests.add_parser("stage", help="only put a scenario's showtimes on sale, for `export` and `--showtime`")
    _add_crowd(stager)
    _add_target(stager)
    stager.set_defaults(run=stage, showtime=[], database_url="", redis_url="")

    exporter = tests.add_parser("export", help="the same scenario as a Locust file or a k6 script")
    _add_crowd(exporter)
    exporter.add_argument("--tool", choices=tuple(export.FILES), required=True)
    exporter.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: locustfile.py, k6.js)")
    exporter.set_defaults(run=write_script, showtime=[])

    merger = tests.add_parser("merge", help="put the results of a rush's parts together and judge them as one")
    merger.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    merger.add_argument("--out", type=Path, metavar="FOLDER", help="write the whole result here")
    merger.add_argument("--json", action="store_true", help="print the result as one JSON object")
    merger.set_defaults(run=merge)

    drawer = tests.add_parser("report", help="draw the report of a rush's result again")
    drawer.add_argument("result", type=Path, metavar="RESULT.json")
    drawer.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="write the report here")
    drawer.set_defaults(run=draw)

    judge = tests.add_parser("compare", help="whether one run was slower than another, or whether that is noise")
    judge.add_argument("base", type=Path, metavar="BASE.json")
    judge.add_argument("new", type=Path, metavar="NEW.json")
    judge.add_argument(
        "--base-again", action="append", type=Path, default=[], metavar="FILE", help="one more run of the base; repeat"
    )
    judge.add_argument("--json", action="store_true", help="print the comparison as one JSON object")
    judge.set_defaults(run=compare)


def _add_crowd(parser: argparse.ArgumentParser) -> None:
    """The options that say who comes where."""
    parser.add_argument("scenario", help=f"one of {', '.join(shipped())}, or the path of a .toml file")
    parser.add_argument("--buyers", type=_people, metavar="N", help="how many people, in the scenario's shares")
    parser.add_argument("--seconds", type=report.seconds, metavar="S", help="when the doors close; all times follow")
    parser.add_argument("--hall", help="another hall for all showtimes: the demo's, plain:SEATS, or a file")
    parser.add_argument("--seed", type=int, help="of the schedule (default: the scenario's)")


def _add_target(parser: argparse.ArgumentParser) -> None:
    """The options that say whom they rush, and with which tokens."""
    parser.add_argument(
        "--target",
        metavar="URL",
        help="the installation (default: the running demo, if the environment has its settings, else one of our own)",
    )
    parser.add_argument("--yes-rush", metavar="HOST", default="", help="name the host again, if it is not this machine")
    parser.add_argument(
        "--token-secret", metavar="SECRET", help="what the target's tokens are signed with (or SEATSERVER_TOKEN_SECRET)"
    )
    parser.add_argument(
        "--tokens", type=Path, metavar="FILE", help="ready tokens instead, one a line, one for each user"
    )
    parser.add_argument("--operator", type=Path, metavar="FILE", help="with --tokens: a token that may add showtimes")
    parser.add_argument(
        "--ca-file", default="", metavar="FILE", help="certificate of your own authority, for an https:// target"
    )


def rush(args: argparse.Namespace) -> int:
    """Run a scenario; the verdict's exit code."""
    logs.configure(config.load({}, log_level="warning"))
    scenario = _scenario(args)
    if args.processes > sum(people_of(scenario, args.buyers).values()):
        raise ConfigError("--processes", f"is {args.processes}", "expected at most one for each person")
    part, parts = args.part
    if parts > 1 and not args.showtime:
        raise ConfigError("--part", f"is {part}/{parts}", "expected --showtime too: all parts rush the same ones")
    order = run.Order(
        name=Path(args.scenario).stem,
        scenario=scenario,
        seed=scenario.seed if args.seed is None else args.seed,
        buyers=args.buyers,
        processes=args.processes,
        part=part,
        parts=parts,
        times_count=not args.counts_only,
    )
    with _target(args, scenario) as aim:
        if args.showtime:
            stages = aim.existing_stages(args.showtime)
        else:
            stages = aim.stages(scenario, target.base_of(args.scenario))
        with live.watching(scenario, quiet=args.json) as progress:
            found = run.rush(aim, stages, order, progress)
    code = _tell(found, args)
    if args.baseline:
        compared = comparing.compare(result.read(baselines.path_of(args, args.baseline)), found)
        with redirect_stdout(sys.stderr if args.json else sys.stdout):
            text.show_comparison(compared)
        code = code or compared.code
    if (path := baselines.path_to_keep(args, code)) is not None:
        result.write(found, path)
    return code


def stage(args: argparse.Namespace) -> int:
    """Put showtimes on sale and print them as a line for the shell."""
    scenario = _scenario(args)
    if not (args.target or target.from_environment()):
        raise StartError("there is no server to put showtimes on sale at: give --target")
    with _target(args, scenario) as aim:
        stages = aim.stages(scenario, target.base_of(args.scenario))
    print(f"export SHOWTIMES={','.join(one.id for one in stages)}")
    return 0


def write_script(args: argparse.Namespace) -> int:
    """Write the file for another tool."""
    scenario = _scenario(args)
    seed = scenario.seed if args.seed is None else args.seed
    path = args.out or Path(export.FILES[args.tool])
    try:
        path.write_text(export.script(args.tool, scenario, seed=seed, count=args.buyers), encoding="utf-8")
    except OSError as error:
        raise StartError(f"{path} cannot be written: {error.strerror}") from None
    print(f"Written: {path}. Its top says how to run it.")
    return 0


def merge(args: argparse.Namespace) -> int:
    """Judge the parts of a run as one."""
    return _tell(result.merge([result.read(path) for path in args.results]), args)


def compare(args: argparse.Namespace) -> int:
    """Compare two results of a rush or of another load test.

    The exit code is 0, 99 if the new one is slower, 4 if it is wrong, 3 if a generator was too slow.
    """
    if not result.is_rush(args.base):
        return _compare_benchmarks(args)
    base, new = result.read(args.base), result.read(args.new)
    found = comparing.compare(base, new, [result.read(path) for path in args.base_again])
    return _tell_comparison(found, args)


def _compare_benchmarks(args: argparse.Namespace) -> int:
    base, new, *again = [measured.read(path) for path in (args.base, args.new, *args.base_again)]
    found = baselines.compare(base, new, again)
    if args.json:
        print(msgspec.json.encode(found).decode())
    else:
        report.show_comparison(found, sys.stdout)
    return found.code


def _tell_comparison(found: comparing.Comparison, args: argparse.Namespace) -> int:
    if args.json:
        print(msgspec.json.encode(found).decode())
    else:
        text.show_comparison(found)
    return found.code


def draw(args: argparse.Namespace) -> int:
    """Write the files of a result once more."""
    for path in files.write_all(result.read(args.result), args.out):
        print(f"Written: {path}")
    return 0


def _scenario(args: argparse.Namespace) -> Scenario:
    scenario = read(args.scenario)
    if args.seconds is not None:
        scenario = scaled(scenario, args.seconds)
    if args.hall:
        showtimes = tuple(msgspec.structs.replace(one, hall=args.hall) for one in scenario.showtimes)
        scenario = msgspec.structs.replace(scenario, showtimes=showtimes)
    if args.showtime:
        first = msgspec.structs.replace(scenario.showtimes[0], count=len(args.showtime))
        scenario = msgspec.structs.replace(scenario, showtimes=(first,))
    return scenario


def _target(args: argparse.Namespace, scenario: Scenario) -> AbstractContextManager[Target]:
    """Somebody's installation, or one of our own."""
    told = target.from_environment()
    url = args.target or told
    if not url:
        return target.own(scenario, database_url=args.database_url, redis_url=args.redis_url)
    target.check_address(url, args.yes_rush)
    database_url = args.database_url
    if url == told and not database_url:
        database_url = os.environ.get("DATABASE_URL", "")
    return nullcontext(Target([url], _keys(args), database_url, args.ca_file))


def _keys(args: argparse.Namespace) -> Keys:
    if args.tokens is not None:
        return Keys.of_file(args.tokens, args.operator)
    secret = args.token_secret or os.environ.get("SEATSERVER_TOKEN_SECRET", "")
    if not secret:
        raise StartError("the lab has no tokens for this target: give --token-secret, or --tokens with a file of them")
    return Keys.of_secret(secret, os.environ)


def _tell(found: Result, args: argparse.Namespace) -> int:
    if args.json:
        print(msgspec.json.encode(found).decode())
    else:
        text.show(found)
    if args.out is not None:
        for path in files.write_all(found, args.out):
            if not args.json:
                print(f"Written: {path}")
    return found.verdict.code


def _people(text: str) -> int:
    found = report.at_least(1)(text)
    if found > MOST_PEOPLE:
        raise argparse.ArgumentTypeError(f"{text}: at most {MOST_PEOPLE:,}")
    return found


def _part(text: str) -> tuple[int, int]:
    found = PART.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a part such as 1/3")
    return int(found[1]), int(found[2])
