#include "resources/pod_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/strings.h"
#include "codec/json.h"
#include "codec/yaml.h"

namespace stoker::resources {

namespace {

using Fields = std::map<std::string_view, std::string_view>;  // the type by the name

const std::map<std::string_view, Fields>& types() {
  static const std::map<std::string_view, Fields> kTypes = [] {
    std::map<std::string_view, Fields> read;
    for (const PodTypeRow& row : pod_types()) {
      Fields& fields = read[row.name];
      std::string_view rest = row.fields;
      while (!rest.empty()) {
        const std::string_view field = rest.substr(0, rest.find(','));
        const std::size_t blank = field.find(' ');
        fields.emplace(field.substr(0, blank), field.substr(blank + 1));
        rest.remove_prefix(std::min(field.size() + 2, rest.size()));
      }
    }
    return read;
  }();
  return kTypes;
}

// Fabric8's client, which Spark 4 reads templates with, knows the numbers of JSON alone, and writes 1.10 as 1.1; 0x10
// and 010 are texts to it (tried with 4.0.1).
bool is_json_number(const json::value& value, std::string_view written) {
  if (!value.is_number()) return false;
  const auto read = codec::parse_json(written);
  return read && read->is_number();
}

// One document twice: by the core schema, and with its scalars as they are written.
class Typing {
 public:
  void run(json::value& value, const json::value& written, std::string_view type) {
    if (type.ends_with("[]") || type.ends_with("{}"))
      elements(value, written, type.substr(0, type.size() - 2));
    else if (type.size() == 1)
      scalar(value, written, type.front());
    else
      members(value, written, type);
  }

  // Where the core schema has no say.
  const std::set<std::string>& texts() const { return texts_; }

 private:
  void members(json::value& value, const json::value& written, std::string_view type) {
    const auto fields = types().find(type);
    if (fields == types().end() || !value.is_object()) return;
    for (auto& member : value.get_object())
      if (const auto field = fields->second.find(member.key()); field != fields->second.end())
        below(member.key(), member.value(), written.get_object().at(member.key()), field->second);
  }

  void elements(json::value& value, const json::value& written, std::string_view type) {
    if (value.is_array())
      for (std::size_t i = 0; i < value.get_array().size(); ++i)
        below(std::to_string(i), value.get_array()[i], written.get_array()[i], type);
    if (!value.is_object()) return;
    for (auto& member : value.get_object()) {
      // Nothing at all is a value too in a map of texts, and Kubernetes reads it as the empty one.
      if (type == "s" && member.value().is_null()) member.value() = "";
      below(member.key(), member.value(), written.get_object().at(member.key()), type);
    }
  }

  void below(std::string_view key, json::value& value, const json::value& written, std::string_view type) {
    const std::size_t length = pointer_.size();
    pointer_ += '/';
    pointer_ += codec::escape_pointer(key);
    run(value, written, type);
    pointer_.resize(length);
  }

  void scalar(json::value& value, const json::value& written, char type) {
    if (type == 's' && written.is_string()) {
      value = is_json_number(value, written.get_string()) ? json::value(codec::write_json(value)) : written;
      texts_.insert(pointer_);
    } else if (value.is_string() && type == 'i') {
      const std::string_view text = value.get_string();
      std::int64_t number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code == std::errc() && end == text.data() + text.size()) value = number;
    } else if (value.is_string() && type == 'b') {
      if (value.get_string() == "true" || value.get_string() == "false") value = value.get_string() == "true";
    }
  }

  std::string pointer_;
  std::set<std::string> texts_;
};

}  // namespace

codec::LocatedValue parse_kubernetes_yaml(std::string_view text, std::string_view type) {
  codec::LocatedValue read = codec::parse_yaml(text);
  if (!read.complete) return read;
  const codec::LocatedValue written = codec::parse_yaml(text, codec::YamlScalars::as_written);
  if (!written.complete) return read;
  Typing typing;
  typing.run(read.value, written.value, type);
  if (read.problems.empty()) return read;
  std::set<std::pair<std::uint32_t, std::uint32_t>> places;
  for (const std::string& pointer : typing.texts()) {
    const codec::Mark mark = read.positions.value(read.value, pointer);
    places.emplace(mark.line, mark.column);
  }
  std::erase_if(read.problems,
                [&](const auto& problem) { return places.contains({problem.mark.line, problem.mark.column}); });
  return read;
}

}  // namespace stoker::resources
