// Between the messages of siyu.proto and what the services understand. Errors name the field.
#pragma once

#include "chat/chat.h"

namespace siyu::v1 {
class ChatEvent;
class ChatRequest;
class CompleteRequest;
class EmbedRequest;
class RerankRequest;
class Passage;
}  // namespace siyu::v1

namespace siyu::rpc {

Result<chat::Request> to_chat(const v1::ChatRequest& request);
Result<engine::GenerateRequest> to_generate(const v1::CompleteRequest& request);
Result<engine::EmbedRequest> to_embed(const v1::EmbedRequest& request);
Result<engine::RerankRequest> to_rerank(const v1::RerankRequest& request);
void write(const chat::Event& event, v1::ChatEvent& out);
void write(const knowledge::Passage& passage, v1::Passage& out);

}  // namespace siyu::rpc
