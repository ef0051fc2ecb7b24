"""A load generator: streamed requests, a connection each, timed at each token's arrival."""
import asyncio
import dataclasses
import json
import time
import urllib.parse


@dataclasses.dataclass
class Request:
    """One generation. `messages` goes to the chat endpoint, `prompt` (a text or a list of tokens) to completions."""

    messages: list | None = None
    prompt: str | list | None = None
    max_tokens: int = 64
    tenant: str = ""
    extra: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Outcome:
    request: Request
    begun: float
    first: float = 0.0
    ended: float = 0.0
    times: list = dataclasses.field(default_factory=list)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    tokens: int = 0
    error: str = ""

    @property
    def ttft(self):
        return self.first - self.begun

    @property
    def per_token(self):
        """Seconds per token after the first."""
        return (self.ended - self.first) / max(1, self.tokens - 1)


class Target:
    """One server of the OpenAI kind, and the headers that each tenant sends."""

    def __init__(self, name, url, model, keys=None):
        self.name, self.model = name, model
        self.host, _, port = urllib.parse.urlparse(url).netloc.partition(":")
        self.port = int(port)
        self.keys = keys or {}

    async def generate(self, request):
        kind = "chat/completions" if request.messages is not None else "completions"
        body = {"model": self.model, "max_tokens": request.max_tokens, "temperature": 0, "stream": True, "stream_options": {"include_usage": True}, **request.extra}
        body.update({"messages": request.messages} if request.messages is not None else {"prompt": request.prompt})
        data = json.dumps(body).encode()
        head = [f"POST /v1/{kind} HTTP/1.1", f"Host: {self.host}:{self.port}", "Connection: close", "Content-Type: application/json", f"Content-Length: {len(data)}"]
        if key := self.keys.get(request.tenant, self.keys.get("")):
            head.append("Authorization: Bearer " + key)
        outcome = Outcome(request, time.perf_counter())
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)
        try:
            await self.read(reader, outcome)
        except Exception as failure:  # told in the figures
            outcome.error = outcome.error or repr(failure)
        writer.close()
        outcome.ended = time.perf_counter()
        return outcome

    async def read(self, reader, outcome):
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        lower = head.lower()
        if b"chunked" not in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            raise RuntimeError(f"{status}: {body[:300]!r}")
        while size := int(await reader.readline(), 16):
            chunk = await reader.readexactly(size + 2)
            for line in chunk.split(b"\n"):
                if line.startswith(b"data: {"):
                    self.take(json.loads(line[6:]), outcome)
        await reader.readline()
        if status != 200 or outcome.tokens == 0:
            raise RuntimeError(outcome.error or f"{status} without tokens")

    @staticmethod
    def take(event, outcome):
        now = time.perf_counter()
        if "error" in event:
            outcome.error = str(event["error"])
        if usage := event.get("usage"):
            outcome.tokens = usage["completion_tokens"]
            outcome.prompt_tokens = usage["prompt_tokens"]
            outcome.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        for choice in event.get("choices", []):
            text = choice.get("text") or (choice.get("delta") or {}).get("content")
            if text:
                outcome.first = outcome.first or now
                outcome.times.append(now)


async def closed_loop(target, users):
    """Each user sends its requests one after the other; all users at once."""

    async def one(requests):
        return [await target.generate(request) for request in requests]

    return sum(await asyncio.gather(*map(one, users)), [])


async def open_loop(target, arrivals):
    """`arrivals`: (seconds after the begin, request). A late server does not slow the arrivals down."""
    begun = time.perf_counter()

    async def one(at, request):
        await asyncio.sleep(max(0.0, begun + at - time.perf_counter()))
        return await target.generate(request)

    return list(await asyncio.gather(*(one(at, request) for at, request in arrivals)))


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def figures(outcomes, slo=None):
    """Throughput counts generated tokens between the first request's sending and the last one's end."""
    good = [one for one in outcomes if not one.error and one.first]
    seconds = max((one.ended for one in outcomes), default=0) - min((one.begun for one in outcomes), default=0)
    result = {
        "requests": len(outcomes),
        "failed": len(outcomes) - len(good),
        "seconds": seconds,
        "tokens_per_s": sum(one.tokens for one in good) / seconds if seconds else 0.0,
        "prompt_tokens": sum(one.prompt_tokens for one in good),
        "cached_tokens": sum(one.cached_tokens for one in good),
        "ttft_p50_s": quantile([one.ttft for one in good], 0.5),
        "ttft_p95_s": quantile([one.ttft for one in good], 0.95),
        "tpot_p50_s": quantile([one.per_token for one in good], 0.5),
        "e2e_p50_s": quantile([one.ended - one.begun for one in good], 0.5),
        "e2e_p95_s": quantile([one.ended - one.begun for one in good], 0.95),
    }
    if slo:
        met = [one for one in good if one.ttft <= slo["ttft_s"] and one.per_token <= slo["tpot_s"]]
        result["goodput_per_s"] = len(met) / seconds if seconds else 0.0
        result["met"] = len(met)
    if failed := [one.error for one in outcomes if one.error]:
        result["first_error"] = failed[0][:300]
    return result
