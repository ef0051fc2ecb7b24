#!/usr/bin/env python3
"""Holds every #include to the direction of the house: a room includes rooms of lower layers, or itself."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = [
    ["base"],
    ["sizing"],
    ["crypto", "store", "net", "sandbox"],
    ["audit", "identity"],
    ["policy"],
    ["guard", "models", "engine", "documents", "report"],
    ["serving", "governance", "knowledge", "graph"],
    ["chat", "batches", "scheduler", "tuning", "evaluation", "planner", "flows", "ops"],
    ["mcp"],
    ["api", "rpc"],
]
LAYER = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
# Rooms of one layer that may see each other, and why.
ALLOWED = {
    ("store", "crypto"),  # blobs are named by their hash
    ("store", "net"),     # a Redis server is reached over the network
}
# Libraries that only some places may include.
FENCED = [
    (re.compile(r"^(llama|ggml|gguf)[\w-]*\.h$"), ("apps/worker/", "tests/support/")),
    (re.compile(r"^(sqlite3|libpq-fe)\.h$"), ("src/store/",)),
    (re.compile(r"^(grpcpp?|google/protobuf)/|^siyu\.(grpc\.)?pb\.h$"), ("src/rpc/",)),
    (re.compile(r"^hiredis/"), ("src/store/",)),
    (re.compile(r"^(pango/|cairo(-\w+)?\.h|librsvg/|fontconfig/|glib(-object)?\.h)"), ("apps/printer/",)),
    (re.compile(r"^openssl/"), ("src/crypto/", "src/net/")),
    (re.compile(r"^(boost/(asio|beast)/|boost/(asio|beast)\.hpp|curl/)"), ("src/net/", "src/engine/")),
]


def faults(path: pathlib.Path):
    name = path.relative_to(ROOT).as_posix()
    room = name.split("/")[1] if name.startswith("src/") else None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#include\s+([<"])([^>"]+)', line)
        if not match:
            continue
        target = match.group(2)
        for pattern, places in FENCED:
            if pattern.match(target) and not name.startswith(places):
                yield f"{name}:{number}: {target} may be included only in {', '.join(places)}"
        other = target.split("/")[0]
        if room is None or match.group(1) != '"' or other == room or other not in LAYER:
            continue
        if LAYER[other] >= LAYER.get(room, -1) and (room, other) not in ALLOWED:
            yield f"{name}:{number}: {room} (layer {LAYER.get(room)}) may not include {other} (layer {LAYER[other]})"


def main() -> int:
    files = [path for top in ("src", "apps") for path in (ROOT / top).rglob("*") if path.suffix in (".h", ".cpp")]
    found = [fault for path in sorted(files) for fault in faults(path)]
    print("\n".join(found) if found else f"{len(files)} files keep the direction of the house")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
