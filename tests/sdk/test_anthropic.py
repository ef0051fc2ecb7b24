"""The official Anthropic SDK for Python against a real server: unchanged code, only the base URL and the key are ours."""
import base64
import json
import unittest

import anthropic

import test_openai
from contract import Contract
from pictures import discs, stripes
from test_openai import CONTEXT, SCHEMA, setUpModule as start_server, tearDownModule  # noqa: F401

TOOL = {"name": "weather", "description": "The weather", "input_schema": SCHEMA}


def setUpModule():
    global client, contract
    start_server()
    client = anthropic.Anthropic(base_url=test_openai.server.url, api_key=test_openai.server.admin["api_key"], max_retries=0)
    contract = Contract(test_openai.server)


def question(extra_body=None, **more):
    """Greedy: this SDK has no argument for the temperature any more, but its extra_body."""
    return {"model": "talker", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16, **more, "extra_body": {"temperature": 0, **(extra_body or {})}}


def ask(**more):
    return client.messages.create(**question(**more))


def until_called(**more):
    """A grammar leaves white space free, and random weights may not come out of it; one of a few seeds does."""
    for seed in range(8):
        answer = ask(max_tokens=250, tools=[TOOL], extra_body={"temperature": 1, "seed": seed}, **more)
        if answer.stop_reason == "tool_use":
            return answer
    raise AssertionError("no seed led to a whole call")


def picture(file):
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(file).decode()}}


class PicturesTest(unittest.TestCase):
    def test_pictures_in_messages_and_in_results_of_tools(self):
        look = lambda file: [{"role": "user", "content": [picture(file), {"type": "text", "text": "What is this?"}]}]
        first = ask(messages=look(stripes()))
        self.assertEqual(ask(messages=look(stripes())).content[0].text, first.content[0].text)
        self.assertNotEqual(ask(messages=look(discs())).content[0].text, first.content[0].text)
        self.assertEqual(client.messages.count_tokens(model="talker", messages=look(stripes())).input_tokens, first.usage.input_tokens + first.usage.cache_read_input_tokens)
        result = lambda *blocks: [{"role": "user", "content": "Look"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "camera", "input": {}}]},
                                  {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "seen:"}, *blocks]}]}]
        count = lambda messages: client.messages.count_tokens(model="talker", messages=messages).input_tokens
        self.assertGreaterEqual(count(result(picture(stripes()))) - count(result()), 16)

    def test_pictures_are_not_fetched(self):
        with self.assertRaises(anthropic.BadRequestError) as found:
            ask(messages=[{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}])
        self.assertIn("not fetched", str(found.exception))


class MessagesTest(unittest.TestCase):
    def test_whole_and_streamed_answers_agree(self):
        raw = client.messages.with_raw_response.create(**question(system="Be brief."))
        contract.check("POST", "/v1/messages", 200, json.loads(raw.text()))
        self.assertTrue(raw.headers["request-id"])
        whole = raw.parse()
        self.assertEqual((whole.type, whole.role, whole.stop_reason, whole.stop_sequence), ("message", "assistant", "max_tokens", None))
        self.assertEqual(whole.usage.output_tokens, 16)
        kinds = []
        with client.messages.stream(**question(system="Be brief.")) as stream:
            for event in stream:
                kinds.append(event.type)
            final = stream.get_final_message()
        self.assertEqual(final.content[0].text, whole.content[0].text)
        self.assertEqual(final.usage.output_tokens, 16)
        total = lambda usage: usage.input_tokens + usage.cache_read_input_tokens
        self.assertEqual(total(final.usage), total(whole.usage))
        self.assertEqual((kinds[0], kinds[-1], kinds.count("content_block_start")), ("message_start", "message_stop", 1))

    def test_tokens_are_counted_as_the_answer_counts_them(self):
        messages = [{"role": "user", "content": "How are you?"}]
        counted = client.messages.count_tokens(model="talker", system="Be brief.", messages=messages, tools=[TOOL]).input_tokens
        usage = ask(system="Be brief.", messages=messages, tools=[TOOL]).usage
        self.assertEqual(usage.input_tokens + usage.cache_read_input_tokens, counted)
        events = ask(system="Be brief.", messages=messages, tools=[TOOL], stream=True)
        self.assertEqual(next(iter(events)).message.usage.input_tokens, counted)
        events.close()

    def test_stop_sequences_are_named(self):
        text = ask(max_tokens=40).content[0].text
        stop = text[len(text) // 2 :][:4]
        cut = ask(max_tokens=40, stop_sequences=["never seen", stop])
        self.assertEqual((cut.stop_reason, cut.stop_sequence), ("stop_sequence", stop))
        self.assertEqual("".join(block.text for block in cut.content), text[: text.index(stop)])

    def test_tools_are_called_and_their_results_read(self):
        answer = until_called(tool_choice={"type": "any", "disable_parallel_tool_use": True})
        call = answer.content[-1]
        self.assertEqual((call.type, call.name), ("tool_use", "weather"))
        self.assertIn(call.input["city"], ("Beijing", "Shanghai"))
        again = ask(tools=[TOOL], messages=[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": answer.content},
                                            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}, {"type": "text", "text": "So?"}]}])
        self.assertEqual(again.type, "message")

    def test_a_streamed_call_is_put_together(self):
        for seed in range(8):
            with client.messages.stream(**question(max_tokens=250, tools=[TOOL], tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
                                                   extra_body={"temperature": 1, "seed": seed})) as stream:
                answer = stream.get_final_message()
            if answer.stop_reason == "tool_use":
                break
        self.assertIn(answer.content[-1].input["days"], (1, 2, 3))

    def test_answers_from_knowledge_carry_citations(self):
        body = {"model": "siyu-extractive", "messages": [{"role": "user", "content": "每年有几天带薪年假？"}], "extra_body": {"knowledge": ["handbook"]}}
        answer = ask(**body)
        self.assertEqual((answer.content[0].citations[0].type, answer.content[0].citations[0].title), ("search_result_location", "leave.md"))
        events = list(ask(**body, stream=True))
        self.assertEqual([event.delta.citation.title for event in events if event.type == "content_block_delta" and event.delta.type == "citations_delta"], ["leave.md"])

    def test_errors_are_of_the_sdk_s_own_kinds(self):
        with self.assertRaises(anthropic.NotFoundError) as found:
            ask(model="nobody")
        contract.check("POST", "/v1/messages", 404, found.exception.body)
        self.assertEqual((found.exception.type, found.exception.error_code), ("not_found_error", "model_not_found"))
        self.assertTrue(found.exception.request_id)
        with self.assertRaises(anthropic.AuthenticationError):
            anthropic.Anthropic(base_url=test_openai.server.url, api_key="sk-wrong", max_retries=0).messages.create(model="talker", max_tokens=1, messages=[{"role": "user", "content": "x"}])
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
        for wrong, words in ((dict(messages=[{"role": "user", "content": [picture]}]), r"messages\[0\].content\[0\].*picture"), (dict(max_tokens=-1), "max_tokens"), (dict(extra_body={"stream": "yes"}), "`stream` must be true or false"),
                             (dict(thinking={"type": "enabled", "budget_tokens": 5}), "budget_tokens"), (dict(messages=[]), "at least one message"),
                             (dict(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "web_search"), (dict(extra_body={"temperature": 1.5}), "temperature"),
                             (dict(messages=[{"role": "user", "content": "word " * 3000}]), CONTEXT + " tokens")):
            with self.assertRaises(anthropic.BadRequestError) as found:
                ask(**wrong)
            self.assertRegex(found.exception.api_message, words)

    def test_a_bearer_key_does_as_well(self):
        bearer = anthropic.Anthropic(base_url=test_openai.server.url, auth_token=test_openai.server.admin["api_key"], api_key=None, max_retries=0)
        self.assertEqual(bearer.messages.create(model="talker", max_tokens=2, messages=[{"role": "user", "content": "x"}]).type, "message")


if __name__ == "__main__":
    unittest.main()
