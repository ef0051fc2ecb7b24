"""The Responses API through the official OpenAI SDK for Python: shapes, state, the background, and streams that are come back for."""
import json
import signal
import time
import unittest
import urllib.request

import openai

import test_openai
from contract import Contract
from test_openai import CONTEXT, SCHEMA, setUpModule as start_server, tearDownModule  # noqa: F401

TOOL = {"type": "function", "name": "weather", "description": "The weather", "parameters": SCHEMA, "strict": True}


def setUpModule():
    global client, contract
    start_server()
    client = test_openai.client
    contract = Contract(test_openai.server)


def ask(extra_body=None, **more):
    return client.responses.create(**{"model": "talker", "input": "Hello", "max_output_tokens": 16, **more, "extra_body": {"seed": 7, **(extra_body or {})}})


def raw(body):
    status, text, _ = test_openai.server.request("POST", "/v1/responses", {"model": "talker", "input": "Hello", "max_output_tokens": 16, "seed": 7, **body}, headers={"Content-Type": "application/json"})
    return status, json.loads(text)


def events_of(path, body=None, stop_after=None):
    """The events of a stream, read without any SDK; the connection is dropped after `stop_after` of them."""
    request = urllib.request.Request(test_openai.server.url + path, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Authorization": "Bearer " + test_openai.server.admin["api_key"], "Content-Type": "application/json"})
    events = []
    with urllib.request.urlopen(request, timeout=60) as response:
        for line in response:
            if not line.startswith(b"data: "):
                continue
            events.append(json.loads(line[6:]))
            if len(events) == stop_after:
                break
    return events


def text_of(events):
    return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")


class ResponsesTest(unittest.TestCase):
    def test_whole_and_streamed_answers_agree(self):
        status, body = raw({"instructions": "Be brief.", "metadata": {"a": "b"}})
        contract.check("POST", "/v1/responses", status, body)
        whole = ask(instructions="Be brief.")
        self.assertEqual((whole.status, whole.incomplete_details.reason), ("incomplete", "max_output_tokens"))
        self.assertEqual(whole.usage.total_tokens, whole.usage.input_tokens + whole.usage.output_tokens)
        events = list(ask(instructions="Be brief.", stream=True))
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual([event.type for event in events[:4]], ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"])
        self.assertEqual([event.type for event in events[-4:]], ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.incomplete"])
        self.assertEqual("".join(event.delta for event in events if event.type == "response.output_text.delta"), whole.output_text)
        self.assertEqual(events[-1].response.output_text, whole.output_text)
        with client.responses.stream(model="talker", input="Hello", instructions="Be brief.", max_output_tokens=16, extra_body={"seed": 7}) as stream:
            *_, last = stream  # the SDK's helper follows the order of the events
        self.assertEqual(last.response.output_text, whole.output_text)

    def test_what_is_stored_can_be_read_listed_and_deleted(self):
        made = ask(input=[{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}, {"role": "user", "content": [{"type": "input_text", "text": "Three"}]}])
        self.assertEqual(client.responses.retrieve(made.id).output_text, made.output_text)
        items = client.responses.input_items.list(made.id, order="asc").data
        self.assertEqual([(item.role, item.content[0].text) for item in items], [("user", "One"), ("assistant", "Two"), ("user", "Three")])
        first = client.responses.input_items.list(made.id, order="asc", limit=1)
        self.assertTrue(first.has_more)
        self.assertEqual([item.content[0].text for item in first], ["One", "Two", "Three"])  # the SDK turns the pages
        status, body, _ = test_openai.server.request("GET", f"/v1/responses/{made.id}/input_items")
        contract.check("GET", "/v1/responses/{response}/input_items", status, json.loads(body))
        client.responses.delete(made.id)
        for gone in (lambda: client.responses.retrieve(made.id), lambda: client.responses.delete(made.id), lambda: ask(previous_response_id=made.id)):
            self.assertRaises(openai.NotFoundError, gone)
        unkept = ask(store=False)
        self.assertRaises(openai.NotFoundError, client.responses.retrieve, unkept.id)

    def test_nobody_reads_another_s(self):
        made = ask()
        user = test_openai.server.cli_json("user", "add", f"rita{time.monotonic_ns()}", "--role", "reader")
        _, session, headers = test_openai.server.request("POST", "/api/v1/session", {"username": user["user"]["username"], "password": user["password"]}, key="")
        cookie, csrf = headers["Set-Cookie"].split(";")[0], json.loads(session)["csrf"]
        _, key, _ = test_openai.server.request("POST", "/api/v1/keys", {"name": "k"}, key="", headers={"Cookie": cookie, "X-Siyu-CSRF": csrf})
        other = openai.OpenAI(base_url=client.base_url, api_key=json.loads(key)["secret"], max_retries=0)
        for call in (lambda: other.responses.retrieve(made.id), lambda: other.responses.delete(made.id), lambda: other.responses.input_items.list(made.id),
                     lambda: other.responses.create(model="talker", input="x", previous_response_id=made.id)):
            self.assertRaises(openai.NotFoundError, call)
        self.assertEqual(client.responses.retrieve(made.id).id, made.id)

    def test_a_conversation_goes_on_from_a_response(self):
        first = ask(input="My name is Wang.")
        second = ask(input="What is my name?", previous_response_id=first.id)
        counted = client.responses.input_tokens.count(model="talker", input="What is my name?", previous_response_id=first.id).input_tokens
        self.assertEqual(second.usage.input_tokens, counted)
        by_hand = ask(input=[{"role": "user", "content": "My name is Wang."}, *[item.model_dump(exclude_none=True) for item in first.output], {"role": "user", "content": "What is my name?"}])
        self.assertEqual(by_hand.usage.input_tokens, counted)
        self.assertEqual(by_hand.output_text, second.output_text)

    def test_functions_are_called_and_their_outputs_read(self):
        for seed in range(8):  # as with chat completions
            answer = ask(tools=[TOOL], tool_choice="required", parallel_tool_calls=False, max_output_tokens=250, extra_body={"seed": seed})
            if answer.status == "completed" and answer.output:
                break
        call = answer.output[-1]
        self.assertEqual((call.type, call.name, call.status), ("function_call", "weather", "completed"))
        self.assertIn(json.loads(call.arguments)["city"], ("Beijing", "Shanghai"))
        events = list(ask(tools=[TOOL], tool_choice={"type": "function", "name": "weather"}, parallel_tool_calls=False, max_output_tokens=250, stream=True, extra_body={"seed": seed}))
        done = next(event for event in events if event.type == "response.function_call_arguments.done")
        arguments = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta" and event.item_id == done.item_id)
        self.assertEqual((done.arguments, done.name), (arguments, "weather"))
        again = ask(previous_response_id=answer.id, input=[{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}], tools=[TOOL])
        self.assertEqual(again.previous_response_id, answer.id)

    def test_a_schema_is_kept_to(self):
        for seed in range(8):
            answer = ask(max_output_tokens=250, text={"format": {"type": "json_schema", "name": "trip", "schema": SCHEMA, "strict": True}}, extra_body={"seed": seed})
            if answer.status == "completed":
                break
        self.assertIn(json.loads(answer.output_text)["days"], (1, 2, 3))

    def test_log_probabilities_and_citations(self):
        answer = ask(include=["message.output_text.logprobs"], top_logprobs=2)
        self.assertEqual(len(answer.output[0].content[0].logprobs[0].top_logprobs), 2)
        search = {"type": "file_search", "vector_store_ids": ["handbook"]}
        answer = ask(model="siyu-extractive", input="每年有几天带薪年假？", tools=[search])
        note = answer.output[0].content[0].annotations[0]
        self.assertEqual((note.type, note.filename), ("file_citation", "leave.md"))
        events = list(ask(model="siyu-extractive", input="每年有几天带薪年假？", tools=[search], stream=True))
        self.assertEqual([event.annotation.filename for event in events if event.type == "response.output_text.annotation.added"], ["leave.md"])

    def test_the_background(self):
        made = ask(background=True, max_output_tokens=64)
        self.assertIn(made.status, ("queued", "in_progress", "incomplete"))
        deadline = time.monotonic() + 30
        while client.responses.retrieve(made.id).status in ("queued", "in_progress"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual(client.responses.retrieve(made.id).usage.output_tokens, 64)
        long = ask(background=True, max_output_tokens=1900)
        self.assertEqual(client.responses.cancel(long.id).status, "cancelled")
        while client.responses.retrieve(long.id).status != "cancelled":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_a_broken_stream_is_come_back_for(self):
        body = {"model": "talker", "input": "Hello", "max_output_tokens": 600, "seed": 7, "stream": True}
        for background in (False, True):
            first = events_of("/v1/responses", {**body, "background": background}, stop_after=40)
            response = first[0]["response"]["id"]
            got = first
            for _ in range(3):  # lost again and again
                got += events_of(f"/v1/responses/{response}?stream=true&starting_after={got[-1]['sequence_number']}", stop_after=50)
            got += [json.loads(event.model_dump_json()) for event in client.responses.retrieve(response, stream=True, starting_after=got[-1]["sequence_number"])]
            self.assertEqual([event["sequence_number"] for event in got], list(range(len(got))))
            self.assertEqual(got[-1]["type"], "response.incomplete")
            stored = client.responses.retrieve(response)
            self.assertEqual(stored.output_text, text_of(got))
            # Once more from the beginning, after its end.
            again = events_of(f"/v1/responses/{response}?stream=true")
            self.assertEqual([(event["sequence_number"], event.get("delta")) for event in again], [(event["sequence_number"], event.get("delta")) for event in got])

    def test_a_stream_that_is_not_stored_ends_with_its_reader(self):
        for _ in range(20):
            events_of("/v1/responses", {"model": "talker", "input": "Hello", "max_output_tokens": 1900, "stream": True, "store": False}, stop_after=5)
        running = lambda: {model["name"]: model for model in test_openai.server.cli_json("model", "list")["models"]}["talker"]["worker"]["requests_running"]
        deadline = time.monotonic() + 20
        while running() > 0:
            self.assertLess(time.monotonic(), deadline, "streams without a reader go on")
            time.sleep(0.05)

    def test_mistakes_name_the_field(self):
        for wrong, param in (({"input": 5}, "input"), ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input[0].content[0].image_url"),
                             ({"max_output_tokens": "x"}, "max_output_tokens"), ({"temperature": 9}, "temperature"), ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
                             ({"text": {"format": {"type": "yaml"}}}, "text.format.type"), ({"reasoning": {"effort": "huge"}}, "reasoning.effort"), ({"metadata": {"a": 1}}, "metadata.a"),
                             ({"background": True, "store": False}, "background"), ({"service_tier": "gold"}, "service_tier"), ({"conversation": "conv_1"}, "conversation")):
            status, body = raw(wrong)
            contract.check("POST", "/v1/responses", status, body)
            self.assertEqual((status, body["error"]["param"]), (400, param), body)
        with self.assertRaises(openai.BadRequestError) as found:
            ask(input="word " * 3000, stream=True)
        self.assertRegex(str(found.exception), CONTEXT + " tokens")
        self.assertRaises(openai.NotFoundError, ask, model="nobody")

    def test_z_what_is_stored_outlives_a_kill(self):
        kept = ask()
        interrupted = ask(background=True, max_output_tokens=1900)
        stream = {"model": "talker", "input": "Hello", "max_output_tokens": 1900, "background": True, "stream": True}
        stream_id = events_of("/v1/responses", stream, stop_after=1)[0]["response"]["id"]
        test_openai.server.stop(signal.SIGKILL)
        test_openai.server.start()
        local = openai.OpenAI(base_url=test_openai.server.url + "/v1", api_key=test_openai.server.admin["api_key"], max_retries=0)
        self.assertEqual(local.responses.retrieve(kept.id).output_text, kept.output_text)
        # Begun anew.
        deadline = time.monotonic() + 60
        while (late := local.responses.retrieve(interrupted.id)).status in ("queued", "in_progress"):
            self.assertEqual(late.output, [])
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual((late.status, late.usage.output_tokens, late.created_at), ("incomplete", 1900, interrupted.created_at))
        self.assertTrue(late.output_text)
        streamed = json.loads(test_openai.server.request("GET", f"/v1/responses/{stream_id}")[1])
        self.assertEqual((streamed["status"], streamed["error"]["code"]), ("failed", "server_error"))


if __name__ == "__main__":
    unittest.main()
