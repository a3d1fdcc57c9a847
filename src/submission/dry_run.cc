#include "submission/dry_run.h"

#include <algorithm>
#include <array>
#include <string>

#include "resources/object.h"
#include "spark/java_properties.h"

namespace stoker::submission {

namespace {

constexpr std::string_view kHidden = "*********(redacted)";

// What Spark's own pages hide by default (spark.redaction.regex), but for keys that only say where a secret is.
constexpr std::array<std::string_view, 5> kSecretWords = {"secret", "password", "token", "accesskey", "access.key"};
constexpr std::array<std::string_view, 4> kOnlyNames = {".secrets.", ".secretkeyref.", ".tokensecret.", "tokenfile"};

bool contains_any(std::string_view text, const auto& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

bool is_secret(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return contains_any(lower, kSecretWords) && !contains_any(lower, kOnlyNames);
}

// The comments at its top stay.
std::string hide_properties(const std::string& text) {
  auto properties = spark::read_java_properties(text);
  if (!properties) return std::string(kHidden);
  for (spark::Property& property : *properties)
    if (is_secret(property.key)) property.value = kHidden;
  std::size_t comments = 0;
  while (comments < text.size() && text[comments] == '#')
    comments = std::min(text.find('\n', comments), text.size() - 1) + 1;
  return text.substr(0, comments) + spark::write_java_properties(*properties);
}

void hide_data(json::object& object) {
  json::value* data = object.if_contains("data");
  if (data == nullptr) return;
  const bool is_secret_object = resources::kind_of(object) == "Secret";
  for (auto& member : data->get_object()) {
    if (is_secret_object)
      member.value() = kHidden;
    else if (member.key() == "spark.properties")
      member.value() = hide_properties(std::string(member.value().get_string()));
  }
}

void hide_environment(json::object& pod) {
  for (json::value& container : resources::list_at(resources::object_at(pod, "spec"), "containers")) {
    json::value* environment = container.get_object().if_contains("env");
    if (environment == nullptr || !environment->is_array()) continue;
    for (json::value& variable : environment->get_array()) {
      json::object& fields = variable.get_object();
      const json::value* name = fields.if_contains("name");
      if (name != nullptr && name->is_string() && fields.contains("value") && is_secret(name->get_string()))
        fields["value"] = kHidden;
    }
  }
}

}  // namespace

json::object list_of_objects(const spark::SubmissionPlan& plan, Secrets secrets) {
  json::array items;
  for (const std::vector<json::object>* objects : {&plan.groups, &plan.dependants})
    for (const json::object& object : *objects)
      items.push_back(object);
  items.push_back(plan.driver);
  for (json::value& item : items) {
    json::object& object = item.get_object();
    // Applied by hand, an object without a namespace would go to the context's.
    resources::object_at(object, "metadata")["namespace"] = plan.namespace_name;
    if (secrets == Secrets::show) continue;
    hide_data(object);
    if (resources::kind_of(object) == "Pod") hide_environment(object);
  }
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

}  // namespace stoker::submission
