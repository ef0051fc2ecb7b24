"""What is asked in each scenario. Texts are made up from a seed, the same for both sides."""
import random

from load import Request, closed_loop, figures

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


SCENARIOS = {"single": Single, "shared-prompt": SharedPrompt, "retrieval": Retrieval}
