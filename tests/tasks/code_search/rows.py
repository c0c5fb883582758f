"""Pairs as CodeSearchNet writes them."""

VERBS = ("read", "write", "copy", "sort", "merge", "count", "close", "parse", "join", "split")
NOUNS = ("file", "table", "tree", "queue", "record", "header", "socket", "matrix", "token", "image")


def row(number: int) -> dict[str, object]:
    """One pair as CodeSearchNet writes it."""
    verb, noun = VERBS[number % 10], NOUNS[number // 10 % 10]
    return {
        "repo": f"owner/repo{number % 7}",
        "path": "a.py",
        "func_name": f"{verb}_{noun}",
        "language": "python",
        "docstring": f"{verb.title()} the {noun} number {number}.\n\nMore about it.",
        "code": f"def {verb}_{noun}(value):\n    total = {verb}(value, {number})\n    return {noun}(total)\n",
        "code_tokens": ["def", f"{verb}_{noun}", "(", "value", ")"],
    }
