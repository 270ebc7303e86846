"""Whether tests notice when a line of the arithmetic is wrong: mutation testing of `isomorphism` and `pruning`.

A mutant is the code with one operator, comparison, number or condition changed, one negation lost, or one function that
returns nothing. Mutants are drawn with a seed; on each the tests of the arithmetic run until one fails. Each runs in a
fork of a process that has loaded the libraries, so that it takes seconds; kernels of a mutant are compiled anew, since
numba's cache does not know it. What runs longer than its time is killed as well: a test would hang.

Prints every survivor with its line, and the share that was killed; writes benchmarks/out/mutation.json. Bound: 90 %
are killed. Run: ``python benchmarks/mutation.py [--mutants 150] [--seed 0] [--minutes 30] [--only closed_form]``.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.util
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from measuring import verdict, write

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "isoprune"
MODULES = [SOURCE / "isomorphism.py", *sorted((SOURCE / "pruning").glob("*.py"))]
TESTS = ("pruning", "numerics", "fuzzing_pruning", "pruning_greedy", "pruning_backends")
"""Tests of a module, the fastest first, unless it has others."""

OWN_TESTS = {
    "isomorphism": (
        "isomorphism",
        "pruning",
        "scoring",
        "permutation",
        "numerics",
        "fuzzing_pruning",
        "partial_pruning",
    ),
    "layers": ("layers",),
    "backends": ("pruning_memory", *TESTS),
    "memory": ("pruning_memory", "pruning_backends"),
    "number": ("number_of_features", "pruning"),
    "partial": ("partial_pruning",),
    "pruning": ("pruning", "number_of_features", "layers", "pruning_greedy", "pruning_backends"),
    "selector": ("pruning", "number_of_features"),
    "torch_device": ("pruning_memory", "pruning_backends"),
}
LONGEST = 180
"""Seconds of computing for the tests on one mutant."""

KILLED = 0.9
SWAPS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    line: int
    was: str
    became: str
    source: str


# ---- what can be changed ----


def sites_of(path: Path) -> Iterator[tuple[Path, int, int, int]]:
    """Where a module can be changed: a statement, a node of it, and which change."""
    for number, statement in enumerate(_statements(ast.parse(path.read_text(encoding="utf-8")))):
        for place, node in enumerate(_expressions(statement)):
            for change, _ in enumerate(_changes(node)):
                yield path, number, place, change


def mutant_at(path: Path, number: int, place: int, change: int) -> Mutant:
    """The module with one change."""
    module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statement = list(_statements(tree))[number]
    was, node = ast.unparse(statement), list(_expressions(statement))[place]
    line = getattr(node, "lineno", statement.lineno)
    list(_changes(node))[change]()
    return Mutant(module, line, *_first_difference(was, ast.unparse(statement)), ast.unparse(tree))


def _first_difference(was: str, became: str) -> tuple[str, str]:
    both = zip(was.splitlines(), became.splitlines(), strict=False)
    return next(((one.strip(), other.strip()) for one, other in both if one != other), (was, became))


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that compute: no messages of errors, nor what is for type checkers alone."""
    kinds = ast.Assign | ast.AugAssign | ast.Return | ast.If | ast.For | ast.While | ast.Expr
    for node in ast.walk(tree):
        if isinstance(node, kinds) and "TYPE_CHECKING" not in ast.unparse(node):
            yield node


def _expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement and the nodes of its own expressions, not of the statements inside it."""
    yield statement
    for field, value in ast.iter_fields(statement):
        if field in ("body", "orelse"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from _walk(part)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all inside it but `strict` of `zip`, a net for what does not happen."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.keyword) and child.arg == "strict"):
            yield from _walk(child)


def _changes(node: ast.AST) -> Iterator[Callable[[], None]]:
    """What can be done to a node: functions that change it in its place."""
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp):
        for other in SWAPS.get(type(node.op), ()):
            yield lambda other=other: setattr(node, "op", other())
    elif isinstance(node, ast.Compare):
        for other in SWAPS.get(type(node.ops[0]), ()):
            yield lambda other=other: node.ops.__setitem__(0, other())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield lambda: setattr(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else _doubled(node))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield lambda: setattr(
            node, "value", node.value + 1 if isinstance(node.value, int) else 2 * node.value + 1
        )
        if isinstance(node.value, int):
            yield lambda: setattr(node, "value", node.value - 1)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield lambda: setattr(node, "value", ast.Constant(None))
    elif isinstance(node, ast.If | ast.IfExp):
        yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))


def _doubled(node: ast.UnaryOp) -> ast.unaryop:
    """The operator applied a second time to what it is applied to, which undoes it."""
    node.operand = ast.UnaryOp(node.op, node.operand)
    return node.op


# ---- what notices ----


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant in place of its module."""

    def __init__(self, mutant: Mutant):
        self.mutant, self.path = mutant, ROOT / "src" / Path(*mutant.module.split("."))

    def find_spec(self, name: str, path: object, target: object = None) -> object:
        """The mutant, if it is this module that is looked for."""
        if name != self.mutant.module:
            return None
        package = self.path.is_dir()
        file = self.path / "__init__.py" if package else self.path.with_suffix(".py")
        return importlib.util.spec_from_file_location(
            name, file, loader=self, submodule_search_locations=[str(self.path)] if package else None
        )

    def exec_module(self, module: object) -> None:
        """Run the changed source under the name of its file."""
        code = compile(self.mutant.source, module.__spec__.origin, "exec")
        exec(code, module.__dict__)  # noqa: S102


def survives(mutant: Mutant | None, tests: Sequence[str]) -> bool:
    """Whether tests pass on a mutant, or on the code as it is, in the time that they have."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        _run_tests(mutant, tests)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def tests_of(module: str) -> tuple[str, ...]:
    """The tests that should notice what is wrong with a module."""
    return OWN_TESTS.get(module.rsplit(".", 1)[-1], TESTS)


def _run_tests(mutant: Mutant | None, tests: Sequence[str]) -> None:
    import numba
    import pytest

    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    if mutant:
        sys.meta_path.insert(0, Changed(mutant))
        if mutant.module.endswith("kernels"):
            compiled = numba.njit
            numba.njit = lambda **how: compiled(**{**how, "cache": False})
    files = [str(ROOT / "tests" / "unit" / f"test_{name}.py") for name in tests]
    quietly = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=first-failure"]
    os._exit(int(pytest.main([*quietly, f"--rootdir={ROOT}", *files])))


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw mutants, run the tests on each, print and write; 1 if too many survive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--only", default="", help="modules whose name has this in it")
    options = parser.parse_args(arguments)
    everything = [site for path in MODULES if options.only in path.stem for site in sites_of(path)]
    order = np.random.default_rng(options.seed).permutation(len(everything))
    drawn = [everything[number] for number in order[: options.mutants]]
    load_libraries()
    for tests in sorted({tests_of(path.stem) for path in MODULES}):
        if not survives(None, tests):
            print(f"The tests {', '.join(tests)} fail, or take too long, on the code as it is.")
            return 1
    ends = time.monotonic() + 60 * options.minutes
    found: list[tuple[Mutant, bool]] = []
    for site in drawn:
        if time.monotonic() > ends:
            break
        mutant = mutant_at(*site)
        found.append((mutant, survives(mutant, tests_of(mutant.module))))
        if found[-1][1]:
            print(f"{mutant.module}:{mutant.line}\n  - {mutant.was}\n  + {mutant.became}", flush=True)
    return report(found, len(everything))


def load_libraries() -> None:
    """What tests import beside isoprune, once for all mutants."""
    for name in ("hypothesis", "numba", "pandas", "pytest", "rsatoolbox", "scipy.stats", "sklearn", "torch"):
        importlib.import_module(name)
    os.chdir(ROOT)


def report(found: list[tuple[Mutant, bool]], n_everything: int) -> int:
    """The share that was killed, in all and by module."""
    killed = [not survived for _, survived in found]
    modules = sorted({mutant.module for mutant, _ in found})
    by_module = {
        name: f"{sum(not survived for one, survived in found if one.module == name)}"
        f" of {sum(one.module == name for one, _ in found)}"
        for name in modules
    }
    for name, share in by_module.items():
        print(f"{name}: {share}")
    share = sum(killed) / len(killed)
    print(
        f"killed {sum(killed)} of {len(killed)} ({share:.1%}), drawn from {n_everything}: {verdict(share >= KILLED)}"
    )
    survivors = [
        {key: value for key, value in asdict(mutant).items() if key != "source"}
        for mutant, survived in found
        if survived
    ]
    write(
        "mutation", {"killed": sum(killed), "of": len(killed), "by_module": by_module, "survivors": survivors}
    )
    return 0 if share >= KILLED else 1


if __name__ == "__main__":
    sys.exit(main())
