"""The command `isoprune`: fetch data, start a study, check what it lacks, and freeze it before it is run.

Studies are run by Snakemake; this is what surrounds a run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.datasets.command import add_data_commands
from isoprune.errors import IsopruneError

if TYPE_CHECKING:
    from isoprune.config import Study


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; errors are told in a sentence, without a traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit status: 0, or 1 after an error and where `check` finds a problem.
    """
    options = _parser().parse_args(arguments)
    try:
        print(options.run(options))
        return options.status
    except Exception as problem:
        if options.traceback:
            raise
        print(_in_words(problem), file=sys.stderr)
        return 1


def _in_words(problem: Exception) -> str:
    if isinstance(problem, IsopruneError):
        return f"{type(problem).__name__}: {problem}"
    if isinstance(problem, ImportError):
        return f"{problem}. Install what the workflow needs: pip install 'isoprune[workflow]'."
    if isinstance(problem, OSError):
        return f"{problem.filename or 'a file'}: {problem.strerror or problem}."
    return f"{type(problem).__name__}: {problem}. This is a fault of isoprune; --traceback shows where."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="isoprune", description=__doc__.splitlines()[0])
    parser.set_defaults(status=0)
    commands = parser.add_subparsers(required=True, metavar="command")
    freeze = commands.add_parser("freeze", help="write the lock of a study: settings, input hashes, folds")
    freeze.add_argument("--output", type=Path, help="where the lock goes; default: as for check-lock")
    freeze.add_argument("--replace", action="store_true", help="replace another lock that is there")
    freeze.set_defaults(run=_freeze)
    check = commands.add_parser("check-lock", help="tell every difference of a study from its lock")
    check.add_argument(
        "--lock", type=Path, help="default: the setting `lock`, or <CONFIG without .yaml>.lock.json"
    )
    check.set_defaults(run=_check)
    look = commands.add_parser("check", help="tell all that a study has and lacks, without computing")
    look.add_argument("--json", action="store_true", help="print JSON for machines in place of a table")
    look.add_argument("--no-jobs", action="store_true", help="do not let Snakemake count the jobs")
    look.set_defaults(run=_look)
    _add_init(commands)
    for command in (freeze, check, look):
        command.add_argument("config", type=Path, metavar="CONFIG", help="the study's YAML file")
        command.add_argument("--traceback", action="store_true", help="show where in the code an error arose")
        command.add_argument("--data-dir", help="folder of the data, in place of the setting `data_dir`")
    add_data_commands(commands)
    return parser


def _add_init(commands: argparse._SubParsersAction) -> None:
    init = commands.add_parser("init", help="write the settings and the stimulus table of a new study")
    init.add_argument("folder", type=Path, metavar="FOLDER", help="takes study.yaml and stimuli.tsv")
    init.add_argument("--images", help="folder of images, perhaps with a folder a category; required")
    init.add_argument("--derivatives", help="BIDS-derivatives folder with betas and masks")
    init.add_argument(
        "--rdms", action="append", default=[], help="file of ready RDMs with labels; repeatable"
    )
    init.add_argument("--labels", help="text file of labels in the order of the rows of RDMs without labels")
    init.add_argument("--network", action="append", help="MODEL of torchvision, or MODEL=FILE; repeatable")
    init.add_argument("--name", help="name of the study; default: the folder's")
    init.add_argument("--traceback", action="store_true", help="show where in the code an error arose")
    init.set_defaults(run=_init, status=0)


def _init(options: argparse.Namespace) -> str:
    from isoprune.starting.study import NETWORKS, start_study

    given = {name: getattr(options, name) for name in ("derivatives", "rdms", "labels", "name")}
    started = start_study(options.folder, options.images, networks=options.network or NETWORKS, **given)
    lines = [f"{file}: written" for file in started.files] + [f"note: {note}" for note in started.notes]
    return "\n".join([*lines, f"next: isoprune check {started.files[0]}"])


def _freeze(options: argparse.Namespace) -> str:
    from isoprune.lock import write_lock

    study = _study(options)
    path = options.output or _lock_path(study, options.config)
    written = write_lock(path, study, replace=options.replace)
    return f"{path}: {'written' if written else 'unchanged'}"


def _check(options: argparse.Namespace) -> str:
    from isoprune.lock import check_lock

    study = _study(options)
    path = options.lock or _lock_path(study, options.config)
    check_lock(path, study)
    return f"{path}: study '{study.study}' is as it was frozen"


def _look(options: argparse.Namespace) -> str:
    from isoprune.checking.shown import as_table, as_text
    from isoprune.checking.study import check_file

    checked = check_file(options.config, options.data_dir, jobs=not options.no_jobs)
    options.status = 1 if checked.problems else 0
    return as_text(checked) if options.json else as_table(checked)


def _study(options: argparse.Namespace) -> Study:
    from isoprune.config import load

    study = load(options.config)
    return study.model_copy(update={"data_dir": options.data_dir}) if options.data_dir else study


def _lock_path(study: Study, config: Path) -> Path:
    return Path(study.lock) if study.lock else config.with_suffix(".lock.json")


if __name__ == "__main__":
    raise SystemExit(main())
