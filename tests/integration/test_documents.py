"""Documents through the real parser process: sample files of every kind, hostile ones, and parsers that are killed."""
import contextlib
import io
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest
import zipfile

import document_outcomes
from test_server import SIYU, ServerCase

DATA = os.environ.get("SIYU_TEST_DATA")


def parse(path, *more):
    done = subprocess.run([SIYU, "parse", path, "--json", *more], capture_output=True, timeout=120)
    return json.loads(done.stdout)


@unittest.skipUnless(DATA, "SIYU_TEST_DATA names no folder of sample documents")
class SampleTest(unittest.TestCase):
    def test_every_sample_reads_as_recorded(self):
        found = document_outcomes.outcomes(SIYU, pathlib.Path(DATA) / "documents")
        before = {outcome["file"]: outcome for outcome in document_outcomes.recorded()}
        self.assertEqual(sorted(before), [outcome["file"] for outcome in found])
        value = lambda text: 1.0 if text == "equal" else float(text or 0)
        for now in found:
            then = before[now["file"]]
            with self.subTest(now["file"]):
                for key in ("status", "format", "pages", "files inside"):
                    self.assertEqual(now[key], then[key], now)
                self.assertGreaterEqual(value(now["likeness"]), value(then["likeness"]) - 0.02)


class HostileTest(ServerCase):
    def test_a_bomb_is_refused_with_a_reason(self):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(8):
                archive.writestr(f"{i}.txt", b"a" * (50 << 20))
        path = self.root / "bomb.zip"
        path.write_bytes(inner.getvalue())
        answer = parse(path)
        self.assertEqual(answer["status"], "refused")
        self.assertIn("inflates", answer["reason"])

    def test_entities_that_multiply_are_not_expanded(self):
        levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
        document = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "boom">{levels}]><w:document xmlns:w="x"><w:body><w:p><w:r><w:t>&l9;</w:t></w:r></w:p></w:body></w:document>'
        path = self.root / "laughs.docx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("_rels/.rels", '<Relationships><Relationship Id="r1" Type="http://x/officeDocument" Target="word/document.xml"/></Relationships>')
            archive.writestr("word/document.xml", document)
        answer = parse(path)
        self.assertLess(len(answer["markdown"]), 1000)

    def test_names_in_archives_stay_inside(self):
        path = self.root / "evil.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../../etc/passwd", "outside")
            archive.writestr("/absolute/x.txt", "absolute")
            archive.writestr("ok/./a.txt", "fine")
        names = [file["name"] for file in parse(path)["embedded"]]
        self.assertEqual(names, ["etc/passwd", "absolute/x.txt", "ok/a.txt"])

    def test_cut_files_fail_alone(self):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.txt", os.urandom(5000).hex())
        whole = buffer.getvalue()
        for length in range(0, len(whole), 331):
            path = self.root / "cut.zip"
            path.write_bytes(whole[:length])
            self.assertIn(parse(path)["status"], ("refused", "failed", "ok"))

    def test_a_slow_file_is_stopped(self):
        path = self.root / "deep.html"
        path.write_bytes(b"<table>" * 400_000)
        begun = time.monotonic()
        parse(path, "--seconds", "2")
        self.assertLess(time.monotonic() - begun, 15)

    def test_an_archive_of_a_folder_is_searchable_and_goes_as_one(self):
        path = self.root / "资料.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("制度/年假.md", "# 年假\n\n员工每年享有十天带薪年假。")
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w") as nested:
                nested.writestr("mail.eml", "From: a@example.org\nTo: b@example.org\nSubject: Boiler\nMIME-Version: 1.0\n\nThe boiler pressure is 2.5 bar.\n")
            archive.writestr("inner.zip", inner.getvalue())
        self.server.cli("kb", "create", "kb")
        self.server.cli("kb", "add", "kb", path, "--wait")
        deadline = time.monotonic() + 30
        while self.server.cli_json("kb", "show", "kb")["indexed"] < 4 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(self.server.cli_json("kb", "search", "kb", "带薪年假", "--top", "1")["hits"][0]["document"], "资料.zip/制度/年假.md")
        self.assertEqual(self.server.cli_json("kb", "search", "kb", "boiler pressure", "--top", "1")["hits"][0]["document"], "资料.zip/inner.zip/mail.eml")
        outer = [one for one in self.server.cli_json("kb", "docs", "kb")["documents"] if one["name"] == "资料.zip"][0]
        self.server.cli("kb", "remove-doc", "kb", outer["id"])
        self.assertEqual(self.server.cli_json("kb", "show", "kb")["documents"], 0)

    def test_killed_parsers_lose_no_document(self):
        folder = self.root / "many"
        folder.mkdir()
        for i in range(60):
            (folder / f"{i}.html").write_text(f"<html><h1>Page {i}</h1><p>The code of room {i} is number{i * 7919}.</p></html>")
        self.server.cli("kb", "create", "kb")
        self.server.cli("kb", "add", "kb", folder)
        killed = 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            children = subprocess.run(["pgrep", "-P", str(self.server.process.pid), "-x", "siyu-parser"], capture_output=True, text=True).stdout.split()
            if children and killed < 10:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(children[0]), signal.SIGKILL)
                    killed += 1
            if self.server.cli_json("kb", "show", "kb")["queued"] == 0:
                break
        state = self.server.cli_json("kb", "show", "kb")
        self.assertEqual((state["queued"], state["indexed"] + state["failed"]), (0, 60))
        # A parser that is killed twice over the same file fails that file, by name; adding it again reads it.
        self.server.cli("kb", "add", "kb", folder, "--wait")
        self.assertEqual(self.server.cli_json("kb", "show", "kb")["indexed"], 60)


if __name__ == "__main__":
    unittest.main()
