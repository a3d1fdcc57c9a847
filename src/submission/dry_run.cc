#include "submission/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <string>

#include "base/strings.h"
#include "net/url.h"
#include "resources/object.h"
#include "spark/java/properties.h"

namespace stoker::submission {

namespace {

constexpr std::string_view kHidden = "*********(redacted)";

// What Spark's own pages hide by default (spark.redaction.regex), and more; but for keys that only say where a secret
// is. Compared without the signs between words: "api-key" is "apikey".
constexpr std::array<std::string_view, 16> kSecretWords = {
    "secret", "password",  "passwd", "passphrase", "pwd",        "pgpass",        "dbpass",        "userpass",
    "token",  "accesskey", "apikey", "accountkey", "privatekey", "encryptionkey", "authorization", "bearer"};
// Classes that find credentials, not those themselves.
constexpr std::string_view kCredential = "credential";
constexpr std::string_view kProvider = "provider";
constexpr std::array<std::string_view, 6> kOnlyNames = {
    "spark.kubernetes.driver.secrets.",       "spark.kubernetes.executor.secrets.",
    "spark.kubernetes.driver.secretkeyref.",  "spark.kubernetes.executor.secretkeyref.",
    "spark.kubernetes.kerberos.tokensecret.", "spark.kubernetes.authenticate."};

bool says_secret(std::string_view text) {
  std::string words = lower_case(text);
  std::erase_if(words, [](char c) { return c == '-' || c == '_' || c == '.'; });
  if (words.find(kCredential) != std::string::npos && words.find(kProvider) == std::string::npos) return true;
  // SF_PASS, sfPass, pw.
  if (words == "pw" || (words.ends_with("pass") && !words.ends_with("bypass"))) return true;
  // Personal access tokens by their names, and signatures in addresses.
  const std::string lower = lower_case(text);
  if (lower.ends_with("_pat") || lower.ends_with(".pat") || lower.find("?sig=") != std::string::npos ||
      lower.find("&sig=") != std::string::npos)
    return true;
  return std::ranges::any_of(kSecretWords,
                             [&](std::string_view word) { return words.find(word) != std::string::npos; });
}

// A user's spark.redaction.regex, beside the words above. What it cannot judge counts as secret: everything, when the
// pattern is one that only Java has, and texts that are too long for a regex.
class Redaction {
 public:
  explicit Redaction(const std::optional<std::string>& pattern) {
    if (!pattern) return;
    constexpr std::string_view kIgnoreCase = "(?i)";
    const bool any_case = pattern->starts_with(kIgnoreCase);
    try {
      pattern_.emplace(any_case ? pattern->substr(kIgnoreCase.size()) : *pattern,
                       any_case ? std::regex::ECMAScript | std::regex::icase : std::regex::ECMAScript);
    } catch (const std::regex_error&) {
      hides_all_ = true;
    }
  }

  // What to show of a value under its name.
  std::string shown(std::string_view name, const std::string& value) const {
    const std::string lower = lower_case(name);
    const bool only_names =
        std::ranges::any_of(kOnlyNames, [&](std::string_view key) { return lower.starts_with(key); });
    if (!only_names && (is_secret(name) || is_secret(value))) return std::string(kHidden);
    return net::without_password(value);
  }

  // The words of a command line: the values of `--password=x`, `--password x` and `password:x`, and what has such words
  // inside of it, as JSON has. A class or file that is called after tokens is no secret.
  void hide_words(json::array& words) const {
    bool after_secret_flag = false;
    for (json::value& word : words) {
      if (!word.is_string()) continue;
      const std::string text(word.get_string());
      const std::size_t equals = separator_in(text);
      const bool is_flag = text.starts_with('-');
      const bool names_secret = is_secret(text.substr(0, equals));
      const bool has_named_value = names_secret && equals != std::string::npos &&
                                   text.substr(0, equals).find_first_of(" \t\n\"'{") == std::string::npos;
      const bool is_plain = text.find_first_of(" \t\n\"'{=") == std::string::npos;
      if (has_named_value)
        word = text.substr(0, equals + 1) + std::string(kHidden);
      else if ((after_secret_flag && !is_flag) || (!is_plain && is_secret(text)))
        word = kHidden;
      else
        word = net::without_password(text);
      after_secret_flag = is_flag && names_secret && equals == std::string::npos;
    }
  }

 private:
  static constexpr std::size_t kLongestText = 4'096;  // std::regex recurses for each character

  // Between a name and its value; a colon before a slash is of an address.
  static std::size_t separator_in(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '=' || (text[i] == ':' && !text.substr(i).starts_with(":/"))) return i;
    return std::string_view::npos;
  }

  bool is_secret(std::string_view text) const {
    if (hides_all_ || says_secret(text)) return true;
    if (!pattern_) return false;
    return text.size() > kLongestText || std::regex_search(text.begin(), text.end(), *pattern_);
  }

  std::optional<std::regex> pattern_;
  bool hides_all_ = false;
};

// The comments at its top stay.
std::string hide_properties(const Redaction& redaction, const std::string& text) {
  auto properties = spark::read_java_properties(text);
  if (!properties) return std::string(kHidden);
  for (spark::Property& property : *properties)
    property.value = redaction.shown(property.key, property.value);
  std::size_t comments = 0;
  while (comments < text.size() && text[comments] == '#')
    comments = std::min(text.find('\n', comments), text.size() - 1) + 1;
  return text.substr(0, comments) + spark::write_java_properties(*properties);
}

// Which of a file's lines are secret nobody can tell: all of them are.
void hide_data(const Redaction& redaction, json::object& object) {
  json::value* data = object.if_contains("data");
  if (data == nullptr || !data->is_object()) return;
  const bool is_secret_object = resources::kind_of(object) == "Secret";
  for (auto& member : data->get_object()) {
    if (!member.value().is_string()) continue;
    const std::string text(member.value().get_string());
    if (!is_secret_object && member.key() == "spark.properties")
      member.value() = hide_properties(redaction, text);
    else if (is_secret_object || member.key() != "spark.kubernetes.namespace")
      member.value() = fmt::format("{}: {} bytes", kHidden, text.size());
  }
}

void hide_texts(const Redaction& redaction, json::object& parent, std::string_view key) {
  json::value* texts = parent.if_contains(key);
  if (texts == nullptr || !texts->is_object()) return;
  for (auto& member : texts->get_object())
    if (member.value().is_string())
      member.value() = redaction.shown(member.key(), std::string(member.value().get_string()));
}

// Objects with a name and a value.
void hide_environment(const Redaction& redaction, json::array& environment) {
  for (json::value& variable : environment) {
    json::object* fields = variable.if_object();
    const json::value* name = fields == nullptr ? nullptr : fields->if_contains("name");
    json::value* value = fields == nullptr ? nullptr : fields->if_contains("value");
    if (name != nullptr && value != nullptr && name->is_string() && value->is_string())
      *value = redaction.shown(name->get_string(), std::string(value->get_string()));
  }
}

// What a pod says in fields whose texts are the user's own: of containers, their probes, volumes.
void hide_in_pod(const Redaction& redaction, json::value& value) {
  if (value.is_array())
    for (json::value& element : value.get_array())
      hide_in_pod(redaction, element);
  if (!value.is_object()) return;
  for (auto& [key, child] : value.get_object()) {
    json::array* list = child.if_array();
    if (list != nullptr && (key == "env" || key == "httpHeaders"))
      hide_environment(redaction, *list);
    else if (list != nullptr && (key == "command" || key == "args"))
      redaction.hide_words(*list);
    else if (child.is_object() && (key == "volumeAttributes" || key == "options"))
      hide_texts(redaction, value.get_object(), key);
    else
      hide_in_pod(redaction, child);
  }
}

}  // namespace

json::object list_of_objects(const spark::SubmissionPlan& plan, Secrets secrets,
                             const std::optional<std::string>& redaction_regex) {
  const Redaction redaction(redaction_regex);
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
    hide_data(redaction, object);
    for (const std::string_view texts : {"labels", "annotations"})
      hide_texts(redaction, resources::object_at(object, "metadata"), texts);
    if (resources::kind_of(object) == "Pod") hide_in_pod(redaction, object["spec"]);
    // The labels of the driver, once more.
    if (resources::kind_of(object) == "Service")
      hide_texts(redaction, resources::object_at(object, "spec"), "selector");
  }
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

std::vector<std::string> list_of_properties(const spark::Configuration& configuration, Secrets secrets) {
  const Redaction redaction(configuration.raw("spark.redaction.regex"));
  std::vector<std::string> lines;
  for (const auto& [key, value] : configuration.entries())
    lines.push_back(fmt::format("{}={}", key, secrets == Secrets::show ? value : redaction.shown(key, value)));
  return lines;
}

}  // namespace stoker::submission
