#include "submission/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <string>

#include "base/strings.h"
#include "resources/object.h"
#include "spark/java_properties.h"

namespace stoker::submission {

namespace {

constexpr std::string_view kHidden = "*********(redacted)";

// What Spark's own pages hide by default (spark.redaction.regex), and a few words more; but for keys that only say
// where a secret is.
constexpr std::array<std::string_view, 12> kSecretWords = {"secret",  "password",    "passwd",      "_pass",
                                                           "token",   "accesskey",   "access.key",  "apikey",
                                                           "api_key", "account.key", "private_key", "credential="};
constexpr std::array<std::string_view, 6> kOnlyNames = {
    "spark.kubernetes.driver.secrets.",       "spark.kubernetes.executor.secrets.",
    "spark.kubernetes.driver.secretkeyref.",  "spark.kubernetes.executor.secretkeyref.",
    "spark.kubernetes.kerberos.tokensecret.", "spark.kubernetes.authenticate."};

bool says_secret(std::string_view text) {
  const std::string lower = lower_case(text);
  return std::ranges::any_of(kSecretWords,
                             [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

// What to show of a value under its name.
std::string shown(std::string_view name, const std::string& value) {
  const std::string lower = lower_case(name);
  const bool only_names = std::ranges::any_of(kOnlyNames, [&](std::string_view key) { return lower.starts_with(key); });
  if (!only_names && (says_secret(name) || says_secret(value))) return std::string(kHidden);
  return without_password(value);
}

// The comments at its top stay.
std::string hide_properties(const std::string& text) {
  auto properties = spark::read_java_properties(text);
  if (!properties) return std::string(kHidden);
  for (spark::Property& property : *properties)
    property.value = shown(property.key, property.value);
  std::size_t comments = 0;
  while (comments < text.size() && text[comments] == '#')
    comments = std::min(text.find('\n', comments), text.size() - 1) + 1;
  return text.substr(0, comments) + spark::write_java_properties(*properties);
}

// Which of a file's lines are secret nobody can tell: all of them are.
void hide_data(json::object& object) {
  json::value* data = object.if_contains("data");
  if (data == nullptr || !data->is_object()) return;
  const bool is_secret_object = resources::kind_of(object) == "Secret";
  for (auto& member : data->get_object()) {
    if (!member.value().is_string()) continue;
    const std::string text(member.value().get_string());
    if (!is_secret_object && member.key() == "spark.properties")
      member.value() = hide_properties(text);
    else if (is_secret_object || member.key() != "spark.kubernetes.namespace")
      member.value() = fmt::format("{}: {} bytes", kHidden, text.size());
  }
}

void hide_texts(json::object& parent, std::string_view key) {
  json::value* texts = parent.if_contains(key);
  if (texts == nullptr || !texts->is_object()) return;
  for (auto& member : texts->get_object())
    if (member.value().is_string()) member.value() = shown(member.key(), std::string(member.value().get_string()));
}

void hide_environment(json::object& pod) {
  json::object& spec = resources::object_at(pod, "spec");
  for (const std::string_view list : {"containers", "initContainers"}) {
    json::value* containers = spec.if_contains(list);
    if (containers == nullptr || !containers->is_array()) continue;
    for (json::value& container : containers->get_array()) {
      json::value* environment = container.is_object() ? container.get_object().if_contains("env") : nullptr;
      if (environment == nullptr || !environment->is_array()) continue;
      for (json::value& variable : environment->get_array()) {
        json::object* fields = variable.if_object();
        const json::value* name = fields == nullptr ? nullptr : fields->if_contains("name");
        json::value* value = fields == nullptr ? nullptr : fields->if_contains("value");
        if (name != nullptr && value != nullptr && name->is_string() && value->is_string())
          *value = shown(name->get_string(), std::string(value->get_string()));
      }
    }
  }
}

}  // namespace

std::string without_password(const std::string& text) {
  static const std::regex kUserInfo("://[^/@,\\s]+@");
  return text.find('@') == std::string::npos ? text : std::regex_replace(text, kUserInfo, "://***@");
}

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
    for (const std::string_view texts : {"labels", "annotations"})
      hide_texts(resources::object_at(object, "metadata"), texts);
    if (resources::kind_of(object) == "Pod") hide_environment(object);
    // The labels of the driver, once more.
    if (resources::kind_of(object) == "Service") hide_texts(resources::object_at(object, "spec"), "selector");
  }
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

}  // namespace stoker::submission
