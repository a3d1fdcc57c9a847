#include "fakes/api/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace stoker::fakes {

net::Response json_response(int status, const json::value& body) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = codec::write_json(body) + "\n"};
}

net::Response text_response(int status, std::string body) {
  return {.status = status, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::move(body)};
}

json::object status_object(int code, std::string_view reason, std::string_view message, json::object details) {
  json::object status{{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", json::object{}},
                      {"status", "Failure"}, {"message", message}, {"code", code}};
  if (!reason.empty()) status["reason"] = reason;
  if (!details.empty()) status["details"] = std::move(details);
  return status;
}

Refusal refusal(int code, std::string_view reason, std::string_view message, json::object details) {
  return {json_response(code, status_object(code, reason, message, std::move(details)))};
}

std::string qualified(const kube::ResourceType& type) {
  const std::string_view group = kube::group_of(type);
  return group.empty() ? std::string(type.plural) : fmt::format("{}.{}", type.plural, group);
}

json::object details_of(const kube::ResourceType& type, std::string_view name) {
  json::object details;
  if (!name.empty()) details["name"] = name;
  if (const auto group = kube::group_of(type); !group.empty()) details["group"] = group;
  details["kind"] = type.plural;
  return details;
}

Refusal not_found(const kube::ResourceType& type, std::string_view name) {
  return refusal(404, "NotFound", fmt::format("{} {} not found", qualified(type), quoted(name)),
                 details_of(type, name));
}

Refusal no_such_resource() {
  json::object status = status_object(404, "NotFound", "the server could not find the requested resource");
  status["details"] = json::object{};
  return {json_response(404, status)};
}

Refusal method_not_allowed() {
  json::object status =
      status_object(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  status["details"] = json::object{};
  return {json_response(405, status)};
}

Refusal already_exists(const kube::ResourceType& type, std::string_view name) {
  return refusal(409, "AlreadyExists", fmt::format("{} {} already exists", qualified(type), quoted(name)),
                 details_of(type, name));
}

Refusal modified(const kube::ResourceType& type, std::string_view name) {
  return refusal(409, "Conflict",
                 fmt::format("Operation cannot be fulfilled on {} {}: the object has been modified; please apply your "
                             "changes to the latest version and try again",
                             qualified(type), quoted(name)),
                 details_of(type, name));
}

Refusal bad_request(std::string_view message) {
  return refusal(400, "BadRequest", message);
}

Refusal invalid(std::string_view group, std::string_view kind, std::string_view name, const Causes& causes) {
  std::vector<std::string> texts;
  json::array listed;
  for (const Cause& cause : causes) {
    texts.push_back(fmt::format("{}: {}", cause.field, cause.message));
    listed.push_back(json::object{{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
  }
  const std::string all = texts.size() == 1 ? texts.front() : "[" + join(texts, ", ") + "]";
  json::object details;
  if (!name.empty()) details["name"] = name;
  if (!group.empty()) details["group"] = group;
  details["kind"] = kind;
  details["causes"] = std::move(listed);
  const std::string what = group.empty() ? std::string(kind) : fmt::format("{}.{}", kind, group);
  return refusal(422, "Invalid", fmt::format("{} {} is invalid: {}", what, quoted(name), all), std::move(details));
}

Refusal invalid(const kube::ResourceType& type, std::string_view name, const Causes& causes) {
  return invalid(kube::group_of(type), type.kind, name, causes);
}

Refusal forbidden(const kube::ResourceType& type, std::string_view name, std::string_view why) {
  const std::string what = name.empty() ? qualified(type) : fmt::format("{} {}", qualified(type), quoted(name));
  return refusal(403, "Forbidden", fmt::format("{} is forbidden: {}", what, why), details_of(type, name));
}

Refusal server_error(std::string_view message) {
  return refusal(500, "", message);
}

Refusal expired(std::string_view message) {
  return refusal(410, "Expired", message);
}

Cause invalid_value(std::string field, const std::string& quoted_value, const std::string& why) {
  return {"FieldValueInvalid", std::move(field), fmt::format("Invalid value: {}: {}", quoted_value, why)};
}

Cause required(std::string field, std::string_view why) {
  return {"FieldValueRequired", std::move(field),
          why.empty() ? std::string("Required value") : fmt::format("Required value: {}", why)};
}

std::int64_t number_in(const std::string& text) {
  try {
    std::size_t read = 0;
    const std::int64_t number = std::stoll(text, &read);
    if (read == text.size()) return number;
  } catch (const std::exception&) {  // no number: said below
  }
  throw bad_request(fmt::format("strconv.ParseInt: parsing {}: invalid syntax", quoted(text)));
}

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

}  // namespace stoker::fakes
