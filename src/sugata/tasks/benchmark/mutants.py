"""Right solutions with one thing changed: what a model that knows code finds less likely."""

import ast
import copy
import warnings
from collections.abc import Iterator
from dataclasses import replace

from sugata.tasks.benchmark.problems import Problem

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And, ast.In: ast.NotIn,
}  # fmt: skip


def mutant(problem: Problem) -> tuple[Problem, str] | None:
    """A problem whose solution is written plainly, and that solution with its middle operator swapped.

    Both are printed by Python from their syntax trees, so that layout and comments tell nothing apart.
    None where the solution has no operator. Whether the mutant is wrong is for the tests to say.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are not errors
            whole = ast.parse(problem.before + problem.solution)
    except SyntaxError:
        return None
    # Where the prompt is code, the last function is the one to write, and its docstring is the prompt's.
    count = sum(1 for _ in _operators(_part(whole, problem)))
    if not count:
        return None
    changed = copy.deepcopy(whole)
    for number, (node, field, position) in enumerate(_operators(_part(changed, problem))):
        if number == count // 2:
            value = getattr(node, field)
            new = _SWAPS[type(value if position is None else value[position])]()
            if position is None:
                setattr(node, field, new)
            else:
                value[position] = new
            break
    return replace(problem, solution=_text(whole, problem)), _text(changed, problem)


def _part(tree: ast.Module, problem: Problem) -> list[ast.stmt]:
    if not problem.before:
        return tree.body
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in problem.names]
    return functions[-1].body if functions else []


def _operators(statements: list[ast.stmt]) -> Iterator[tuple[ast.AST, str, int | None]]:
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _SWAPS:
                yield node, "op", None
            elif isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
                yield node, "ops", 0


def _text(tree: ast.Module, problem: Problem) -> str:
    """The program from its tree; of a function whose beginning is the prompt's, only what follows."""
    if not problem.before:
        return ast.unparse(tree) + "\n"
    body = [
        one
        for one in _part(tree, problem)
        if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
    ]
    lines = ast.unparse(ast.Module(body, [])).splitlines()
    return "".join(f"    {line}\n" for line in lines)
