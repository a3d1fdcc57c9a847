// A transport whose answers are said beforehand, for tests of what the client makes of them.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "kube/transport.h"

namespace stoker::kube {

class ScriptedTransport final : public Transport {
 public:
  Result<net::Response> send(const runtime::Context& context, const Call& call, const net::BodySink& sink) override {
    static_cast<void>(context);
    calls.push_back(call);
    if (answers.empty()) return Error{.code = ErrorCode::internal, .message = "no answer is left"};
    Result<net::Response> answer = std::move(answers.front());
    answers.pop_front();
    if (answer && answer.value().ok() && sink) {
      TRY(sink(answer.value().body));
      answer.value().body.clear();
    }
    return answer;
  }

  void answer(int status, std::string body, net::Headers headers = {}) {
    answers.emplace_back(net::Response{.status = status, .headers = std::move(headers), .body = std::move(body)});
  }
  void fail(bool nothing_was_sent) {
    answers.emplace_back(
        Error{.code = ErrorCode::unavailable, .message = "no connection", .retryable = nothing_was_sent});
  }

  std::deque<Result<net::Response>> answers;
  std::vector<Call> calls;
};

}  // namespace stoker::kube
