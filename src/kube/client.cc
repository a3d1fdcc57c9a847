#include "kube/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "kube/api_error.h"
#include "kube/watch_decoder.h"
#include "resources/object.h"

namespace stoker::kube {

namespace {

constexpr std::chrono::seconds kWatchGrace{15};
constexpr std::string_view kJson = "application/json";

Result<json::object> object_of(const net::Response& response, std::string_view verb, const std::string& object) {
  auto parsed = codec::parse_json(response.body);
  if (parsed && parsed.value().is_object()) return std::move(parsed).value().get_object();
  Error error = error_of(status_of(response), verb, object);
  error.code = ErrorCode::unavailable;
  error.hint = "what answers there is no API server; is the address right, and no proxy in between?";
  error.retryable = false;
  return error;
}

net::Query query_of(const Selection& selection) {
  net::Query query;
  if (!selection.labels.empty()) query.emplace_back("labelSelector", selection.labels);
  if (!selection.fields.empty()) query.emplace_back("fieldSelector", selection.fields);
  return query;
}

std::string_view content_type_of(PatchKind kind) {
  switch (kind) {
    case PatchKind::json_patch: return "application/json-patch+json";
    case PatchKind::merge_patch: return "application/merge-patch+json";
    case PatchKind::strategic_merge_patch: return "application/strategic-merge-patch+json";
    case PatchKind::server_side_apply: return "application/apply-patch+yaml";
  }
  return kJson;
}

// `299 - "text"` of RFC 9110, where a backslash says that the next sign is one of the text.
std::string warning_text(std::string_view header) {
  const std::size_t first = header.find('"');
  const std::size_t last = header.rfind('"');
  if (first == std::string_view::npos || last == first) return std::string(header);
  std::string text;
  for (std::size_t i = first + 1; i < last; ++i) {
    if (header[i] == '\\' && i + 1 < last) ++i;
    text += header[i];
  }
  return text;
}

// Adds a page to `list` and returns the token of the next one, "" when it was the last.
Result<std::string> take_page(ObjectList& list, json::object page, const ResourceType& type, std::size_t maximum) {
  list.resource_version = resources::metadata_text(page, "resourceVersion");
  const std::string next = resources::metadata_text(page, "continue");
  json::value* items = page.if_contains("items");
  if (items == nullptr || !items->is_array()) return next;
  for (json::value& item : items->get_array()) {
    if (!item.is_object()) continue;
    if (list.objects.size() == maximum)
      return Error{.code = ErrorCode::limit_exceeded,
                   .message = fmt::format("there are more than {} {}", maximum, type.plural)};
    json::object& object = item.get_object();
    object["apiVersion"] = type.api_version;  // items of a list are without both
    object["kind"] = type.kind;
    list.objects.push_back(std::move(object));
  }
  return next;
}

}  // namespace

Client::Client(Transport& transport, const Clock& clock, runtime::Waiting waiting, Limits limits)
    : transport_(transport), clock_(clock), waiting_(std::move(waiting)), limits_(limits) {}

Result<net::Response> Client::call(const runtime::Context& context, const Call& call, std::string_view verb,
                                   const std::string& object, bool repeatable) const {
  const runtime::Context bounded = context.with_timeout(clock_, limits_.call_timeout);
  for (int tries = 1;; ++tries) {
    auto answer = transport_.send(bounded, call, {});
    if (answer && answer.value().ok()) {
      if (on_warning_)
        for (const net::Header& header : answer.value().headers)
          if (lower_case(header.name) == "warning") on_warning_(warning_text(header.value));
      return answer;
    }
    Status status;
    if (answer) status = status_of(answer.value());
    Error error = answer ? error_of(status, verb, object)
                         : std::move(answer).error().with_context(fmt::format("{} {}", verb, object));
    const bool untouched = status.code == 429 || (status.code == 503 && status.retry_after_seconds > 0) ||
                           (status.code == 0 && error.retryable);
    const bool again = untouched || (repeatable && error.code == ErrorCode::unavailable);
    if (!again || tries == limits_.maximum_tries) return error;
    const auto pause = std::max<std::chrono::milliseconds>(
        runtime::backoff(tries + 1, limits_.first_delay, limits_.longest_delay, waiting_.random_bits()),
        std::chrono::seconds(status.retry_after_seconds));
    if (!waiting_.wait(bounded, pause)) return error;
  }
}

Result<json::object> Client::version(const runtime::Context& context) const {
  const std::string object = "the API server's version";
  TRY_ASSIGN(const net::Response response, call(context, {.path = "/version"}, "get", object, true));
  return object_of(response, "get", object);
}

Result<json::object> Client::get(const runtime::Context& context, const ObjectPath& path) const {
  const std::string object = path.describe();
  TRY_ASSIGN(const net::Response response, call(context, {.path = path.url_path()}, "get", object, true));
  return object_of(response, "get", object);
}

Result<ObjectList> Client::list(const runtime::Context& context, const ObjectPath& path,
                                const Selection& selection) const {
  const std::string object = path.describe();
  ObjectList list;
  std::string next;
  do {
    Call page{.path = path.url_path(), .query = query_of(selection)};
    page.query.emplace_back("limit", std::to_string(limits_.page_objects));
    if (!next.empty()) page.query.emplace_back("continue", next);
    TRY_ASSIGN(const net::Response response, call(context, page, "list", object, true));
    TRY_ASSIGN(json::object document, object_of(response, "list", object));
    TRY_ASSIGN(next, take_page(list, std::move(document), path.type, limits_.maximum_objects));
  } while (!next.empty());
  return list;
}

Result<void> Client::watch(const runtime::Context& context, const ObjectPath& path, const Selection& selection,
                           const std::string& resource_version,
                           const std::function<Result<void>(WatchEvent)>& on_event) const {
  const std::string object = path.describe();
  Call watch{.path = path.url_path(), .query = query_of(selection)};
  watch.query.emplace_back("watch", "true");
  watch.query.emplace_back("allowWatchBookmarks", "true");
  watch.query.emplace_back("resourceVersion", resource_version);
  watch.query.emplace_back("timeoutSeconds", std::to_string(limits_.watch_time.count()));
  const runtime::Context bounded = context.with_timeout(clock(), limits_.watch_time + kWatchGrace);
  WatchDecoder decoder(limits_.maximum_event_bytes);
  auto answer = transport_.send(bounded, watch, [&](std::string_view piece) -> Result<void> {
    return decoder.feed(piece, [&](WatchEvent event) { return on_event(std::move(event)); });
  });
  if (!answer && answer.error().code == ErrorCode::timed_out && context.check(clock())) return {};
  if (!answer) return std::move(answer).error().with_context("watch " + object);
  if (!answer.value().ok()) return error_of(status_of(answer.value()), "watch", object);
  return {};
}

Result<json::object> Client::create(const runtime::Context& context, const json::object& object,
                                    const std::string& namespace_name, bool dry_run) const {
  TRY_ASSIGN(const ResourceType type, resource_type_of(object));
  const ObjectPath collection{.type = type, .namespace_name = type.namespaced ? namespace_name : ""};
  ObjectPath described = collection;
  described.name = resources::name_of(object);
  Call create{.method = "POST",
              .path = collection.url_path(),
              .body = codec::write_json(object),
              .content_type = std::string(kJson)};
  if (dry_run) create.query.emplace_back("dryRun", "All");
  TRY_ASSIGN(const net::Response response, call(context, create, "create", described.describe(), false));
  return object_of(response, "create", described.describe());
}

Result<json::object> Client::replace(const runtime::Context& context, const ObjectPath& path,
                                     const json::object& object) const {
  const Call replace{
      .method = "PUT", .path = path.url_path(), .body = codec::write_json(object), .content_type = std::string(kJson)};
  TRY_ASSIGN(const net::Response response, call(context, replace, "replace", path.describe(), false));
  return object_of(response, "replace", path.describe());
}

Result<json::object> Client::patch(const runtime::Context& context, const ObjectPath& path, PatchKind kind,
                                   const json::value& patch) const {
  Call change{.method = "PATCH",
              .path = path.url_path(),
              .body = codec::write_json(patch),
              .content_type = std::string(content_type_of(kind))};
  if (kind == PatchKind::server_side_apply) {
    change.query.emplace_back("fieldManager", "stoker");
    change.query.emplace_back("force", "true");
  }
  // A JSON patch may add to a list; the others say what shall be.
  TRY_ASSIGN(const net::Response response,
             call(context, change, "patch", path.describe(), kind != PatchKind::json_patch));
  return object_of(response, "patch", path.describe());
}

Result<void> Client::remove(const runtime::Context& context, const ObjectPath& path, const Preconditions& preconditions,
                            std::optional<std::int64_t> grace_seconds) const {
  json::object options{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (grace_seconds) options["gracePeriodSeconds"] = *grace_seconds;
  json::object expected;
  if (!preconditions.uid.empty()) expected["uid"] = preconditions.uid;
  if (!preconditions.resource_version.empty()) expected["resourceVersion"] = preconditions.resource_version;
  if (!expected.empty()) options["preconditions"] = std::move(expected);
  const Call remove{.method = "DELETE",
                    .path = path.url_path(),
                    .body = codec::write_json(options),
                    .content_type = std::string(kJson)};
  TRY(call(context, remove, "delete", path.describe(), !preconditions.uid.empty()));
  return {};
}

Result<void> Client::logs(const runtime::Context& context, const std::string& namespace_name, const std::string& pod,
                          const LogOptions& options, const net::BodySink& sink) const {
  const ObjectPath path{.type = kPods, .namespace_name = namespace_name, .name = pod, .subresource = "log"};
  Call log{.path = path.url_path()};
  if (!options.container.empty()) log.query.emplace_back("container", options.container);
  if (options.follow) log.query.emplace_back("follow", "true");
  if (options.previous) log.query.emplace_back("previous", "true");
  if (options.timestamps) log.query.emplace_back("timestamps", "true");
  if (options.tail_lines) log.query.emplace_back("tailLines", std::to_string(*options.tail_lines));
  if (!options.since_time.empty()) log.query.emplace_back("sinceTime", options.since_time);
  auto answer = transport_.send(context, log, sink);
  if (!answer) return std::move(answer).error().with_context("read " + path.describe());
  if (!answer.value().ok()) return error_of(status_of(answer.value()), "read", path.describe());
  return {};
}

}  // namespace stoker::kube
