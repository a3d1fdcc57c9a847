// Client: typed calls on an API server, whatever the transport. Thread-safe.
//
// Each call ends by its context, and at the latest after Limits::call_timeout unless it follows (watch, logs). Retried:
// what the server did not act on (429 and 503 with Retry-After, no connection), and what can be repeated without harm
// (reads, removals that say what they expect, patches that say what shall be) after a broken connection or a 5xx. A
// creation or replacement is not: who creates knows how to recognise his own. He must all the same: libcurl sends a
// request again, whatever it is, when a kept connection turns out to be closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"
#include "kube/resource_type.h"
#include "kube/transport.h"
#include "runtime/context.h"
#include "runtime/wait.h"

namespace stoker::kube {

struct Limits {
  std::chrono::milliseconds call_timeout{60'000};
  // The server ends a watch after so long, and we do a little later: one whose connection lives and brings nothing any
  // more looks like one without news.
  std::chrono::seconds watch_time{290};
  int maximum_tries = 5;
  // Before the second try, then twice as long each time, with a random part; Retry-After counts when it is longer.
  std::chrono::milliseconds first_delay{200};
  std::chrono::milliseconds longest_delay{10'000};
  std::int64_t page_objects = 500;
  std::size_t maximum_objects = 100'000;
  std::size_t maximum_event_bytes = 8 << 20;
};

struct Selection {
  std::string labels;  // "spark-role=driver,app in (a,b)"; "" is all
  std::string fields;  // "metadata.name=pi-driver"
};

struct ObjectList {
  std::vector<json::object> objects;  // with their apiVersion and kind
  std::string resource_version;
};

struct WatchEvent {
  enum class Kind { added, modified, removed, bookmark };
  Kind kind;
  json::object object;
};

struct Preconditions {
  std::string uid;
  std::string resource_version;
};

struct LogOptions {
  std::string container;
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<std::int64_t> tail_lines;
  std::string since_time;  // RFC 3339; "" is from the beginning
};

enum class PatchKind { json_patch, merge_patch, strategic_merge_patch, server_side_apply };

class Client {
 public:
  // All outlive the client.
  Client(Transport& transport, const Clock& clock, runtime::Waiting waiting, Limits limits = {});

  // What the server says of itself: gitVersion, major, minor. Errors: unavailable when it is no API server.
  Result<json::object> version(const runtime::Context& context) const;
  Result<json::object> get(const runtime::Context& context, const ObjectPath& path) const;
  // Page by page. Errors: limit_exceeded past Limits::maximum_objects.
  Result<ObjectList> list(const runtime::Context& context, const ObjectPath& path,
                          const Selection& selection = {}) const;
  // Events after `resource_version` until the server or the context ends it, or `on_event` returns an error, which is
  // then the error of the call. A server that ends it is no error. Errors: expired when the version is too old.
  Result<void> watch(const runtime::Context& context, const ObjectPath& path, const Selection& selection,
                     const std::string& resource_version,
                     const std::function<Result<void>(WatchEvent)>& on_event) const;
  // The object as the server has it now.
  Result<json::object> create(const runtime::Context& context, const json::object& object,
                              const std::string& namespace_name, bool dry_run = false) const;
  Result<json::object> replace(const runtime::Context& context, const ObjectPath& path,
                               const json::object& object) const;
  Result<json::object> patch(const runtime::Context& context, const ObjectPath& path, PatchKind kind,
                             const json::value& patch) const;
  // What is not there is an error (not_found).
  Result<void> remove(const runtime::Context& context, const ObjectPath& path, const Preconditions& preconditions = {},
                      std::optional<std::int64_t> grace_seconds = std::nullopt) const;
  // Bytes of the log as they come, until it ends.
  Result<void> logs(const runtime::Context& context, const std::string& namespace_name, const std::string& pod,
                    const LogOptions& options, const net::BodySink& sink) const;

  // Called with each warning that the server sends, once each call.
  void on_warning(std::function<void(std::string_view)> callback) { on_warning_ = std::move(callback); }
  const Clock& clock() const { return clock_; }

 private:
  Result<net::Response> call(const runtime::Context& context, const Call& call, std::string_view verb,
                             const std::string& object, bool repeatable) const;

  Transport& transport_;
  const Clock& clock_;
  runtime::Waiting waiting_;
  Limits limits_;
  std::function<void(std::string_view)> on_warning_;
};

}  // namespace stoker::kube
