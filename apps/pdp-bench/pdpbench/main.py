# SPDX-License-Identifier: BSD-3-Clause
"""The command line. Tables on stdout, progress on stderr, JSON to a file."""
import argparse
import json
import signal
import sys

from . import Trouble, machine
from .cases import ALL
from .session import Options, Session, find_build
from .summary import rounded
from .table import table, tables


def parse(argv):
    parser = argparse.ArgumentParser(prog="pdp-bench", description="The experiments of PdP: runs, tables, figures.")
    sub = parser.add_subparsers(dest="command", required=True)
    sub.add_parser("list", help="the cases")
    run = sub.add_parser("run", help="run cases")
    run.add_argument("case", nargs="+", metavar="CASE", help="of `pdp-bench list`, or: all")
    run.add_argument("--json", metavar="FILE", help="write rows and figures there; several cases: a list; -: stdout")
    run.add_argument("--duration", metavar="S", type=float, help="seconds of each measurement")
    run.add_argument("--runs", metavar="N", type=int, help="rounds of each measurement")
    run.add_argument("--quick", action="store_true", help="seconds instead of minutes: to see that it runs, no figures")
    run.add_argument("--build", metavar="FOLDER", help="build folder; default: the one this program stands in")
    args = parser.parse_args(argv)
    if args.command == "run":
        unknown = [c for c in args.case if c not in ALL and c != "all"]
        if unknown:
            parser.error(f"no case is called {unknown[0]}; there are: {', '.join(ALL)}, all")
        if args.duration is not None and not 0.05 <= args.duration <= 60:
            parser.error("--duration is 0.05 to 60 seconds")
        if args.runs is not None and not 1 <= args.runs <= 100:
            parser.error("--runs is 1 to 100")
    return args


def show(result, file):
    print(f"{result['case']}: {ALL[result['case']].ABOUT}", file=file)
    print(tables(result["rows"]), end="\n\n", file=file)
    print(table([{"figure": k, "value": v} for k, v in result["figures"].items()]), file=file)
    if result["figures"].get("disturbed_pct", 0) > 0:
        print(f"{result['figures']['disturbed_pct']:g} % of the measurements were disturbed by others", file=file)
    print(file=file)


def disturbed_pct(rows):
    """Of all measurements of a case, percent that others disturbed."""
    measured = [row for row in rows if "runs" in row]
    n = sum(row["runs"] for row in measured)
    return 100 * sum(row["disturbed"] for row in measured) / n if n else 0


def run_case(session, name, about):
    """@return what the JSON says of the case; one that cannot run says why in a row and has no figures"""
    session.begin_case(name)
    try:
        done = ALL[name].run(session)
    except Trouble as err:
        session.say(str(err))
        done = {"rows": [{"error": str(err)}], "figures": {}}
    if done["figures"]:
        done["figures"]["disturbed_pct"] = disturbed_pct(done["rows"])
    return {"case": name, "machine": about,
            "rows": [{k: rounded(v) for k, v in row.items()} for row in done["rows"]],
            "figures": {k: rounded(v) for k, v in done["figures"].items()}}


def run_cases(args, script):
    """@return exit code"""
    names = list(ALL) if "all" in args.case else list(dict.fromkeys(args.case))
    options = Options(args.duration, args.runs, args.quick, find_build(script, args.build))
    about = {**machine.describe(options.build), "quick": args.quick}
    results = []
    text = sys.stderr if args.json == "-" else sys.stdout
    try:
        with Session(options) as session:
            for name in names:
                results.append(run_case(session, name, about))
                show(results[-1], text)
    finally:
        if args.json and results:
            write_json(args.json, results[0] if len(names) == 1 else results)
    return 0 if all(r["figures"] for r in results) else 1


def write_json(path, value):
    text = json.dumps(value, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def on_signal(number, _frame):
    """Everything is ended by Session; a second signal does not disturb that."""
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main(script, argv=None):
    """@param script  absolute path as called. @return exit code"""
    args = parse(argv)
    if args.command == "list":
        print(table([{"case": name, "about": m.ABOUT} for name, m in ALL.items()]))
        return 0
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, on_signal)
    try:
        return run_cases(args, script)
    except Trouble as err:
        print(f"pdp-bench: {err}", file=sys.stderr)
        return 1
