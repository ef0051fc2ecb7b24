"""A real server with one loaded model, for the benches."""
import contextlib
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("SIYU_BIN", str(ROOT / "build/release/bin/siyu"))
sys.path.insert(0, str(ROOT / "tests/integration"))
from test_server import SIYU, Server  # noqa: E402

WRITER = pathlib.Path(SIYU).with_name("model_writer")


@contextlib.contextmanager
def served(folder, file, *options):
    """The server while `file` is loaded as m; its data in `folder`."""
    server = Server(folder / "data")
    try:
        server.cli("model", "import", file, "--name", "m")
        server.cli("model", "load", "m", *options)
        yield server
    finally:
        server.stop()
