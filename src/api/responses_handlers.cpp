// OpenAI's Responses API: answers that may be kept, continued, made in the background, and read again where a stream broke.
#include <algorithm>
#include <charconv>

#include "api/generation_call.h"
#include "api/interrupted_responses.h"
#include "api/query.h"
#include "api/responses_convert.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

using responses::CreateRequest;

constexpr std::size_t kMaxItemsPerPage = 100;
constexpr std::size_t kMaxKept = 8UL << 20;  // of a response that is kept, as of any body without pictures

Result<json::array> items_of(const std::string& text) {
  ASSIGN_OR_RETURN(auto value, parse_json(text));
  return value.is_array() ? std::move(value.get_array()) : json::array();
}

/// The turns before this one, as items: what went in and what came out.
Result<json::array> earlier_items(const Call& call, const std::string& previous) {
  json::array items;
  ASSIGN_OR_RETURN(const auto turns, call.services.response_store.conversation(*call.pass, previous));
  for (const auto& turn : turns) {
    if (!turn.ended) return fail(ErrorCode::kConflict, "The response " + turn.id + " is not finished yet; wait for it, then go on from it");
    ASSIGN_OR_RETURN(auto input, items_of(turn.input));
    ASSIGN_OR_RETURN(auto body, parse_json(turn.body));
    for (auto& item : input) items.push_back(std::move(item));
    for (auto& item : body.at("output").as_array()) items.push_back(std::move(item));
  }
  return items;
}

Result<std::optional<std::size_t>> starting_after(const Call& call) {
  const auto text = call.request.query_param("starting_after");
  if (!text) return std::optional<std::size_t>();
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return invalid_field("starting_after", "must be the sequence number of an event");
  return std::optional(value);
}

std::string failed_body(const chat::StoredResponse& stored, std::string_view message) {
  auto body = parse_json(stored.body).value_or(json::object());
  auto& object = body.as_object();
  object["status"] = "failed";
  object["error"] = json::object{{"code", "server_error"}, {"message", message}};
  return json::serialize(body);
}

/// A stream that a restart of the server interrupted never ends by itself; what is not streamed is begun anew.
std::string shown_body(const chat::StoredResponse& stored) {
  if (stored.ended || !stored.request.empty()) return stored.body;
  return failed_body(stored, "The server was restarted while this response was made; send it again");
}

net::Response stream_reply(std::unique_ptr<net::BodyStream> stream) {
  net::Response response{.status = 200, .headers = {}, .body = std::move(stream)};
  response.headers.add("Content-Type", "text/event-stream; charset=utf-8");
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("X-Accel-Buffering", "no");
  return response;
}

/// The request and the items that are new in it.
struct Prepared {
  std::string id;
  json::array input;
  chat::Request request;
};

Result<Prepared> prepare(const Call& call, const CreateRequest& body, std::string id) {
  Prepared out{.id = std::move(id)};
  ASSIGN_OR_RETURN(out.input, responses::input_items(body, out.id));
  json::array items;
  if (body.previous_response_id) {
    ASSIGN_OR_RETURN(items, earlier_items(call, *body.previous_response_id));
  }
  for (const auto& item : out.input) items.push_back(item);
  ASSIGN_OR_RETURN(out.request, responses::to_request(body, items));
  return out;
}

std::string new_response_id(const Call& call) {
  OsRandom random;
  return new_id_text("resp", call.services.clock, random);
}

/// The request may be one that was interrupted before.
Result<std::shared_ptr<responses::Run>> begin(Call& call, std::string id, std::int64_t created) {
  ASSIGN_OR_RETURN(auto body, from_json_text<CreateRequest>(call.request.body));
  ASSIGN_OR_RETURN(auto prepared, prepare(call, body, std::move(id)));
  responses::RunOptions options{.pass = *call.pass, .request_id = call.request.id, .previous = body.previous_response_id.value_or(""),
                                .input = json::serialize(prepared.input), .request = call.request.body, .created = created,
                                .store = body.store.value_or(true), .background = body.background.value_or(false), .stream = body.stream.value_or(false)};
  if (options.store && options.input.size() > kMaxKept) return invalid_field("store", "must be false for an input of more than 8 MiB: one with so many pictures is not kept");
  if (options.background && !options.store) return invalid_field("background", "needs `store` to be true");
  if (options.background) RETURN_IF_ERROR(call.services.response_runs.check_background(*call.pass));
  const bool logprobs = prepared.request.generate.logprobs;
  ASSIGN_OR_RETURN(auto answer, call.services.chat.answer(*call.pass, std::move(prepared.request)));
  options.model = answer.model;
  auto frame = responses::frame_of(body, prepared.id, options.created);
  frame["model"] = answer.model;
  responses::ResponseWriter writer(std::move(frame), options.stream, logprobs);
  return call.services.response_runs.start(std::move(options), std::move(answer.stream), std::move(writer));
}

Status begin_again(Services& services, const chat::InterruptedResponse& one) {
  if (one.given_up) return fail(ErrorCode::kUnavailable, "The server was restarted while this response was made; send it again");
  const auto& stored = one.response;
  ASSIGN_OR_RETURN(const auto owner, services.identity.principal_of(one.owner, stored.key.empty() ? std::nullopt : std::optional(stored.key)));
  OsRandom random;
  net::Request request;
  request.method = "POST";
  request.path = "/v1/responses";
  request.body = stored.request;
  request.id = new_id_text("req", services.clock, random);
  ASSIGN_OR_RETURN(auto pass, services.policy.obtain(owner, Permission::kInfer, {.action = "response.begin_again", .resource = "responses/" + stored.id, .request = request.id}));
  if (!services.response_store.get(pass, stored.id)) return {};  // deleted meanwhile
  const PathParams none;
  Call call{.request = request, .params = none, .services = services, .principal = owner, .pass = std::move(pass), .begun = services.clock.steady_now()};
  RETURN_IF_ERROR(begin(call, stored.id, to_unix_millis(stored.created_at) / 1000));
  return {};
}

/// One that cannot begin again has failed, and its owner reads why.
void give_up(Services& services, const chat::InterruptedResponse& one, const Error& why) {
  auto stored = one.response;
  stored.ended = true;
  stored.body = failed_body(stored, why.message);
  stored.request.clear();
  auto saved = services.response_store.save_for(one.owner, stored);
  services.log.warn("response_not_begun_again", {{"response", stored.id}, {"code", to_string(why.code)}, {"recorded", saved.has_value()}});
}

}  // namespace

void begin_again(Services& services, const std::vector<chat::InterruptedResponse>& interrupted, const std::stop_token& stop) {
  for (const auto& one : interrupted) {
    if (stop.stop_requested()) return;
    const auto begun = begin_again(services, one);
    if (begun) services.log.info("response_begun_again", {{"response", one.response.id}});
    else give_up(services, one, begun.error());
  }
}

namespace handlers {

Reply create_response(Call& call) {
  ASSIGN_OR_RETURN(const auto run, begin(call, new_response_id(call), to_unix_millis(call.services.clock.now()) / 1000));
  return run->reply();
}

Reply get_response(Call& call) {
  const auto& id = call.param("response");
  const auto run = call.services.response_runs.find(*call.pass, id);
  if (call.request.query_param("stream") != "true") {
    if (run) return net::json_response(200, json::serialize(run->body()));
    ASSIGN_OR_RETURN(const auto stored, call.services.response_store.get(*call.pass, id));
    return net::json_response(200, shown_body(stored));
  }
  ASSIGN_OR_RETURN(const auto after, starting_after(call));
  if (run && run->options().stream) return stream_reply(run->log().read_from(after ? *after + 1 : 0));
  RETURN_IF_ERROR(call.services.response_store.get(*call.pass, id));
  return fail(ErrorCode::kConflict, run ? "This response was not made with `stream`; fetch it without" :
                                          "The events of this response are not kept any more (10 minutes after its end); fetch it without `stream`");
}

Reply delete_response(Call& call) {
  const auto& id = call.param("response");
  const bool running = call.services.response_runs.find(*call.pass, id) != nullptr;
  call.services.response_runs.drop(*call.pass, id);
  const auto removed = call.services.response_store.remove(*call.pass, id);
  if (!removed && !running) return std::unexpected(removed.error());
  return net::json_response(200, json::serialize(json::object{{"id", id}, {"object", "response"}, {"deleted", true}}));
}

Reply cancel_response(Call& call) {
  const auto& id = call.param("response");
  const auto run = call.services.response_runs.find(*call.pass, id);
  if (run && !run->options().background) return fail(ErrorCode::kInvalidArgument, "Only a background response can be cancelled; close the connection of this one");
  if (run) {
    run->cancel();
    auto body = run->body();
    if (!run->ended()) body["status"] = "cancelled";  // it is under way to it
    return net::json_response(200, json::serialize(body));
  }
  ASSIGN_OR_RETURN(const auto stored, call.services.response_store.get(*call.pass, id));
  return net::json_response(200, shown_body(stored));
}

Reply list_response_input_items(Call& call) {
  const auto& id = call.param("response");
  ASSIGN_OR_RETURN(const auto limit, count_param(call.request, "limit", 20, kMaxItemsPerPage));
  std::string text;
  if (const auto run = call.services.response_runs.find(*call.pass, id)) {
    text = run->options().input;
  } else {
    ASSIGN_OR_RETURN(auto stored, call.services.response_store.get(*call.pass, id));
    text = std::move(stored.input);
  }
  ASSIGN_OR_RETURN(auto items, items_of(text));
  if (call.request.query_param("order").value_or("desc") != "asc") std::ranges::reverse(items);
  const auto id_of = [](const json::value& item) { return std::string(item.at("id").as_string()); };
  auto begin = items.begin();
  if (const auto after = call.request.query_param("after")) {
    begin = std::ranges::find_if(items, [&](const json::value& item) { return id_of(item) == *after; });
    if (begin == items.end()) return invalid_field("after", "names no item of this response");
    ++begin;
  }
  const auto left = static_cast<std::size_t>(items.end() - begin);
  json::array page(begin, begin + static_cast<std::ptrdiff_t>(std::min(limit, left)));
  json::object body{{"object", "list"}, {"first_id", nullptr}, {"last_id", nullptr}, {"has_more", left > limit}};
  if (!page.empty()) body["first_id"] = page.front().at("id");
  if (!page.empty()) body["last_id"] = page.back().at("id");
  body["data"] = std::move(page);
  return net::json_response(200, json::serialize(body));
}

Reply count_response_tokens(Call& call) {
  ASSIGN_OR_RETURN(const auto body, from_json_text<CreateRequest>(call.request.body));
  ASSIGN_OR_RETURN(const auto prepared, prepare(call, body, new_response_id(call)));
  ASSIGN_OR_RETURN(const auto served, call.services.gateway.route(*call.pass, prepared.request.model, serving::Kind::kChat));
  ASSIGN_OR_RETURN(const auto tokens, served.engine->count_prompt_tokens(prepared.request.generate));
  return net::json_response(200, json::serialize(json::object{{"object", "response.input_tokens"}, {"input_tokens", tokens}}));
}

}  // namespace handlers
}  // namespace siyu::api
