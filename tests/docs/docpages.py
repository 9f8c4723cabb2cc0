"""The pages of the documentation, their code blocks, and the parts of them that are generated.

`python tests/docs/docpages.py` writes the generated parts anew: the file map of the README and the help texts of
docs/cli.md. The tests compare them.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its text, and the line of the page on which the text begins (from 1)."""

    page: Path
    language: str
    code: str
    line: int

    @property
    def needs(self) -> str:
        """What the block needs and the tests do not have, from a first line "# needs: ..."; else empty."""
        first = self.code.split("\n", 1)[0]
        return first.removeprefix("# needs:").strip() if first.startswith("# needs:") else ""

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, language: str) -> list[Block]:
    """The fenced blocks of a page in this language."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        if match["language"] == language:
            line = text.count("\n", 0, match.start("code")) + 1
            found.append(Block(page, language, match["code"], line))
    return found


def commands(block: Block) -> Iterator[list[str]]:
    """The command lines of a console block as words, without prompts, variables, pipes and comments."""
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        end = next((at for at, word in enumerate(words) if word in ("|", ">", "&&", "&")), len(words))
        if words[:end]:
            yield words[:end]


def first_line(path: Path) -> str:
    """The first line of a module's docstring; fails for a module without one."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text, f"{path.relative_to(ROOT)} has no docstring for the file map."
    return text.partition("\n")[0]


def file_map() -> str:
    """Every module of the package and every benchmark, with the first line of its docstring."""
    lines: list[str] = []
    package = ROOT / "src" / "workings"
    for folder, depth in _folders(package, 0):
        indent = "  " * depth
        where = "src/workings/" if folder == package else f"{folder.name}/"
        lines.append(_entry(indent + where, first_line(folder / "__init__.py")))
        files = [f for f in sorted(folder.glob("*.py")) if f.name != "__init__.py"]
        lines += [_entry(f"{indent}  {file.name}", first_line(file)) for file in files]
    lines.append("benchmarks/")
    lines += [_entry(f"  {file.name}", first_line(file)) for file in sorted((ROOT / "benchmarks").glob("*.py"))]
    return "\n".join(lines)


def _folders(folder: Path, depth: int) -> Iterator[tuple[Path, int]]:
    yield folder, depth
    for inner in sorted(folder.iterdir()):
        if (inner / "__init__.py").is_file():
            yield from _folders(inner, depth + 1)


def _entry(path: str, text: str) -> str:
    return f"{path:<28} {text}"


def cli_help() -> dict[str, str]:
    """The help text of every verb by name, 80 columns wide; "" is the top."""
    from workings.cli.main import parser

    with mock.patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"}):
        top = parser()
        verbs = next(a for a in top._actions if isinstance(a, argparse._SubParsersAction))
        told = {name: verb.format_help() for name, verb in verbs.choices.items()}
        return {"": top.format_help(), **told}


def cli_section() -> str:
    """The generated part of docs/cli.md."""
    parts = []
    for verb, text in cli_help().items():
        title = f"workings {verb}".strip()
        parts.append(f"## {title}\n\n```text\n{text.strip()}\n```")
    return "\n\n".join(parts)


def between(text: str, mark: str) -> str:
    """What stands between `<!-- mark:begin -->` and `<!-- mark:end -->`."""
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    assert text.count(begin) == text.count(end) == 1, f"The marks of {mark} are missing or stand twice."
    return text.partition(begin)[2].partition(end)[0]


def _write(path: Path, mark: str, inner: str) -> None:
    text = path.read_text(encoding="utf-8")
    between(text, mark)
    head, begin, rest = text.partition(f"<!-- {mark}:begin -->")
    tail = rest.partition(f"<!-- {mark}:end -->")[2]
    path.write_text(f"{head}{begin}\n{inner}\n<!-- {mark}:end -->{tail}", encoding="utf-8")


def main() -> None:
    """Writes the generated parts."""
    _write(ROOT / "README.md", "file-map", f"```text\n{file_map()}\n```")
    _write(ROOT / "docs" / "cli.md", "help", cli_section())


if __name__ == "__main__":
    main()
