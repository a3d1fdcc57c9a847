#include "contract/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "base/strings.h"
#include "codec/json_fields.h"
#include "codec/yaml.h"

namespace stoker::contract {

namespace {

using Names = std::map<std::string, std::string, std::greater<>>;  // longer names before their beginnings

std::string content_type_of(const std::string& name) {
  if (name == "apply") return "application/apply-patch+yaml";
  if (name == "plain") return "text/plain";
  if (name == "strategic") return "application/strategic-merge-patch+json";
  return name.empty() ? "application/json" : fmt::format("application/{}-patch+json", name == "merge" ? "merge" : name);
}

std::string substituted(std::string text, const Names& names) {
  for (const auto& [name, value] : names) {
    const std::string mark = "$" + name;
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size())
      text.replace(at, mark.size(), value);
  }
  return text;
}

// "@N" is a text of N bytes.
std::string expanded(std::string text) {
  for (std::size_t at = 0; (at = text.find("\"@", at)) != std::string::npos;) {
    std::size_t read = 0;
    const unsigned long size = std::stoul(text.substr(at + 2), &read);
    text.replace(at + 1, read + 1, std::string(size, 'x'));
    at += size;
  }
  return text;
}

void compare(std::string& differences, const std::string& place, const json::value& expected, const json::value* found,
             const Names& names) {
  const auto differs = [&](const std::string& what) {
    differences +=
        fmt::format("  {}: {}, found {}\n", place, what, found == nullptr ? "nothing" : codec::write_json(*found));
  };
  if (expected.is_null()) {
    if (found != nullptr && !found->is_null()) differs("expected nothing");
  } else if (found == nullptr || (!expected.is_string() && found->kind() != expected.kind())) {
    differs("expected " + codec::write_json(expected));
  } else if (expected.is_string()) {
    const std::string text = substituted(std::string(expected.get_string()), names);
    if (text == "*") return;
    const std::string have = found->is_string() ? std::string(found->get_string()) : codec::write_json(*found);
    if (text.starts_with('~') ? !have.starts_with(text.substr(1)) : have != text) differs("expected " + text);
  } else if (expected.is_object()) {
    for (const auto& [key, value] : expected.get_object())
      compare(differences, place + "." + std::string(key), value, found->get_object().if_contains(key), names);
  } else if (expected.is_array()) {
    if (found->get_array().size() != expected.get_array().size())
      return differs("expected " + codec::write_json(expected));
    for (std::size_t i = 0; i < expected.get_array().size(); ++i)
      compare(differences, fmt::format("{}[{}]", place, i), expected.get_array()[i], &found->get_array()[i], names);
  } else if (*found != expected) {
    differs("expected the value " + codec::write_json(expected));
  }
}

// The server sorts them by time, which is not part of the contract.
void sort_managers(json::value& document) {
  if (!document.is_object()) return;
  json::value* metadata = document.get_object().if_contains("metadata");
  if (metadata == nullptr || !metadata->is_object()) return;
  json::value* managers = metadata->get_object().if_contains("managedFields");
  if (managers == nullptr || !managers->is_array()) return;
  std::sort(managers->get_array().begin(), managers->get_array().end(), [](const auto& a, const auto& b) {
    return codec::text_of(codec::object_of(a), "manager") < codec::text_of(codec::object_of(b), "manager");
  });
}

const json::value* member_at(const json::value& document, const std::string& path) {
  const json::value* at = &document;
  for (const std::string& key : split(path, '.'))
    if (at != nullptr) at = at->is_object() ? at->get_object().if_contains(key) : nullptr;
  return at;
}

struct Answer {
  int status = 0;
  std::string body;
  std::vector<json::value> events;
};

Answer answer_of(Server& server, const json::object& step, const Names& names) {
  const std::string what = substituted(codec::text_of(step, "do"), names);
  std::string body = codec::text_of(step, "text");
  if (const json::value* object = step.if_contains("body"))
    body = expanded(substituted(codec::write_json(*object), names));
  const auto wanted = static_cast<std::size_t>(codec::number_of(step, "read"));
  Answer answer;
  std::string rest;
  const Error enough{.code = ErrorCode::cancelled, .message = "read enough"};
  const net::BodySink events = [&](std::string_view piece) -> Result<void> {
    rest += piece;
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
      answer.events.push_back(codec::parse_json(rest.substr(0, end)).value_or(nullptr));
      if (answer.events.size() == wanted) return enough;
    }
    return {};
  };
  const auto response =
      send(server, what, body, content_type_of(codec::text_of(step, "type")), wanted > 0 ? events : net::BodySink());
  if (response) {
    answer.status = response.value().status;
    answer.body = response.value().body;
  } else if (answer.events.size() == wanted && wanted > 0) {
    answer.status = 200;
  } else {
    answer.body = response.error().describe();
  }
  return answer;
}

std::string run_step(Server& server, const json::object& step, Names& names) {
  const Answer answer = answer_of(server, step, names);
  std::string differences;
  if (answer.status != codec::number_of(step, "status"))
    differences += fmt::format("  expected status {}, found {}: {}\n", codec::number_of(step, "status"), answer.status,
                               answer.body);
  json::value document = codec::parse_json(answer.body).value_or(nullptr);
  sort_managers(document);
  for (const auto& [name, place] : codec::object_of(step, "save")) {
    const json::value* value = member_at(document, std::string(place.get_string()));
    if (value != nullptr && value->is_string()) names[std::string(name)] = value->get_string();
  }
  if (const json::value* expected = step.if_contains("answer"))
    compare(differences, "answer", *expected, &document, names);
  if (const json::value* expected = step.if_contains("body_is"))
    compare(differences, "body", *expected, std::make_unique<json::value>(answer.body).get(), names);
  if (const json::value* expected = step.if_contains("events")) {
    const json::value events(json::array(answer.events.begin(), answer.events.end()));
    compare(differences, "events", *expected, &events, names);
  }
  return differences.empty() ? "" : substituted(codec::text_of(step, "do"), names) + "\n" + differences;
}

std::vector<Row> read_rows() {
  const std::string path = STOKER_TEST_DATA "/kube/contract.yaml";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const codec::LocatedValue parsed = codec::parse_yaml(text.str());
  if (!parsed.problems.empty() || !parsed.value.is_array())
    throw std::runtime_error(path + ": " + (parsed.problems.empty() ? "no list" : parsed.problems[0].message));
  std::vector<Row> found;
  for (const json::value& each : parsed.value.get_array())
    found.push_back({.name = codec::text_of(codec::object_of(each), "name"),
                     .steps = codec::object_of(each).at("steps").get_array()});
  return found;
}

}  // namespace

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = read_rows();
  return kRows;
}

std::string run(Server& server, const Row& row) {
  Names names{{"ns", make_namespace(server)}};
  std::string differences;
  std::size_t number = 0;
  for (const json::value& step : row.steps) {
    ++number;
    const std::string found = run_step(server, codec::object_of(step), names);
    if (!found.empty()) differences += fmt::format("step {}: {}", number, found);
  }
  return differences;
}

}  // namespace stoker::contract
