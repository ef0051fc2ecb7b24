"""The official OpenAI SDK for Python against a real server: unchanged code, only the base URL is ours."""
import base64
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import openai

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from pictures import JPEG, data_url, discs, stripes  # noqa: E402
from test_server import SIYU, Server  # noqa: E402

CONTEXT = "2048"
WRITER = pathlib.Path(SIYU).with_name("model_writer")
SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Beijing", "Shanghai"]}, "days": {"enum": [1, 2, 3]}}, "required": ["city", "days"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": SCHEMA}}


def setUpModule():
    global folder, server, client
    folder = tempfile.TemporaryDirectory(prefix="siyu-sdk-")
    root = pathlib.Path(folder.name)
    server = Server(root / "data")
    for name, arch in (("talker", "qwen2"), ("embedder", "bert")):
        subprocess.run([WRITER, "--arch", arch, "-o", root / f"{name}.gguf", "--context", CONTEXT], check=True)
        eyes = []
        if name == "talker":
            eyes = ["--projector", root / "eyes" / "mmproj.gguf"]
            eyes[1].parent.mkdir()
            subprocess.run([WRITER, "--arch", arch, "--projector", "gemma3", "-o", eyes[1]], check=True)
        server.cli("model", "import", root / f"{name}.gguf", "--name", name, *eyes)
        server.cli("model", "load", name)
    (root / "leave.md").write_text("# 休假\n\n员工满一年后，每年享有十天带薪年假。\n")
    server.cli("kb", "create", "handbook")
    server.cli("kb", "add", "handbook", root / "leave.md", "--wait")
    client = openai.OpenAI(base_url=server.url + "/v1", api_key=server.admin["api_key"], max_retries=0)


def tearDownModule():
    client.close()
    server.stop()
    folder.cleanup()


def ask(**more):
    return client.chat.completions.create(**{"model": "talker", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16, "seed": 7, **more})


class PicturesTest(unittest.TestCase):
    def look(self, *files, **more):
        parts = [{"type": "image_url", "image_url": {"url": data_url(file, "image/jpeg" if file == JPEG else "image/png"), "detail": "high"}} for file in files]
        return ask(messages=[{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}], temperature=0, **more)

    def test_chat_takes_pictures(self):
        one = self.look(stripes())
        self.assertEqual(self.look(stripes()).choices[0].message.content, one.choices[0].message.content)
        self.assertNotEqual(self.look(discs()).choices[0].message.content, one.choices[0].message.content)
        self.assertEqual(self.look(stripes()).usage.prompt_tokens, one.usage.prompt_tokens)
        self.assertGreater(self.look(stripes(), JPEG).usage.prompt_tokens, one.usage.prompt_tokens + 16)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in self.look(stripes(), stream=True) if chunk.choices)
        self.assertEqual(streamed, one.choices[0].message.content)

    def test_responses_take_pictures_and_go_on_from_them(self):
        message = {"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": data_url(stripes()), "detail": "auto"}]}
        answer = client.responses.create(model="talker", input=[message], max_output_tokens=16, temperature=0)
        self.assertEqual(answer.output_text, self.look(stripes()).choices[0].message.content)
        more = client.responses.create(model="talker", input="And now?", previous_response_id=answer.id, max_output_tokens=4, temperature=0)
        self.assertGreater(more.usage.input_tokens, answer.usage.input_tokens + 16)
        self.assertGreater(more.usage.input_tokens_details.cached_tokens, 16)

    def test_faults_name_the_field(self):
        for url, word in (("https://example.com/a.png", "not fetched"), ("data:image/png;base64,AAAA", "neither PNG nor JPEG")):
            with self.assertRaises(openai.BadRequestError) as found:
                ask(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
            self.assertIn(word, found.exception.message)
            self.assertEqual(found.exception.param, "messages[0].content[0].image_url.url")


class OpenAiTest(unittest.TestCase):
    def test_models(self):
        self.assertEqual({model.id for model in client.models.list()} & {"talker", "embedder"}, {"talker", "embedder"})
        self.assertEqual(client.models.retrieve("talker").object, "model")

    def test_a_prediction_changes_the_speed_only(self):
        plain = ask(temperature=0, max_tokens=120)
        text = plain.choices[0].message.content
        for content in (text, [{"type": "text", "text": text}], "Something else entirely, which never comes."):
            answer = ask(temperature=0, max_tokens=120, prediction={"type": "content", "content": content})
            self.assertEqual(answer.choices[0].message.content, text)
            self.assertEqual(answer.usage.prompt_tokens, plain.usage.prompt_tokens)
            self.assertEqual(answer.usage.completion_tokens, plain.usage.completion_tokens)
            self.assertLessEqual(answer.usage.completion_tokens_details.accepted_prediction_tokens, answer.usage.completion_tokens)
        self.assertEqual(plain.usage.completion_tokens_details.accepted_prediction_tokens, 0)
        self.assertEqual(plain.usage.completion_tokens_details.rejected_prediction_tokens, 0)

    def test_whole_and_streamed_answers_agree(self):
        whole = ask()
        self.assertEqual(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens)
        self.assertEqual(whole.choices[0].finish_reason, "length")
        chunks = list(ask(stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)

    def test_several_choices_stop_strings_and_log_probabilities(self):
        answer = ask(n=2, temperature=1.0, logprobs=True, top_logprobs=3, seed=None)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1])
        for token in answer.choices[0].logprobs.content:
            self.assertLessEqual(token.logprob, 0)
            self.assertEqual(len(token.top_logprobs), 3)
        text = ask(temperature=0, max_tokens=40).choices[0].message.content
        stop = text[len(text) // 2 :][:4]
        cut = ask(temperature=0, max_tokens=40, stop=[stop])
        self.assertEqual(cut.choices[0].finish_reason, "stop")
        self.assertEqual(cut.choices[0].message.content, text[: text.index(stop)])

    def test_a_schema_is_kept_to(self):
        for seed in range(8):  # as with tools below
            answer = ask(max_tokens=250, seed=seed, response_format={"type": "json_schema", "json_schema": {"name": "trip", "schema": SCHEMA, "strict": True}})
            if answer.choices[0].finish_reason == "stop":
                break
        trip = json.loads(answer.choices[0].message.content)
        self.assertIn(trip["city"], ("Beijing", "Shanghai"))
        self.assertIn(trip["days"], (1, 2, 3))

    def test_tools_are_called_when_required(self):
        # A grammar leaves white space free, and random weights may not come out of it before the tokens end; they never end by themselves.
        called = []
        for seed in range(8):
            call = ask(tools=[TOOL], tool_choice="required", parallel_tool_calls=False, max_tokens=250, seed=seed).choices[0]
            self.assertIn(call.finish_reason, ("tool_calls", "length"))
            called += [(seed, call)] if call.finish_reason == "tool_calls" else []
        seed, call = called[0]
        self.assertTrue(all(len(one.message.tool_calls) == 1 for _, one in called))
        self.assertEqual(call.message.tool_calls[0].function.name, "weather")
        self.assertIn(json.loads(call.message.tool_calls[0].function.arguments)["days"], (1, 2, 3))
        named = {"type": "function", "function": {"name": "weather"}}
        pieces = list(ask(tools=[TOOL], tool_choice=named, parallel_tool_calls=False, max_tokens=250, seed=seed, stream=True))
        calls = [part for chunk in pieces for part in chunk.choices[0].delta.tool_calls or []]
        self.assertEqual(calls[0].function.name, "weather")
        self.assertIn(json.loads("".join(part.function.arguments or "" for part in calls))["city"], ("Beijing", "Shanghai"))

    def test_completions(self):
        answer = client.completions.create(model="talker", prompt=["One", "Two"], max_tokens=4, echo=True)
        self.assertEqual([choice.text[:3] for choice in answer.choices], ["One", "Two"])
        self.assertTrue("".join(chunk.choices[0].text for chunk in client.completions.create(model="talker", prompt="One", max_tokens=4, stream=True)))

    def test_what_changes_nothing_here_is_accepted_and_wrong_types_are_named(self):
        answer = ask(service_tier="flex", reasoning_effort="low", metadata={"a": "b"}, store=True, user="u", safety_identifier="s",
                     prediction={"type": "content", "content": "Hello"}, stream_options=None, extra_body={"priority": 5, "chat_template_kwargs": {"enable_thinking": False}})
        self.assertEqual(answer.service_tier, "flex")
        self.assertEqual(ask(max_completion_tokens=3, max_tokens=9).usage.completion_tokens, 3)
        chunks = list(ask(service_tier="auto", stream=True))
        self.assertEqual({chunk.service_tier for chunk in chunks}, {"default"})
        for wrong, param in ((dict(reasoning_effort="huge"), "reasoning_effort"), (dict(service_tier="gold"), "service_tier"), (dict(temperature="warm"), "temperature"),
                             (dict(metadata={"a": 1}), "metadata.a"), (dict(max_completion_tokens=0), "max_completion_tokens"), (dict(extra_body={"priority": 999}), "priority"),
                             (dict(messages=[{"role": "user"}, {"role": 5, "content": "x"}]), "messages[1].role"), (dict(prediction={"type": "content"}), "prediction.content"), (dict(prediction={"type": "text", "content": "x"}), "prediction.type"),
                             (dict(prediction={"type": "content", "content": 5}), "prediction.content"), (dict(prediction={"type": "content", "content": "x" * (1 << 20) + "x"}), "prediction.content"),
                             (dict(modalities=["audio"]), "modalities")):
            with self.assertRaises(openai.BadRequestError) as found:
                ask(**wrong)
            self.assertEqual(found.exception.param, param, found.exception)

    def test_embeddings(self):
        answer = client.embeddings.create(model="embedder", input=["cat", "a longer text about cars"])  # the SDK asks for base64
        self.assertEqual([len(one.embedding) for one in answer.data], [64, 64])
        plain = client.embeddings.create(model="embedder", input="cat", encoding_format="float").data[0].embedding
        self.assertTrue(all(abs(a - b) < 1e-5 for a, b in zip(plain, answer.data[0].embedding)))
        packed = client.embeddings.create(model="embedder", input="cat", encoding_format="base64").data[0].embedding
        self.assertAlmostEqual(struct.unpack("<f", base64.b64decode(packed)[:4])[0], plain[0], places=5)
        self.assertAlmostEqual(sum(value * value for value in plain), 1.0, places=3)

    def test_errors_are_of_the_sdk_s_own_kinds(self):
        with self.assertRaises(openai.NotFoundError):
            ask(model="nobody")
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=server.url + "/v1", api_key="sk-wrong", max_retries=0).models.list()
        with self.assertRaises(openai.BadRequestError) as found:
            ask(messages=[{"role": "user", "content": "word " * 3000}])
        self.assertEqual(found.exception.code, "context_length_exceeded")
        self.assertRegex(str(found.exception), CONTEXT + r" tokens; the request has 3\d{3} tokens")
        with self.assertRaises(openai.BadRequestError) as found:
            ask(temperature=9)
        self.assertIn("temperature", str(found.exception))

    def test_a_stream_that_is_closed_frees_its_place(self):
        # More than the model's sequences, and so long that left alone they would go on for minutes.
        for _ in range(40):
            stream = ask(stream=True, max_tokens=1900)
            next(iter(stream))
            stream.close()
        running = lambda: {model["name"]: model for model in server.cli_json("model", "list")["models"]}["talker"]["worker"]["requests_running"]
        deadline = time.monotonic() + 20
        while running() > 0:
            self.assertLess(time.monotonic(), deadline, "closed streams go on")
            time.sleep(0.05)

    def test_answers_from_knowledge_carry_annotations(self):
        extra = {"knowledge": ["handbook"]}
        answer = ask(model="siyu-extractive", messages=[{"role": "user", "content": "每年有几天带薪年假？"}], extra_body=extra)
        note = answer.choices[0].message.annotations[0]
        self.assertEqual((note.type, note.file_citation["filename"]), ("file_citation", "leave.md"))
        chunks = list(ask(model="siyu-extractive", messages=[{"role": "user", "content": "每年有几天带薪年假？"}], extra_body=extra, stream=True))
        self.assertEqual(chunks[-1].choices[0].delta.annotations[0]["file_citation"]["filename"], "leave.md")


class MoreModelsTest(unittest.TestCase):
    """Of models that only these tests need."""

    @classmethod
    def setUpClass(cls):
        root = pathlib.Path(folder.name)
        for name, more in (("thinker", ("--thinking",)), ("adaptable", ("--seed", "3")), ("poet", ("--lora", "4", "--seed", "11")), ("sage", ("--lora", "4", "--seed", "12"))):
            subprocess.run([WRITER, "--arch", "qwen2", *more, "-o", root / f"{name}.gguf", "--context", CONTEXT], check=True)
            server.cli("model", "import", root / f"{name}.gguf", "--name", name)
        server.cli("model", "load", "thinker")
        server.cli("model", "load", "adaptable", "--adapter", "poet", "--adapter", "sage")

    @classmethod
    def tearDownClass(cls):
        for name in ("thinker", "adaptable"):
            server.cli("model", "unload", name)

    def test_adapters_answer_under_names_of_their_own(self):
        names = ("adaptable", "adaptable:poet", "adaptable:sage")
        self.assertLessEqual(set(names), {model.id for model in client.models.list()})
        self.assertEqual(client.models.retrieve("adaptable:poet").parent, "adaptable")
        answers = {name: ask(model=name, temperature=0) for name in names}
        self.assertEqual([answer.model for answer in answers.values()], list(names))
        texts = {name: answer.choices[0].message.content for name, answer in answers.items()}
        self.assertEqual(len(set(texts.values())), 3)
        streamed = lambda name: "".join(chunk.choices[0].delta.content or "" for chunk in ask(model=name, temperature=0, stream=True))
        self.assertEqual({name: streamed(name) for name in names}, texts)
        self.assertEqual(client.responses.create(model="adaptable:sage", input="Hello", temperature=0, max_output_tokens=16).output_text, texts["adaptable:sage"])
        with self.assertRaises(openai.NotFoundError) as found:
            ask(model="adaptable:nobody")
        self.assertEqual(found.exception.code, "model_not_found")
        self.assertIn("adaptable:poet, adaptable:sage", str(found.exception))

    def test_tokens_of_reasoning_are_counted(self):
        every = ask(model="thinker", max_tokens=40)
        self.assertTrue(every.choices[0].message.reasoning_content)
        self.assertEqual(every.usage.completion_tokens_details.reasoning_tokens, 40)  # it never came to an answer
        none = ask(model="thinker", max_tokens=40, reasoning_effort="none")
        self.assertEqual(none.usage.completion_tokens_details.reasoning_tokens, 0)
        self.assertTrue(none.choices[0].message.content)
        # 256 tokens of reasoning at most, then the mark that ends it, then the answer.
        some = ask(model="thinker", max_tokens=300, reasoning_effort="minimal", logprobs=True)
        pieces = [bytes(token.bytes) for token in some.choices[0].logprobs.content]
        ends = next(i for i in range(len(pieces)) if b"</think>" in b"".join(pieces[: i + 1]))
        counted = some.usage.completion_tokens_details.reasoning_tokens
        self.assertEqual(counted, ends + 1)
        self.assertEqual(some.usage.completion_tokens, 300)
        chunks = list(ask(model="thinker", max_tokens=300, reasoning_effort="minimal", stream=True, stream_options={"include_usage": True}))
        self.assertEqual(chunks[-1].usage.completion_tokens_details.reasoning_tokens, counted)
        response = client.responses.create(model="thinker", input="Hello", max_output_tokens=300, reasoning={"effort": "minimal"}, extra_body={"seed": 7})
        self.assertEqual(response.usage.output_tokens_details.reasoning_tokens, counted)


if __name__ == "__main__":
    unittest.main()
