"""A loopback hub of the real URL shapes: Hugging Face and ModelScope in front, a content server on a second port behind.

Faults are set per test through the attributes of Hub; what was asked is kept in Hub.requests."""
import hashlib
import http.server
import json
import threading
import time
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """`files` maps (owner/repo, path) to bytes."""

    def __init__(self):
        self.files = {}
        self.requests = []       # (server, method-less path, headers as a dict with lower-case names)
        self.cuts = []           # bodies are cut after so many bytes, one entry used per body
        self.always_cut = None   # every body is cut after so many bytes
        self.ranges = True
        self.etag = True
        self.gated = False
        self.stall_after = None  # bytes; the body then hangs until release
        self.extra = b""         # sent beyond the announced end, chunked
        self.announced = None    # size that listing and headers claim
        self.wrong_sha256 = False
        self.redirect_to = None  # answer of resolve instead of the content server
        self.broken_times = 0    # 503 so often
        self.pace = None         # seconds between pieces of 16 KiB
        self.released = threading.Event()
        self.front = _serve(self, _Front)
        self.content = _serve(self, _Content)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.front.server_port}"

    @property
    def content_url(self):
        return f"http://127.0.0.1:{self.content.server_port}"

    def close(self):
        self.released.set()
        for server in (self.front, self.content):
            server.shutdown()
            server.server_close()

    def asked(self, server, word):
        return [(path, headers) for name, path, headers in self.requests if name == server and word in path]

    def sha256(self, data):
        return "0" * 64 if self.wrong_sha256 else hashlib.sha256(data).hexdigest()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that leave are part of the tests


def _serve(hub, handler):
    server = _Server(("127.0.0.1", 0), type(handler.__name__, (handler,), {"hub": hub}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *arguments):
        pass

    def note(self):
        self.hub.requests.append((self.name, self.path, {key.lower(): value for key, value in self.headers.items()}))

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_file(self, data):
        """The whole or the asked range, with the faults of the hub."""
        hub = self.hub
        size = hub.announced or len(data)
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        begin = 0
        wanted = self.headers.get("Range")
        if wanted and hub.ranges and self.headers.get("If-Range", etag) == etag:
            begin = int(wanted.removeprefix("bytes=").split("-")[0])
            if begin >= size:
                return self.answer(416, headers=[("Content-Range", f"bytes */{size}")])
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
        if hub.etag:
            self.send_header("ETag", etag)
        if hub.extra:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(size - begin))
        self.end_headers()
        self.send_body(data[begin:], begin)

    def send_body(self, body, begin):
        hub = self.hub
        if hub.extra:
            for piece in (body, *[hub.extra] * 1000):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
            return
        cut = hub.cuts.pop(0) if hub.cuts else hub.always_cut
        if cut is not None and cut < len(body):
            self.wfile.write(body[:cut])
            self.wfile.flush()
            self.close_connection = True
            return
        if hub.stall_after is not None and begin + len(body) > hub.stall_after:
            self.wfile.write(body[: max(0, hub.stall_after - begin)])
            self.wfile.flush()
            hub.released.wait(60)
            self.close_connection = True
            return
        if hub.pace is None:
            self.wfile.write(body)
            return
        for at in range(0, len(body), 16384):
            self.wfile.write(body[at : at + 16384])
            self.wfile.flush()
            if hub.released.wait(hub.pace or 0):
                self.close_connection = True
                return


class _Front(_Handler):
    """The hub itself: listings, and redirects to the content server."""

    name = "front"

    def do_GET(self):
        self.note()
        hub = self.hub
        url = urllib.parse.urlsplit(self.path)
        parts = urllib.parse.unquote(url.path).strip("/").split("/")
        query = dict(urllib.parse.parse_qsl(url.query))
        if hub.broken_times > 0:
            hub.broken_times -= 1
            return self.answer(503)
        if parts[:2] == ["api", "models"] and len(parts) == 4:
            return self.hf_listing("/".join(parts[2:4]))
        if len(parts) >= 5 and parts[2] == "resolve":
            return self.hf_resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        if parts[:3] == ["api", "v1", "models"] and parts[5:] == ["repo", "files"]:
            return self.ms_listing("/".join(parts[3:5]), query)
        if parts[:3] == ["api", "v1", "models"] and parts[5:] == ["repo"]:
            return self.ms_file("/".join(parts[3:5]), query)
        if parts[0] == "loop":
            return self.answer(302, headers=[("Location", f"/loop/{int(parts[1]) + 1}")])
        self.answer(404)

    def hf_listing(self, repository):
        hub = self.hub
        if hub.gated and self.headers.get("Authorization") != "Bearer hf_secret":
            body = json.dumps({"error": "Access to model is restricted."}).encode()
            return self.answer(401, body, [("X-Error-Code", "GatedRepo"), ("Content-Type", "application/json")])
        found = {path: data for (owner, path), data in hub.files.items() if owner == repository}
        if not found:
            return self.answer(401, b'{"error":"Repository not found"}', [("X-Error-Code", "RepoNotFound")])
        siblings = [
            {"rfilename": path, "size": hub.announced or len(data), "blobId": "x",
             "lfs": {"sha256": hub.sha256(data), "size": hub.announced or len(data), "pointerSize": 135}}
            for path, data in found.items()
        ] + [{"rfilename": "README.md", "size": 10, "blobId": "y"}]
        listing = {"_id": "1", "id": repository, "private": False, "gated": "manual" if hub.gated else False, "sha": COMMIT, "siblings": siblings}
        self.answer(200, json.dumps(listing).encode(), [("Content-Type", "application/json")])

    def hf_resolve(self, repository, revision, path):
        hub = self.hub
        data = hub.files.get((repository, path))
        if data is None or revision not in (COMMIT, "main"):
            return self.answer(404, headers=[("X-Error-Code", "EntryNotFound")])
        location = hub.redirect_to or f"{hub.content_url}/xet/{repository}/{urllib.parse.quote(path)}?Signature=abc%2F1&Expires=99"
        headers = [("X-Repo-Commit", COMMIT), ("X-Linked-Size", str(len(data))), ("X-Linked-Etag", f'"{hub.sha256(data)}"'), ("Location", location)]
        self.answer(302, b"Found. Redirecting", headers)

    def ms_listing(self, repository, query):
        hub = self.hub
        found = {path: data for (owner, path), data in hub.files.items() if owner == repository}
        if not found or query.get("Revision") != "master":
            return self.answer(404, b'{"Code":10010205001,"Message":"not found","Success":false}')
        files = [{"Name": path.split("/")[-1], "Path": path, "Type": "blob", "Size": len(data), "Sha256": hub.sha256(data), "Revision": COMMIT, "IsLFS": True}
                 for path, data in found.items()]
        files.append({"Name": "sub", "Path": "sub", "Type": "tree", "Size": 0, "Sha256": ""})
        self.answer(200, json.dumps({"Code": 200, "Data": {"Files": files, "IsVisual": 0}, "Message": "success", "Success": True}).encode())

    def ms_file(self, repository, query):
        data = self.hub.files.get((repository, query.get("FilePath")))
        if data is None:
            return self.answer(404)
        self.send_file(data)


class _Content(_Handler):
    """Where the bytes lie: signed addresses, and plain files under /plain/."""

    name = "content"

    def do_GET(self):
        self.note()
        parts = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).strip("/").split("/")
        data = self.hub.files.get(("/".join(parts[1:3]), "/".join(parts[3:])))
        if data is None or (parts[0] == "xet" and "Signature=abc%2F1" not in self.path):
            return self.answer(404)
        self.send_file(data)


def wait_until(test, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not test():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.02)


def tiny_gguf(size=300_000, seed=1, extra_keys=()):
    """A model file whose header is true and whose weights are noise: enough for the library."""
    text = lambda value: len(value).to_bytes(8, "little") + value.encode()
    keys = [("general.architecture", 8, text("llama")), ("llama.context_length", 4, (64).to_bytes(4, "little")), *extra_keys]
    out = b"GGUF" + (3).to_bytes(4, "little") + (1).to_bytes(8, "little") + len(keys).to_bytes(8, "little")
    for key, kind, value in keys:
        out += text(key) + kind.to_bytes(4, "little") + value
    out += text("token_embd.weight") + (1).to_bytes(4, "little") + (64).to_bytes(8, "little") + (0).to_bytes(4, "little") + (0).to_bytes(8, "little")
    noise = hashlib.shake_256(str(seed).encode()).digest(size - len(out))
    return out + noise


def split_keys(part, parts):
    return [("split.no", 2, (part - 1).to_bytes(2, "little")), ("split.count", 2, parts.to_bytes(2, "little"))]


def split_gguf(whole, parts):
    """Cuts a model file between its tensors, as llama.cpp's own splitter does: the keys stay in the first part."""
    at = 8
    number = lambda width: int.from_bytes(whole[at : at + width], "little")

    def skip_text():
        nonlocal at
        at += 8 + number(8)

    widths = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def skip_value(kind):
        nonlocal at
        if kind == 8:
            skip_text()
        elif kind == 9:
            inner = number(4)
            count = int.from_bytes(whole[at + 4 : at + 12], "little")
            at += 12
            for _ in range(count):
                skip_value(inner)
        else:
            at += widths[kind]

    tensors, keys = number(8), int.from_bytes(whole[16:24], "little")
    at = 24
    for _ in range(keys):
        skip_text()
        kind = number(4)
        at += 4
        skip_value(kind)
    all_keys = whole[24:at]
    infos = []
    for _ in range(tensors):
        begin = at
        skip_text()
        dimensions = number(4)
        at += 4 + dimensions * 8 + 4
        infos.append((whole[begin:at], number(8)))
        at += 8
    align = lambda size: (size + 31) // 32 * 32
    data = whole[align(at) :]
    ends = sorted(offset for _, offset in infos) + [len(data)]
    end_of = {offset: ends[index + 1] for index, offset in enumerate(ends[:-1])}
    text = lambda value: len(value).to_bytes(8, "little") + value.encode()
    share = -(-tensors // parts)
    for part in range(parts):
        mine = infos[part * share : (part + 1) * share]
        extra = [("split.no", 2, part.to_bytes(2, "little")), ("split.count", 2, parts.to_bytes(2, "little")),
                 ("split.tensors.count", 5, tensors.to_bytes(4, "little"))]
        head = b"".join(text(key) + kind.to_bytes(4, "little") + value for key, kind, value in extra)
        body, listing = b"", b""
        for info, offset in mine:
            listing += info + len(body).to_bytes(8, "little")
            piece = data[offset : end_of[offset]]
            body += piece + b"\0" * (align(len(piece)) - len(piece))
        count = len(extra) + (keys if part == 0 else 0)
        out = b"GGUF" + (3).to_bytes(4, "little") + len(mine).to_bytes(8, "little") + count.to_bytes(8, "little")
        out += (all_keys if part == 0 else b"") + head + listing
        yield out + b"\0" * (align(len(out)) - len(out)) + body
