#include "fakes/api/faults.h"

#include <fmt/format.h>

#include "fakes/api/answer.h"

namespace stoker::fakes {

Matcher any_call() {
  return [](const CallRecord&) { return true; };
}

Matcher any_write() {
  return [](const CallRecord& call) { return call.write > 0; };
}

Matcher on(std::string verb, std::string resource, std::string name) {
  return [=](const CallRecord& call) {
    return (verb == "*" || call.verb == verb) && (resource == "*" || call.resource == resource) &&
           (name == "*" || call.name == name);
  };
}

Fault Fault::status(int code, std::string_view reason, std::string_view message) {
  return {.kind = Kind::answer, .response = refusal(code, reason, message).response};
}

Fault Fault::too_many_requests(int retry_after_seconds) {
  Fault fault = status(429, "TooManyRequests", "Too many requests, please try again later.");
  fault.response.headers.push_back({"Retry-After", std::to_string(retry_after_seconds)});
  return fault;
}

Fault Fault::html(int code) {
  return {.kind = Kind::answer,
          .response = {.status = code,
                       .headers = {{"Content-Type", "text/html"}},
                       .body = fmt::format("<html>\r\n<head><title>{0} Bad Gateway</title></head>\r\n<body>\r\n"
                                           "<center><h1>{0} Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
                                           code)}};
}

}  // namespace stoker::fakes
