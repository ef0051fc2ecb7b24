"""Starts the server for the tests of the SDKs for Node."""
import os
import pathlib
import subprocess
import unittest

import test_openai
from test_openai import setUpModule, tearDownModule  # noqa: F401


class NodeTest(unittest.TestCase):
    def test_the_sdks_for_node(self):
        environment = {**os.environ, "SIYU_SERVER": test_openai.server.url, "SIYU_API_KEY": test_openai.server.admin["api_key"]}
        here = pathlib.Path(__file__).parent
        done = subprocess.run(["node", "--test", "--test-reporter=spec", *sorted(here.glob("*.test.mjs"))], env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
