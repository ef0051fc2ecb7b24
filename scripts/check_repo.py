#!/usr/bin/env python3
"""Small rules of the repository: file sizes, left-overs, lock files, links in the documentation."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LINES = 600
MAX_BYTES = 1 << 20
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def tracked():
    output = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in output.split("\0") if name and (ROOT / name).is_file()]


def faults(path: pathlib.Path):
    name = path.relative_to(ROOT).as_posix()
    if path.stat().st_size > MAX_BYTES:
        yield f"{name}: {path.stat().st_size} bytes; does the product need it?"
        return
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    code = path.suffix in (".h", ".cpp", ".ts", ".tsx")
    if code and text.count("\n") > MAX_LINES:
        yield f"{name}: {text.count(chr(10))} lines; split where a reader would"
    if code and LEFT_OVER.search(text):
        yield f"{name}: a left-over marker"
    if path.name == "package-lock.json" and '"resolved": "http' in text:
        yield f"{name}: records download addresses; npm's omit-lockfile-registry-resolved leaves them out"
    if path.suffix == ".md":
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                yield f"{name}: the link {target} points nowhere"


def main() -> int:
    files = tracked()
    found = [fault for path in files for fault in faults(path)]
    print("\n".join(found) if found else f"{len(files)} files keep the rules of the repository")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
