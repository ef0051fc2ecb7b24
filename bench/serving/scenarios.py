"""What is asked in each scenario. Texts are made up from a seed, the same for both sides."""
import asyncio
import csv
import datetime
import gzip
import json
import os
import pathlib
import random

from load import Request, closed_loop, figures, open_loop

WORDS = ("the bank holds records of every loan and each branch sends its report to the office before noon on the first day of "
         "the month while auditors compare figures with contracts signed last year and ask for papers that explain a change").split()


def words(rng, count):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def chat(system, user, **more):
    return Request(messages=[{"role": "system", "content": system}, {"role": "user", "content": user}], **more)


class Scenario:
    """setup(): server flags. run(): yields (phase, outcomes' figures) on a freshly started server."""

    context, parallel, cells, tenants = 4096, 16, 32768, ()

    def setup(self):
        return {"context": self.context, "parallel": self.parallel, "cells": self.cells, "tenants": list(self.tenants)}


class Single(Scenario):
    """One user: a prompt of about 900 words, then 128 tokens, three times with other words."""

    parallel, cells, context = 1, 4096, 4096

    async def run(self, target, seed):
        rng = random.Random(seed)
        outcomes = await closed_loop(target, [[Request(prompt=words(rng, 900), max_tokens=128) for _ in range(3)]])
        result = figures(outcomes)
        result["prefill_tokens_per_s"] = sum(one.prompt_tokens - one.cached_tokens for one in outcomes) / sum(one.ttft for one in outcomes)
        result["decode_tokens_per_s"] = sum(one.tokens - 1 for one in outcomes) / sum(one.ended - one.first for one in outcomes)
        yield "single", result


class SharedPrompt(Scenario):
    """16 users at once, each with 3 questions behind one system prompt of about 1,000 tokens: cold, then warm with new users."""

    async def run(self, target, seed):
        rng = random.Random(seed)
        system = words(rng, 900)
        for phase in ("cold", "warm"):
            users = [[chat(system, words(rng, 20), max_tokens=64) for _ in range(3)] for _ in range(16)]
            yield phase, figures(await closed_loop(target, users))


class Retrieval(Scenario):
    """8 users at once ask about the same 6 passages of about 2,000 tokens each, which are read before."""

    parallel, cells = 8, 32768

    async def run(self, target, seed):
        rng = random.Random(seed)
        passages = [words(rng, 1800) for _ in range(6)]
        ask = lambda passage: chat("Answer from the passage.\n\n" + passage, words(rng, 15), max_tokens=32)
        yield "first reading", figures(await closed_loop(target, [[ask(passage) for passage in passages]]))
        users = [[ask(rng.choice(passages)) for _ in range(4)] for _ in range(8)]
        yield "asked again", figures(await closed_loop(target, users))


class Quote(Scenario):
    """One user: a passage of 600 tokens is quoted from its beginning, 256 tokens of it. Wants a model made with model_writer --chain,
    which continues any run of the vocabulary that its prompt holds. SIYU_PEER_QUOTE_FLAGS: flags for llama-server's own lookup."""

    parallel, cells, context = 1, 4096, 4096

    def setup(self):
        return {**super().setup(), "peer_flags": os.environ.get("SIYU_PEER_QUOTE_FLAGS", "").split()}

    async def run(self, target, seed):
        rng = random.Random(seed)
        requests = []
        for _ in range(4):
            first = rng.randrange(1000, 80000)
            filler = [rng.randrange(1000, 80000) for _ in range(300)]
            requests.append(Request(prompt=filler[:150] + list(range(first, first + 600)) + filler[150:] + [first], max_tokens=256))
        outcomes = await closed_loop(target, [requests])
        result = figures(outcomes)
        result["decode_tokens_per_s"] = sum(one.tokens - 1 for one in outcomes) / sum(one.ended - one.first for one in outcomes)
        yield "quote", result


class Trace(Scenario):
    """Conversations chosen at random from Mooncake's trace, each whole, with its shared beginnings: a block of 512 tokens becomes one
    of 16, answers an eighth, and 90 seconds hold all arrivals. Goodput: answers a second whose first token came within 2 s and the
    others within 0.25 s each."""

    context, cells, parallel = 8192, 32768, 16
    count, block, seconds, slo = 90, 16, 90.0, {"ttft_s": 2.0, "tpot_s": 0.25}

    @staticmethod
    def file(name):
        folder = os.environ.get("SIYU_TEST_DATA")
        if not folder:
            raise SystemExit(f"this scenario needs SIYU_TEST_DATA, a folder with traces/{name}")
        return pathlib.Path(folder) / "traces" / name

    def requests(self, seed):
        conversations = {}
        for line in gzip.open(self.file("mooncake_synthetic_trace.jsonl.gz"), "rt"):
            row = json.loads(line)
            conversations.setdefault(row["hash_ids"][0], []).append(row)
        chosen, rows = sorted(conversations), []
        random.Random(seed).shuffle(chosen)
        while len(rows) < self.count:
            rows += conversations[chosen.pop()]
        rows.sort(key=lambda row: row["timestamp"])
        begin, span = rows[0]["timestamp"], rows[-1]["timestamp"] - rows[0]["timestamp"]
        for row in rows:
            tokens = [token for block in row["hash_ids"] for token in random.Random(block).choices(range(1000, 80000), k=self.block)]
            yield (row["timestamp"] - begin) / span * self.seconds, Request(
                prompt=tokens[: max(8, row["input_length"] * self.block // 512)], max_tokens=max(4, row["output_length"] // 8), extra={"ignore_eos": True})

    async def run(self, target, seed):
        yield "replayed", figures(await open_loop(target, list(self.requests(seed))), self.slo)


class Azure(Trace):
    """Consecutive requests of Azure's trace of conversations, whose prompts share nothing: lengths a quarter, 90 seconds hold all
    arrivals. Goodput as in Trace."""

    def requests(self, seed):
        rows = list(csv.DictReader(open(self.file("AzureLLMInferenceTrace_conv.csv"))))
        rng = random.Random(seed)
        begin = rng.randrange(len(rows) - self.count)
        rows = rows[begin : begin + self.count]
        times = [datetime.datetime.fromisoformat(row["TIMESTAMP"][:26]).timestamp() for row in rows]
        for time, row in zip(times, rows):
            yield (time - times[0]) / (times[-1] - times[0]) * self.seconds, Request(
                prompt=rng.choices(range(1000, 80000), k=max(8, int(row["ContextTokens"]) // 4)), max_tokens=max(4, int(row["GeneratedTokens"]) // 4), extra={"ignore_eos": True})


class Fairness(Scenario):
    """A modest tenant asks one question after the other: alone, then beside a greedy one that keeps 64 requests open."""

    context, cells, parallel, tenants = 4096, 32768, 64, ("greedy", "modest")

    @staticmethod
    def modest(rng, count):
        return [chat("You help.", words(rng, 60), max_tokens=48, tenant="modest") for _ in range(count)]

    async def run(self, target, seed):
        rng = random.Random(seed)
        await closed_loop(target, [self.modest(rng, 2)])
        alone = figures(await closed_loop(target, [self.modest(rng, 12)]))
        yield "alone", alone
        greedy = asyncio.ensure_future(closed_loop(target, [[chat("You help.", words(rng, 60), max_tokens=64, tenant="greedy") for _ in range(3)] for _ in range(64)]))
        await asyncio.sleep(5)
        beside = figures(await closed_loop(target, [self.modest(rng, 12)]))
        everything = figures(await greedy)
        beside["greedy_tokens_per_s"] = everything["tokens_per_s"]
        for key in ("ttft_p95_s", "tpot_p50_s", "e2e_p95_s", "e2e_p50_s"):
            beside[key + "_times_alone"] = beside[key] / alone[key]
        yield "beside a greedy one", beside


SCENARIOS = {"single": Single, "shared-prompt": SharedPrompt, "retrieval": Retrieval, "quote": Quote, "trace": Trace, "azure": Azure, "fairness": Fairness}
