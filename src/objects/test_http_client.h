// An HttpClient in memory: answers from a script, and what was asked.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "net/http.h"
#include "runtime/file.h"

namespace stoker::objects::testing {

class ScriptedHttp final : public net::HttpClient {
 public:
  using net::HttpClient::send;
  using Answer = std::function<Result<net::Response>(const net::Request&)>;

  // The next answer; after the last one every request gets `otherwise`.
  ScriptedHttp& then(int status, const std::string& body = "", const net::Headers& headers = {}) {
    return then([=](const net::Request&) { return net::Response{status, headers, body}; });
  }
  ScriptedHttp& then(Answer answer) {
    answers_.push_back(std::move(answer));
    return *this;
  }
  Answer otherwise = [](const net::Request&) { return net::Response{200, {}, ""}; };

  Result<net::Response> send(const runtime::Context& /*context*/, const net::Request& request,
                             const net::BodySink& /*sink*/) override {
    std::scoped_lock lock(mutex_);
    requests.push_back(request);
    if (request.body_file) requests.back().body = runtime::read_file(*request.body_file, 64 << 20).value();
    if (answers_.empty()) return otherwise(request);
    const Answer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer(request);
  }

  // "PUT https://host/path" of each, in order.
  std::vector<std::string> asked() const {
    std::vector<std::string> lines;
    for (const net::Request& request : requests)
      lines.push_back(request.method + " " + request.url);
    return lines;
  }

  std::vector<net::Request> requests;

 private:
  std::mutex mutex_;
  std::deque<Answer> answers_;
};

inline std::string s3_xml(const std::string& code, const std::string& more = "") {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
         "</Code><Message>In its words.</Message>" + more + "</Error>";
}

}  // namespace stoker::objects::testing
