#include "fakes/api/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/validation.h"

namespace stoker::fakes {

namespace {

// The grammar of apimachinery's labels.Parse.
class LabelParser {
 public:
  explicit LabelParser(std::string_view text) : text_(text) { advance(); }

  std::vector<Requirement> parse() {
    std::vector<Requirement> found;
    if (token_.empty()) return found;
    while (true) {
      if (token_ != "!" && !is_word())
        throw bad_request(fmt::format("found '{}', expected: !, identifier, or 'end of string'", token_));
      found.push_back(requirement());
      if (token_.empty()) return found;
      if (token_ != ",") throw bad_request(fmt::format("found '{}', expected: ',' or 'end of string'", token_));
      advance();
      if (token_ != "!" && !is_word())
        throw bad_request(fmt::format("found '{}', expected: identifier after ','", token_));
    }
  }

 private:
  static bool special(char character) { return std::string_view("=!(),<>").find(character) != std::string_view::npos; }
  static bool blank(char character) { return character == ' ' || character == '\t'; }
  bool is_word() const { return !token_.empty() && !special(token_.front()); }

  void advance() {
    while (at_ < text_.size() && blank(text_[at_]))
      ++at_;
    const std::size_t start = at_;
    if (at_ < text_.size() && special(text_[at_])) {
      const std::string_view two = text_.substr(at_, 2);
      at_ += two == "==" || two == "!=" ? 2 : 1;
    } else {
      while (at_ < text_.size() && !special(text_[at_]) && !blank(text_[at_]))
        ++at_;
    }
    token_ = text_.substr(start, at_ - start);
  }

  static void check(const Causes& causes) {
    if (!causes.empty())
      throw bad_request(fmt::format("unable to parse requirement: {}: {}", causes[0].field, causes[0].message));
  }

  Requirement requirement() {
    Requirement made{.key = {}, .kind = Requirement::Kind::exists, .values = {}};
    if (token_ == "!") {
      made.kind = Requirement::Kind::missing;
      advance();
    }
    made.key = token_;
    check(label_key_causes("key", made.key));
    advance();
    if (made.kind == Requirement::Kind::missing || token_.empty() || token_ == ",") return made;
    const std::string sign(token_);
    if (sign == "in" || sign == "notin") {
      made.kind = sign == "in" ? Requirement::Kind::in : Requirement::Kind::not_in;
      advance();
      take_set(made);
    } else if (sign == "=" || sign == "==" || sign == "!=") {
      made.kind = sign == "!=" ? Requirement::Kind::not_in : Requirement::Kind::in;
      advance();
      made.values.emplace_back(is_word() ? token_ : std::string_view());
      if (is_word()) advance();
    } else {
      throw bad_request(
          fmt::format("unable to parse requirement: found '{}', expected: in, notin, =, ==, !=, gt, lt", sign));
    }
    for (std::size_t i = 0; i < made.values.size(); ++i)
      check(label_value_causes(fmt::format("values[{}][{}]", i, made.key), made.values[i]));
    return made;
  }

  void take_set(Requirement& made) {
    if (token_ != "(") throw bad_request(fmt::format("unable to parse requirement: found '{}' expected: '('", token_));
    advance();
    while (token_ != ")") {
      if (token_.empty()) throw bad_request("unable to parse requirement: found '', expected: ',' or ')'");
      if (token_ != ",") made.values.emplace_back(token_);
      advance();
    }
    advance();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view token_;
};

const std::vector<std::string>& fields_of(const kube::ResourceType& type) {
  static const std::vector<std::string> kPod{"metadata.name",      "metadata.namespace", "spec.nodeName",
                                             "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                                             "status.phase",       "status.podIP",       "status.nominatedNodeName"};
  static const std::vector<std::string> kEvent{"metadata.name",
                                               "metadata.namespace",
                                               "involvedObject.kind",
                                               "involvedObject.namespace",
                                               "involvedObject.name",
                                               "involvedObject.uid",
                                               "involvedObject.apiVersion",
                                               "involvedObject.resourceVersion",
                                               "involvedObject.fieldPath",
                                               "reason",
                                               "reportingComponent",
                                               "source",
                                               "type"};
  static const std::vector<std::string> kSecret{"metadata.name", "metadata.namespace", "type"};
  static const std::vector<std::string> kNamespace{"metadata.name", "status.phase"};
  static const std::vector<std::string> kOther{"metadata.name", "metadata.namespace"};
  if (type == kube::kPods) return kPod;
  if (type == kube::kEvents) return kEvent;
  if (type == kube::kSecrets) return kSecret;
  if (type == kube::kNamespaces) return kNamespace;
  return kOther;
}

std::vector<Requirement> parse_fields(const kube::ResourceType& type, std::string_view text) {
  std::vector<Requirement> found;
  for (const std::string& term : split(std::string(text), ',')) {
    if (term.empty()) continue;
    const std::size_t sign = term.find('=');
    if (sign == std::string::npos || sign == 0)
      throw bad_request(fmt::format("invalid selector: '{}'; can't understand '{}'", text, term));
    Requirement made{.key = term.substr(0, sign), .kind = Requirement::Kind::in, .values = {}};
    std::string value = term.substr(sign + 1);
    if (value.starts_with('=')) value.erase(0, 1);
    if (made.key.ends_with('!')) {
      made.key.pop_back();
      made.kind = Requirement::Kind::not_in;
    }
    const auto& known = fields_of(type);
    if (std::find(known.begin(), known.end(), made.key) == known.end())
      throw bad_request(type == kube::kPods || type == kube::kEvents || type == kube::kSecrets
                            ? fmt::format("field label not supported: {}", made.key)
                            : fmt::format("\"{}\" is not a known field selector: only \"metadata.name\", "
                                          "\"metadata.namespace\"",
                                          made.key));
    made.values.push_back(std::move(value));
    found.push_back(std::move(made));
  }
  return found;
}

// Of a path like "involvedObject.name"; a field that is not there is "".
std::string field_text(const json::object& object, const std::string& path) {
  const json::object* at = &object;
  const std::vector<std::string> names = split(path, '.');
  for (std::size_t i = 0; i + 1 < names.size(); ++i)
    at = &codec::object_of(*at, names[i]);
  if (path == "source") return codec::text_of(codec::object_of(object, "source"), "component");
  return codec::text_of(*at, names.back());
}

bool holds(const Requirement& requirement, const std::optional<std::string>& value) {
  const auto& values = requirement.values;
  const bool listed = value && std::find(values.begin(), values.end(), *value) != values.end();
  switch (requirement.kind) {
    case Requirement::Kind::in: return listed;
    case Requirement::Kind::not_in: return !listed;
    case Requirement::Kind::exists: return value.has_value();
    case Requirement::Kind::missing: return !value.has_value();
  }
  return false;
}

}  // namespace

Selector::Selector(const kube::ResourceType& type, std::string_view labels, std::string_view fields)
    : labels_(LabelParser(labels).parse()), fields_(parse_fields(type, fields)) {}

bool Selector::matches(const json::object& object) const {
  const json::object& labels = codec::object_of(codec::object_of(object, "metadata"), "labels");
  return std::all_of(labels_.begin(), labels_.end(),
                     [&](const Requirement& each) { return holds(each, codec::optional_text(labels, each.key)); }) &&
         std::all_of(fields_.begin(), fields_.end(),
                     [&](const Requirement& each) { return holds(each, field_text(object, each.key)); });
}

}  // namespace stoker::fakes
