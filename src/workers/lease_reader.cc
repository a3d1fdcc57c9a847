// Reading of the pool's messages. Unknown keys are passed over: both ends are of one program, and the version in the
// request guards the rest.
#include <fmt/format.h>

#include "workers/lease.h"

namespace stoker::workers {

namespace {

// Takes typed members out of an object, and remembers what was wrong.
class Reader {
 public:
  explicit Reader(const json::value& value) : object_(value.if_object()) {
    if (object_ == nullptr) fail("not an object");
  }

  std::string text(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return "";
    if (const auto* string = value->if_string()) return std::string(*string);
    fail(key);
    return "";
  }
  std::int64_t number(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return 0;
    if (value->is_int64()) return value->get_int64();
    if (value->is_uint64() && value->get_uint64() <= INT64_MAX) return static_cast<std::int64_t>(value->get_uint64());
    fail(key);
    return 0;
  }
  bool flag(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return false;
    if (value->is_bool()) return value->get_bool();
    fail(key);
    return false;
  }
  std::vector<std::string> list(std::string_view key) {
    std::vector<std::string> items;
    const json::value* value = find(key);
    if (value == nullptr) return items;
    if (!value->is_array()) fail(key);
    if (const auto* array = value->if_array()) {
      for (const auto& item : *array) {
        if (const auto* string = item.if_string()) {
          items.emplace_back(*string);
        } else {
          fail(key);
        }
      }
    }
    return items;
  }
  std::map<std::string, std::string> map(std::string_view key) {
    std::map<std::string, std::string> values;
    const json::value* value = find(key);
    if (value == nullptr) return values;
    if (!value->is_object()) fail(key);
    if (const auto* object = value->if_object()) {
      for (const auto& member : *object) {
        if (const auto* string = member.value().if_string()) {
          values[std::string(member.key())] = std::string(*string);
        } else {
          fail(key);
        }
      }
    }
    return values;
  }
  json::value child(std::string_view key) {
    const json::value* value = find(key);
    return value ? *value : json::value(json::object());
  }
  void fail(std::string_view what) {
    if (!error_) {
      error_ = Error{.code = ErrorCode::corrupt, .message = fmt::format("bad message of the JVM pool ({})", what)};
    }
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const json::value* find(std::string_view key) const { return object_ ? object_->if_contains(key) : nullptr; }

  const json::object* object_ = nullptr;
  std::optional<Error> error_;
};

JvmSettings read_settings(Reader& reader) {
  JvmSettings settings;
  settings.driver_memory = reader.text("driver_memory");
  settings.java_options = reader.text("java_options");
  settings.class_path = reader.text("class_path");
  settings.packages = reader.list("packages");
  settings.repositories = reader.list("repositories");
  settings.exclude_packages = reader.list("exclude_packages");
  settings.jars = reader.list("jars");
  settings.heavy = reader.flag("heavy");
  return settings;
}

std::optional<std::int64_t> optional_number(const json::value& message, std::string_view key) {
  const auto* found = message.is_object() ? message.get_object().if_contains(key) : nullptr;
  return found && found->is_int64() ? std::optional(found->get_int64()) : std::nullopt;
}

ErrorCode code_named(std::string_view name) {
#define STOKER_ERROR_CODE(code, exit, meaning) \
  if (name == #code) return ErrorCode::code;
#include "base/error_codes.inc"
#undef STOKER_ERROR_CODE
  return ErrorCode::internal;
}

Progress read_progress(Reader& reader) {
  Progress progress;
  json::value stages = reader.child("stages");
  if (!stages.is_array()) return progress;
  for (const auto& item : stages.get_array()) {
    Reader stage(item);
    progress.stages.push_back({stage.number("id"), stage.text("name"), stage.number("done"), stage.number("failed"),
                               stage.number("active"), stage.number("total")});
    if (stage.error()) reader.fail("stages");
  }
  return progress;
}

}  // namespace

Result<LeaseRequest> lease_request_from_json(const json::value& message) {
  Reader reader(message);
  if (reader.number("version") != kPoolProtocolVersion) {
    return Error{.code = ErrorCode::conflict,
                 .message = "the JVM pool that runs is of another version of Stoker",
                 .hint = "stop it: stoker workers stop"};
  }
  LeaseRequest request;
  json::value key_value = reader.child("key");
  Reader key(key_value);
  request.project = key.text("project");
  request.java = key.text("java");
  request.spark_home = key.text("spark_home");
  request.python = key.text("python");
  json::value settings_value = key.child("settings");
  Reader settings(settings_value);
  request.settings = read_settings(settings);
  request.environment = reader.map("environment");
  request.working_directory = reader.text("cwd");
  request.defaults = reader.map("defaults");
  request.app_name = reader.text("app_name");
  request.log = reader.text("log");
  request.progress = reader.flag("progress");
  request.single_use = reader.flag("single_use");
  for (const Reader* part : {&reader, &key, &settings}) {
    if (part->error()) return *part->error();
  }
  for (const auto* path : {&request.java, &request.spark_home, &request.working_directory}) {
    if (!path->is_absolute()) {
      return Error{.code = ErrorCode::corrupt, .message = "bad message of the JVM pool (a path is not absolute)"};
    }
  }
  return request;
}

Result<LeaseEvent> lease_event_from_json(const json::value& message) {
  Reader reader(message);
  std::string op = reader.text("op");
  LeaseEvent event;
  if (op == "leased") {
    Leased leased;
    std::int64_t port = reader.number("gateway_port");
    if (port <= 0 || port > UINT16_MAX) reader.fail("gateway_port");
    leased.gateway = {static_cast<std::uint16_t>(port), reader.text("gateway_secret")};
    leased.jvm_pid = reader.number("jvm_pid");
    leased.warm = reader.flag("warm");
    leased.lease_id = reader.text("lease_id");
    event = std::move(leased);
  } else if (op == "progress") {
    event = read_progress(reader);
  } else if (op == "jvm-exited") {
    event = JvmExited{reader.text("status"), reader.text("reason"), reader.flag("out_of_memory")};
  } else if (op == "released") {
    event = Released{std::chrono::milliseconds(reader.number("cpu_ms")),
                     static_cast<std::uint64_t>(reader.number("peak_rss_bytes")), optional_number(message, "jobs"),
                     optional_number(message, "stages"), reader.flag("out_of_memory")};
  } else if (op == "refused") {
    event = Refused{
        Error{.code = code_named(reader.text("code")), .message = reader.text("message"), .hint = reader.text("hint")}};
  } else {
    reader.fail("op");
  }
  if (reader.error()) return *reader.error();
  return event;
}

Result<WorkerInfo> worker_info_from_json(const json::value& value) {
  Reader reader(value);
  WorkerInfo worker;
  worker.pid = reader.number("pid");
  worker.state = reader.text("state");
  worker.project = reader.text("project");
  worker.spark_version = reader.text("spark_version");
  worker.java_version = reader.text("java_version");
  worker.profile = reader.text("profile");
  worker.driver_memory = reader.text("driver_memory");
  worker.leases = static_cast<int>(reader.number("leases"));
  worker.age = std::chrono::milliseconds(reader.number("age_ms"));
  worker.idle = std::chrono::milliseconds(reader.number("idle_ms"));
  worker.cpu = std::chrono::milliseconds(reader.number("cpu_ms"));
  worker.rss_bytes = static_cast<std::uint64_t>(reader.number("rss_bytes"));
  worker.app_name = reader.text("app_name");
  if (reader.error()) return *reader.error();
  return worker;
}

}  // namespace stoker::workers
