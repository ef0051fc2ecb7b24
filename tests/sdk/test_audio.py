"""Speech to text through the official OpenAI SDK: without an engine that hears, and with one elsewhere."""
import email
import http.server
import json
import tempfile
import threading
import time
import unittest

import openai

from test_openai import Server

RECORDING = b"RIFF" + bytes(range(256)) * 40


class Ears(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that tells what it was sent."""

    def do_GET(self):
        self.answer({"object": "list", "data": [{"id": "whisper-large", "object": "model", "owned_by": "vllm"}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = email.message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in message.get_payload()}
        fields = {name: part.get_payload(decode=True) for name, part in parts.items()}
        if fields.get("language") == b"xx":
            return self.answer({"error": {"message": "no such language"}}, 400)
        right = fields["file"] == RECORDING and parts["file"].get_filename() == "talk.wav" and fields["model"] == b"whisper-large"
        if fields.get("response_format") == b"text":
            return self.answer("plain words", kind="text/plain")
        self.answer({"text": "you said hello" if right else "garbled"})

    def answer(self, body, status=200, kind="application/json"):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class AudioTest(unittest.TestCase):
    def test_a_recording_goes_to_the_engine_that_hears(self):
        with tempfile.TemporaryDirectory(prefix="siyu-audio-") as folder:
            server = Server(folder + "/data")
            self.addCleanup(server.stop)
            client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin["api_key"], max_retries=0)
            hear = lambda **more: client.audio.transcriptions.create(**{"model": "ears", "file": ("talk.wav", RECORDING), **more})
            with self.assertRaises(openai.NotFoundError) as found:
                hear(model="whisper-1")
            self.assertEqual(found.exception.code, "model_not_found")
            self.assertIn("Whisper", str(found.exception))
            ears = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ears)
            threading.Thread(target=ears.serve_forever, daemon=True).start()
            self.addCleanup(lambda: (ears.shutdown(), ears.server_close()))
            server.cli("engine", "add", "ears", "--url", f"http://127.0.0.1:{ears.server_port}", "--audio")
            deadline = time.monotonic() + 20
            while server.cli_json("engine", "list")["engines"][0]["state"] != "ready":
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            self.assertEqual(hear(language="en").text, "you said hello")
            self.assertIn("plain words", str(hear(response_format="text")))
            with self.assertRaises(openai.BadRequestError) as found:
                hear(language="xx")
            self.assertIn("no such language", str(found.exception))
            self.assertRaises(openai.UnprocessableEntityError, client.chat.completions.create, model="ears", messages=[{"role": "user", "content": "x"}])


if __name__ == "__main__":
    unittest.main()
