#include "rpc/answer_call.h"

#include "base/json.h"
#include "rpc/convert.h"

namespace siyu::rpc {
namespace {

constexpr auto kToReadTheRest = std::chrono::seconds(30);  // after the model's time is over; as long as HTTP clients get
const Error kGone{ErrorCode::kCancelled, "The call was cancelled"};

}  // namespace

AnswerCall::AnswerCall(Host& host, grpc::CallbackServerContext& context, std::string_view method, Prepare prepare)
    : context_(context), host_(host), call_(host, context, method), prepare_(std::move(prepare)) {}

void AnswerCall::begin() {
  BoundedPool::Task task = [this] { this->prepare(); };
  if (const auto submitted = submit(host_, task); !submitted) end(submitted);
}

void AnswerCall::prepare() {
  auto answer = [this]() -> Result<chat::Answer> {
    try {
      return prepare_(call_);
    } catch (const std::exception& error) {
      return internal("The server failed on this call", error.what());
    }
  }();
  if (!answer) return end(std::unexpected(std::move(answer).error()));
  model_ = answer->model;
  {
    const std::lock_guard lock(mu_);
    pump_ = std::make_shared<chat::Pump>(std::move(answer->stream));
    if (cancelled_) pump_->cancel();
  }
  watch_the_clock();
  auto& begun = *event_.mutable_begun();
  begun.set_id(new_id_text("chat", host_.parts.clock, host_.parts.random));
  begun.set_model(model_);
  if (answer->grounding) begun.set_mode(enum_spelling(boost::describe::enum_to_string(*answer->grounding, "")));
  StartWrite(&event_);
}

void AnswerCall::OnWriteDone(bool ok) {
  if (ok) return go_on();
  pump_->cancel();
  end(std::unexpected(kGone));
}

void AnswerCall::go_on() {
  pump_->each([this](Result<std::optional<chat::Event>> event) { return take(std::move(event)); });
}

/// False: written or ended, so whoever takes it from here may be on another thread already.
bool AnswerCall::take(Result<std::optional<chat::Event>> event) {
  if (!event) {
    end(std::unexpected(std::move(event).error()));
    return false;
  }
  if (!*event) {
    end({});
    return false;
  }
  if (const auto* finish = std::get_if<engine::Finish>(&**event)) usage_ = finish->usage;
  write(**event, event_);
  StartWrite(&event_);
  return false;
}

void AnswerCall::end(const Status& outcome) {
  if (!model_.empty() && host_.parts.generated) host_.parts.generated(model_, usage_, !outcome.has_value());
  Finish(call_.settle(outcome));
}

void AnswerCall::watch_the_clock() {
  ++holders_;
  const auto latest = std::chrono::system_clock::now() + host_.parts.answer_limit + kToReadTheRest;
  alarm_.Set(latest, [this](bool struck) {
    if (struck) {
      const std::lock_guard lock(mu_);
      if (!done_) context_.TryCancel();
    }
    let_go();
  });
}

void AnswerCall::OnCancel() {
  const std::lock_guard lock(mu_);
  cancelled_ = true;
  if (pump_) pump_->cancel();
}

void AnswerCall::OnDone() {
  {
    const std::lock_guard lock(mu_);
    done_ = true;
  }
  alarm_.Cancel();
  let_go();
}

void AnswerCall::let_go() {
  if (--holders_ == 0) delete this;
}

}  // namespace siyu::rpc
