"""The two servers of a comparison, each with the same model, threads, sequences and cache."""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

from load import Target

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tests/integration"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Siyu:
    name = "siyu"

    def __init__(self, folder, setup):
        from test_server import Server

        self.server = Server(pathlib.Path(folder) / "data")
        self.server.cli("model", "import", setup["model"], "--name", "m")
        try:
            self.load(setup)
        except BaseException:
            self.stop()
            raise

    def load(self, setup):
        load = {"threads": setup["threads"], "sequences": setup["parallel"], "context_length": setup["context"], "kv_tokens": setup["cells"]}
        status, body, _ = self.server.request("POST", "/api/v1/models/m/load", load, headers={"Content-Type": "application/json"})
        if status >= 300:
            raise RuntimeError(body.decode())
        keys = {"": self.server.admin["api_key"]}
        for tenant in setup.get("tenants", []):
            keys[tenant] = self.key_of(tenant)
        self.target = Target(self.name, self.server.url, "m", keys)

    def key_of(self, tenant):
        """An API key of a user of its own."""
        password = self.server.cli_json("user", "add", tenant, "--role", "reader")["password"]
        signed_in = json.dumps({"username": tenant, "password": password}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.server.url + "/api/v1/session", signed_in, {"Content-Type": "application/json"})) as reply:
            cookie, csrf = reply.headers["Set-Cookie"].split(";")[0], json.load(reply)["csrf"]
        wanted = urllib.request.Request(self.server.url + "/api/v1/keys", b'{"name":"bench"}', {"Content-Type": "application/json", "Cookie": cookie, "X-Siyu-CSRF": csrf})
        with urllib.request.urlopen(wanted) as reply:
            return json.load(reply)["secret"]

    def stop(self):
        self.server.stop()


class Peer:
    name = "llama-server"

    def __init__(self, program, folder, setup):
        port = free_port()
        self.log = open(pathlib.Path(folder) / "peer.log", "wb")
        self.process = subprocess.Popen([program, "-m", setup["model"], "--host", "127.0.0.1", "--port", str(port), "-t", str(setup["threads"]), "-np", str(setup["parallel"]),
                                         "-c", str(setup["cells"]), "--kv-unified", "--no-webui", *setup.get("peer_flags", [])], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 120
        while not self.healthy(port):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"{program} does not become healthy")
            time.sleep(0.05)
        self.target = Target(self.name, f"http://127.0.0.1:{port}", "m")

    @staticmethod
    def healthy(port):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def start(which, peer_program, folder, setup):
    os.makedirs(folder, exist_ok=True)
    return Siyu(folder, setup) if which == "siyu" else Peer(peer_program, folder, setup)
