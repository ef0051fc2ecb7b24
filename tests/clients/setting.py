"""A server with small models of random weights and two knowledge bases, for the tests of official clients."""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from test_server import SIYU, Server  # noqa: E402

CONTEXT = "4096"
WRITER = pathlib.Path(SIYU).with_name("model_writer")


class Setting:
    def __init__(self, options=()):
        self.folder = tempfile.TemporaryDirectory(prefix="siyu-clients-")
        self.root = pathlib.Path(self.folder.name)
        Server.options = ["--insecure-http", *options]
        self.server = Server(self.root / "data")
        for name, arch in (("talker", "qwen2"), ("embedder", "bert")):
            subprocess.run([WRITER, "--arch", arch, "-o", self.root / f"{name}.gguf", "--context", CONTEXT], check=True)
            eyes = []
            if name == "talker":
                eyes = ["--projector", self.root / "eyes.bin"]
                subprocess.run([WRITER, "--arch", arch, "--projector", "gemma3", "-o", eyes[1]], check=True)
            self.server.cli("model", "import", self.root / f"{name}.gguf", "--name", name, *eyes)
            self.server.cli("model", "load", name)
        leave = self.root / "制度/年假.md"
        leave.parent.mkdir()
        leave.write_text("# 休假\n\n员工满一年后，每年享有十天带薪年假。\n\n# 其他\n\n食堂十二点开门。\n")
        travel = self.root / "travel.txt"
        travel.write_text("Train tickets are booked by the office. Hotels cost at most 500 yuan a night.")
        self.server.cli("kb", "create", "手册")
        self.server.cli("kb", "add", "手册", leave, travel, "--wait")

    def reader(self, name):
        """The secret of a new key of a new user who may only read."""
        user = self.server.cli_json("user", "add", name, "--role", "reader")
        _, body, headers = self.server.request("POST", "/api/v1/session", {"username": name, "password": user["password"]}, key="")
        cookie, csrf = headers["Set-Cookie"].split(";")[0], json.loads(body)["csrf"]
        _, body, _ = self.server.request("POST", "/api/v1/keys", {"name": "k"}, key="", headers={"Cookie": cookie, "X-Siyu-CSRF": csrf})
        return json.loads(body)

    def running(self, model="talker"):
        models = {one["name"]: one for one in self.server.cli_json("model", "list")["models"]}
        return models[model]["worker"]["requests_running"]

    def stop(self):
        self.server.stop()
        self.folder.cleanup()
