// A response of OpenAI's Responses API as it grows: its object at any moment, and the events that tell of it.
#pragma once

#include <string>
#include <vector>

#include "api/reply_writer.h"
#include "base/json.h"

namespace siyu::api::responses {

/// Not thread-safe.
class ResponseWriter {
 public:
  /// `frame` is what the response object begins as (responses_convert.h). Without `events` only the object is kept.
  ResponseWriter(json::object frame, bool events, bool logprobs);

  /// response.created and response.in_progress; `queued` says that it waits in the background first.
  void begin(bool queued);
  void event(chat::Event event);
  /// The last event: response.completed or response.incomplete.
  void finish(std::int64_t now);
  /// The last event of one that failed or was cancelled: response.failed.
  void fail(const Error& error, bool cancelled);

  /// The server-sent events since the last call.
  std::vector<std::string> take_events() { return std::exchange(events_, {}); }
  /// The response object as it stands.
  json::object body() const;
  const std::string& id() const { return id_; }
  const engine::Usage& usage() const { return finish_.usage; }

 private:
  struct Item {
    enum class Kind { kReasoning, kMessage, kCall } kind = Kind::kMessage;
    std::string id;
    std::string text = {};  ///< reasoning, text, or a call's arguments
    std::string call_id = {}, name = {};
    std::int32_t call = -1;
    json::array annotations = {}, logprobs = {};
    std::string_view status = "in_progress";
  };

  void emit(std::string_view type, json::object fields);
  void emit_response(std::string_view type);
  void open(Item::Kind kind, const engine::ToolCallDelta& call);
  void close(std::string_view status);
  void append(Item::Kind kind, const std::string& piece, json::array logprobs = {});
  void add_call_piece(const engine::ToolCallDelta& call);
  void cite(const chat::Cited& cited);
  json::object place() const;
  bool writing(Item::Kind kind) const { return !items_.empty() && items_.back().kind == kind && items_.back().status == "in_progress"; }
  static json::object part_of(const Item& item);
  static json::object item_object(const Item& item);

  json::object frame_;
  const std::string id_;
  const bool events_wanted_, logprobs_;
  std::vector<Item> items_;
  std::vector<std::string> events_;
  std::int64_t sequence_ = 0;
  engine::Finish finish_;
  bool finished_ = false;
};

}  // namespace siyu::api::responses
