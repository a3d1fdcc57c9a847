// What can go wrong with a call, and which call it is.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace stoker::fakes {

struct CallRecord {
  int number = 0;    // from 1, in the order of arrival
  int write = 0;     // the number among writes, 0 for what changes nothing (reads, dry runs, reviews)
  std::string verb;  // "create", "watch"; "" for what is no resource
  std::string method;
  std::string path;
  std::string user;
  std::string resource;  // "pods", "pods/log"
  std::string namespace_name;
  std::string name;
  bool dry_run = false;
  std::string body;
  int status = 0;  // of the answer as it left the server; 0 while there is none, and when a fault kept it back
};

using Matcher = std::function<bool(const CallRecord&)>;
Matcher any_call();
Matcher any_write();
// "*" is any.
Matcher on(std::string verb, std::string resource, std::string name = "*");

struct Fault {
  enum class Kind {
    answer,         // this answer, and the call is not acted on
    refused,        // no connection: retryable, not acted on
    broken_before,  // the connection breaks, and nothing was acted on; the caller cannot know that
    broken_after,   // acted on, and the answer is lost
    cut_body,       // acted on, and the connection breaks in the middle of the body
    slow,           // no answer before the context ends; not acted on
    slow_after,     // acted on, and no answer before the context ends
    drop_watch,     // a watch ends well after `events` events
    break_watch,    // its connection breaks after them
    repeat_event,   // the event of that number comes twice
    go_back,        // after them all come once more, older versions again
  };
  Kind kind = Kind::answer;
  net::Response response;
  int events = 0;

  // A Status with this code, reason and message.
  static Fault status(int code, std::string_view reason, std::string_view message);
  static Fault too_many_requests(int retry_after_seconds);
  // A page of a proxy.
  static Fault html(int code = 502);
  static Fault of(Kind kind, int events = 0) { return {.kind = kind, .response = {}, .events = events}; }
};

}  // namespace stoker::fakes
