"""What every sample document reads as: status, format, pages, and the likeness to the text that another reader gave.

`python3 document_outcomes.py --write` renews the table in docs/formats/documents.md; test_documents.py holds us to it.

Likeness: both texts are brought to words (runs of letters and digits, folded; each Chinese, Japanese or Korean character is a
word), without link targets, image placeholders, comments and notes; then the F1 of the two multisets of words. 1.000 means the
same words. "equal" in addition means the same characters in the same order, white space and Markdown's own marks aside.
"""
import collections
import concurrent.futures
import csv
import html
import json
import os
import pathlib
import re
import subprocess
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/formats/documents.md"
HEAD = "| file | status | format | pages | files inside | likeness | reason |"
SECONDS = 120


def plain(markdown):
    text = unicodedata.normalize("NFKC", html.unescape(markdown))
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = "\n".join(line for line in text.split("\n") if not line.startswith("> "))
    text = re.sub(r"!?\[([^\]\n]*)\]\((?:[^()\s]|\([^()\s]*\))*(?: \"[^\"\n]*\")?\)", r"\1", text)
    return text.replace("\\", "")


def words(markdown):
    return collections.Counter(re.findall(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]+", plain(markdown).casefold()))


def letters(markdown):
    return re.sub(r"[\W_]+", "", plain(markdown))


def likeness(ours, theirs):
    if letters(ours) == letters(theirs):
        return "equal"
    a, b = words(ours), words(theirs)
    shared = sum((a & b).values())
    return f"{2 * shared / max(1, sum(a.values()) + sum(b.values())):.3f}"


def read(siyu, folder, row):
    command = [siyu, "parse", folder / row["file"], "--json"] + (["--password", row["password"]] if row["password"] else [])
    done = subprocess.run(command, capture_output=True, timeout=SECONDS + 60)
    answer = json.loads(done.stdout)
    expected = row["expected_markdown"]
    like = likeness(answer["markdown"], (folder / expected).read_text()) if expected and answer["status"] == "ok" else ""
    return {"file": row["file"], "status": answer["status"], "format": answer["format"], "pages": str(answer["pages"]),
            "files inside": str(len(answer["embedded"])), "likeness": like, "reason": answer["reason"].replace("|", "/")}


def outcomes(siyu, folder):
    with open(folder / "MANIFEST.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(lambda row: read(siyu, folder, row), rows), key=lambda outcome: outcome["file"])


def recorded():
    lines = PAGE.read_text().split("\n")
    start = lines.index(HEAD)
    names = [name.strip() for name in HEAD.strip("|").split("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 :] if line.startswith("|")]
    return [dict(zip(names, row)) for row in rows]


def write(found):
    text = PAGE.read_text()
    before = text[: text.index(HEAD)] if HEAD in text else text.rstrip() + "\n\n"
    names = [name.strip() for name in HEAD.strip("|").split("|")]
    lines = [HEAD, "|" + " --- |" * len(names)] + ["| " + " | ".join(outcome[name] for name in names) + " |" for outcome in found]
    PAGE.write_text(before + "\n".join(lines) + "\n")


if __name__ == "__main__":
    found = outcomes(os.environ["SIYU_BIN"], pathlib.Path(os.environ["SIYU_TEST_DATA"]) / "documents")
    if "--write" in sys.argv:
        write(found)
    json.dump(found, sys.stdout, ensure_ascii=False, indent=1)
