#include "pipeline/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "base/strings.h"

namespace stoker::pipeline {

namespace {

enum TypeBit : std::uint32_t {
  kText = 1,
  kInteger = 2,
  kNumber = 4,
  kBoolean = 8,
  kList = 16,
  kMapping = 32,
  kNull = 64
};

struct TypeName {
  std::string_view schema_name;
  std::uint32_t bits;
  std::string_view words;
};
// A number may be an integer. Order: as messages name them.
constexpr std::array<TypeName, 7> kTypes = {{{"string", kText, "a text"},
                                             {"integer", kInteger, "an integer"},
                                             {"number", kNumber | kInteger, "a number"},
                                             {"boolean", kBoolean, "true or false"},
                                             {"array", kList, "a list"},
                                             {"object", kMapping, "a mapping"},
                                             {"null", kNull, "null"}}};

std::uint32_t type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string: return kText;
    case json::kind::int64: return kInteger;
    case json::kind::uint64:
    case json::kind::double_: return kNumber;
    case json::kind::bool_: return kBoolean;
    case json::kind::array: return kList;
    case json::kind::object: return kMapping;
    case json::kind::null: return kNull;
  }
  return kNull;
}

std::string join_with(const std::vector<std::string>& words, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    text += words[i];
  }
  return text;
}

std::string type_words(std::uint32_t bits) {
  std::vector<std::string> words;
  for (const auto& type : kTypes) {
    const bool covered = type.schema_name == "integer" && (bits & kNumber) != 0;
    if ((bits & type.bits) == type.bits && !covered) words.emplace_back(type.words);
  }
  return join_with(words, "or");
}

// Characters, not bytes.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

double number_of(const json::value& value) {
  return value.to_number<double>();
}

constexpr std::size_t kLongestShownText = 60;

// What YAML 1.1 took for a boolean.
bool is_old_boolean(std::string_view text) {
  static const std::set<std::string_view> kWords = {"yes", "Yes", "YES", "no",  "No",  "NO",
                                                    "on",  "On",  "ON",  "off", "Off", "OFF"};
  return kWords.contains(text);
}

// What other languages call a value of an enumeration of ours.
std::string_view our_word(std::string_view word) {
  static const std::map<std::string_view, std::string_view> kWords = {
      {"int", "integer"},   {"str", "string"},   {"text", "string"},     {"float", "number"},
      {"double", "number"}, {"bool", "boolean"}, {"dict", "map"},        {"object", "map"},
      {"array", "list"},    {"path", "file"},    {"folder", "directory"}};
  const auto it = kWords.find(word);
  return it == kWords.end() ? std::string_view() : it->second;
}

}  // namespace

std::string describe_value(const json::value& value) {
  if (const auto* text = value.if_string()) {
    if (text->size() > kLongestShownText) return fmt::format("a text of {} characters", length_of(*text));
    return fmt::format("the text {}", codec::write_json(value));
  }
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_null()) return "null";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "a mapping";
  return fmt::format("the number {}", codec::canonical_json(value));
}

class SchemaCompiler {
 public:
  explicit SchemaCompiler(const json::value& document) : document_(document) {}

  Result<Schema> run() {
    schema_.root_ = compile(document_, "#");
    if (!problem_.empty()) return Error{.code = ErrorCode::internal, .message = problem_};
    return std::move(schema_);
  }

 private:
  using Node = Schema::Node;

  void fail(const std::string& where, std::string_view what) {
    if (problem_.empty()) problem_ = fmt::format("the schema at {}: {}", where, what);
  }

  const Node* resolve(std::string_view reference, const std::string& where) {
    constexpr std::string_view kPrefix = "#/$defs/";
    if (const auto known = definitions_.find(reference); known != definitions_.end()) return known->second;
    const auto* definitions = document_.is_object() ? document_.get_object().if_contains("$defs") : nullptr;
    const auto* definition = definitions != nullptr && reference.starts_with(kPrefix)
                                 ? definitions->as_object().if_contains(reference.substr(kPrefix.size()))
                                 : nullptr;
    if (definition == nullptr) {
      fail(where, fmt::format("unknown reference {}", reference));
      return nullptr;
    }
    auto& node = schema_.nodes_.emplace_back();
    definitions_.emplace(reference, &node);  // before filling it: definitions may be recursive
    fill(node, *definition, std::string(reference));
    return &node;
  }

  const Node* compile(const json::value& schema, const std::string& where) {
    auto& node = schema_.nodes_.emplace_back();
    fill(node, schema, where);
    return &node;
  }

  void fill(Node& node, const json::value& schema, const std::string& where) {
    if (schema.is_bool() && schema.get_bool()) return;
    if (!schema.is_object()) return fail(where, "not a schema");
    for (const auto& member : schema.get_object()) {
      if (!keyword(node, member.key(), member.value(), where + "/" + std::string(member.key()))) {
        fail(where, fmt::format("the keyword {} is not implemented in this form", std::string_view(member.key())));
      }
    }
  }

  // False: not known, or not in this form.
  bool keyword(Node& node, std::string_view name, const json::value& value, const std::string& where) {
    static const std::set<std::string_view> kWithoutEffect = {"$schema", "$id", "$defs", "description"};
    if (kWithoutEffect.contains(name)) return true;
    // `pattern` says to other validators what `format` says to this one.
    if (name == "pattern") return true;
    if (name == "format") {
      node.format = value.as_string();
      return is_known_format(node.format);
    }
    if (name == "examples") {
      node.example = value.as_array().at(0).as_string();
      return true;
    }
    if (name == "title") {
      node.title = value.as_string();
      return true;
    }
    if (name == "$ref") {
      node.reference = resolve(value.as_string(), where);
      return true;
    }
    if (name == "type") return type_keyword(node, value);
    if (name == "oneOf") return one_of_keyword(node, value);
    if (name == "enum" || name == "const") {
      node.enumeration = name == "enum" ? value.as_array() : json::array{value};
      return true;
    }
    return object_keyword(node, name, value, where) || bound_keyword(node, name, value);
  }

  bool object_keyword(Node& node, std::string_view name, const json::value& value, const std::string& where) {
    if (name == "properties") {
      for (const auto& member : value.as_object()) {
        node.properties.emplace(member.key(), compile(member.value(), where + "/" + std::string(member.key())));
      }
    } else if (name == "patternProperties") {
      for (const auto& member : value.as_object()) {
        const std::string_view pattern = member.key();
        if (!pattern.starts_with('^') || member.value() != json::value(true)) return false;
        node.free_prefixes.emplace_back(pattern.substr(1));
      }
    } else if (name == "additionalProperties") {
      node.closed = value.is_bool() && !value.get_bool();
      if (!node.closed) node.additional = compile(value, where);
    } else if (name == "propertyNames") {
      node.property_names = compile(value, where);
    } else if (name == "items") {
      node.items = compile(value, where);
    } else if (name == "required") {
      for (const auto& key : value.as_array())
        node.required.emplace_back(key.as_string());
    } else {
      return false;
    }
    return true;
  }

  static bool bound_keyword(Node& node, std::string_view name, const json::value& value) {
    if (name == "minimum")
      node.minimum = number_of(value);
    else if (name == "maximum")
      node.maximum = number_of(value);
    else if (name == "minLength")
      node.min_length = value.to_number<std::size_t>();
    else if (name == "maxLength")
      node.max_length = value.to_number<std::size_t>();
    else if (name == "minItems")
      node.min_items = value.to_number<std::size_t>();
    else if (name == "maxItems")
      node.max_items = value.to_number<std::size_t>();
    else if (name == "maxProperties")
      node.max_properties = value.to_number<std::size_t>();
    else
      return false;
    return true;
  }

  static bool type_keyword(Node& node, const json::value& value) {
    const json::array names = value.is_array() ? value.get_array() : json::array{value};
    for (const auto& name : names) {
      const auto* type = std::find_if(kTypes.begin(), kTypes.end(),
                                      [&](const TypeName& known) { return known.schema_name == name.as_string(); });
      if (type == kTypes.end()) return false;
      node.types |= type->bits;
    }
    return true;
  }

  // Only "exactly one of these keys": [{"required": ["a"]}, {"required": ["b"]}].
  static bool one_of_keyword(Node& node, const json::value& value) {
    for (const auto& branch : value.as_array()) {
      const auto& object = branch.as_object();
      const auto* required = object.if_contains("required");
      if (object.size() != 1 || required == nullptr || required->as_array().size() != 1) return false;
      node.exactly_one_of.emplace_back(required->get_array()[0].as_string());
    }
    return true;
  }

  const json::value& document_;
  Schema schema_;
  std::map<std::string, const Node*, std::less<>> definitions_;
  std::string problem_;
};

class SchemaWalk {
 public:
  explicit SchemaWalk(const ReportFunction& report) : report_(report) {}

  bool run(const Schema& schema, const json::value& value) {
    JsonPath root;
    root.value = &value;
    check(*schema.root_, root);
    return good_;
  }

 private:
  using Node = Schema::Node;

  void fail(const JsonPath& path, bool at_key, std::string message, std::string hint = "") {
    good_ = false;
    report_(path, at_key, std::move(message), std::move(hint));
  }

  void check(const Node& node, JsonPath path) {
    for (const auto* at = &node; at != nullptr && path.title.empty(); at = at->reference)
      path.title = at->title;
    if (node.reference != nullptr) check(*node.reference, path);
    const auto& value = *path.value;
    const auto type = type_of(value);
    if (node.types != 0 && (node.types & type) == 0) return wrong_type(node, path);
    if (node.enumeration &&
        std::find(node.enumeration->begin(), node.enumeration->end(), value) == node.enumeration->end()) {
      return not_in_enumeration(*node.enumeration, path);
    }
    if (type == kText) {
      check_text(node, path);
    } else if (type == kInteger || type == kNumber) {
      check_number(node, path);
    } else if (type == kList) {
      check_list(node, path);
    } else if (type == kMapping) {
      check_mapping(node, path);
    }
  }

  static std::string type_hint(const Node& node, const json::value& value) {
    if (!node.example.empty()) return "write for example " + node.example;
    const bool scalar = (node.types & (kList | kMapping)) == 0;
    if (scalar && (node.types & kText) != 0 && (value.is_number() || value.is_bool())) return "put it in quotes";
    if (value.is_string() && (node.types & (kInteger | kNumber | kBoolean)) != 0) {
      const auto text = trim(value.get_string());
      if (text.starts_with("${{")) return "an expression is not possible here";
      if (const auto parsed = codec::parse_json(text); parsed.ok() && (type_of(*parsed) & node.types) != 0)
        return "remove the quotes";
      if ((node.types & kBoolean) != 0 && is_old_boolean(text))
        return "write true or false: yes, no, on and off are texts";
    }
    return "";
  }

  void wrong_type(const Node& node, const JsonPath& path) {
    const auto& value = *path.value;
    const auto words = type_words(node.types);
    if (value.is_null()) return fail(path, true, fmt::format("{} has no value; it must be {}", path.subject(), words));
    fail(path, false, fmt::format("{} must be {}, not {}", path.subject(), words, describe_value(value)),
         type_hint(node, value));
  }

  void not_in_enumeration(const json::array& allowed, const JsonPath& path) {
    std::vector<std::string> names, words;
    for (const auto& one : allowed) {
      words.push_back(one.is_string() ? std::string(one.get_string()) : codec::write_json(one));
      names.push_back(words.back());
    }
    const auto text = path.value->is_string() ? std::string(path.value->get_string()) : std::string();
    const bool translated = std::find(names.begin(), names.end(), our_word(text)) != names.end();
    fail(path, false,
         fmt::format("{} must be {}{}, not {}", path.subject(), words.size() > 1 ? "one of " : "",
                     words.size() > 1 ? join(words, ", ") : fmt::format("\"{}\"", words[0]),
                     describe_value(*path.value)),
         translated ? fmt::format("did you mean \"{}\"?", our_word(text)) : did_you_mean(text, names));
  }

  void check_text(const Node& node, const JsonPath& path) {
    const std::string_view text = path.value->get_string();
    if (node.min_length && length_of(text) < *node.min_length) {
      return fail(path, false,
                  text.empty() ? fmt::format("{} is empty", path.subject())
                               : fmt::format("{} has fewer than {} characters", path.subject(), *node.min_length));
    }
    if (node.max_length && length_of(text) > *node.max_length) {
      return fail(path, false, fmt::format("{} has more than {} characters", path.subject(), *node.max_length));
    }
    if (node.format.empty()) return;
    if (auto problem = format_problem(node.format, text); !problem.empty()) {
      fail(path, false, fmt::format("{}: {}", path.subject(), problem),
           node.example.empty() ? "" : "write for example " + node.example);
    }
  }

  void check_number(const Node& node, const JsonPath& path) {
    const double number = number_of(*path.value);
    if (node.minimum && number < *node.minimum) {
      fail(path, false,
           fmt::format("{} must be at least {}, not {}", path.subject(), *node.minimum,
                       codec::canonical_json(*path.value)));
    }
    if (node.maximum && number > *node.maximum) {
      fail(path, false,
           fmt::format("{} must be at most {}, not {}", path.subject(), *node.maximum,
                       codec::canonical_json(*path.value)));
    }
  }

  void check_list(const Node& node, const JsonPath& path) {
    const auto& list = path.value->get_array();
    if (node.min_items && list.size() < *node.min_items) {
      fail(path, false,
           list.empty() ? fmt::format("{} is empty", path.subject())
                        : fmt::format("{} has fewer than {} items", path.subject(), *node.min_items));
    }
    if (node.max_items && list.size() > *node.max_items) {
      fail(path, false,
           fmt::format("{} has {} items; at most {} are allowed", path.subject(), list.size(), *node.max_items));
    }
    if (node.items == nullptr) return;
    for (std::size_t i = 0; i < list.size(); ++i)
      check(*node.items, path.element(i, list[i]));
  }

  void check_mapping(const Node& node, const JsonPath& path) {
    const auto& object = path.value->get_object();
    std::set<std::string> meant;  // keys that an unknown one was taken for
    for (const auto& member : object) {
      const std::string_view key = member.key();
      auto inner = path.member(key, member.value());
      if (node.property_names != nullptr) check_name(*node.property_names, inner);
      if (const auto known = node.properties.find(key); known != node.properties.end()) {
        check(*known->second, inner);
      } else if (std::any_of(node.free_prefixes.begin(), node.free_prefixes.end(),
                             [&](const auto& p) { return key.starts_with(p); })) {
        continue;
      } else if (node.closed) {
        unknown_key(node, inner, path, meant);
      } else if (node.additional != nullptr) {
        inner.named_by_key = true;
        check(*node.additional, inner);
      }
    }
    if (node.max_properties && object.size() > *node.max_properties) {
      fail(path, true,
           fmt::format("{} has {} members; at most {} are allowed", path.subject(), object.size(),
                       *node.max_properties));
    }
    for (const auto& key : node.required) {
      if (!object.contains(key) && !meant.contains(key))
        fail(path, false, fmt::format("{} has no \"{}\"", path.owner(), key));
    }
    if (!node.exactly_one_of.empty()) check_exactly_one(node.exactly_one_of, path, meant);
  }

  void check_name(const Node& node, const JsonPath& path) {
    const auto* with = node.reference != nullptr ? node.reference : &node;
    if (!with->format.empty()) {
      if (auto problem = format_problem(with->format, path.key); !problem.empty()) fail(path, true, std::move(problem));
    }
    if (with->enumeration) {
      const json::value name(path.key);
      std::vector<std::string> names;
      for (const auto& one : *with->enumeration)
        names.emplace_back(one.as_string());
      if (std::find(names.begin(), names.end(), path.key) == names.end()) {
        auto hint = did_you_mean(path.key, names);
        if (hint.empty()) hint = "known: " + join(names, ", ");
        fail(path, true,
             fmt::format("unknown key \"{}\" in {}.{}", path.key, path.parent->parent->subject(),
                         path.parent->subject()),
             std::move(hint));
      }
    }
  }

  void unknown_key(const Node& node, const JsonPath& path, const JsonPath& owner, std::set<std::string>& meant) {
    std::vector<std::string> names;
    for (const auto& property : node.properties)
      names.push_back(property.first);
    auto found = nearest(path.key, names);
    std::string hint = found ? fmt::format("did you mean \"{}\"?", *found) : "known: " + join(names, ", ");
    if (found) meant.insert(*found);
    fail(path, true, fmt::format("unknown key \"{}\" in {}", path.key, owner.owner()), std::move(hint));
  }

  void check_exactly_one(const std::vector<std::string>& keys, const JsonPath& path,
                         const std::set<std::string>& meant) {
    std::vector<std::string> present;
    bool misspelt = false;
    for (const auto& key : keys) {
      if (path.value->get_object().contains(key)) present.push_back(key);
      misspelt = misspelt || meant.contains(key);
    }
    if (present.size() == 1 || (present.empty() && misspelt)) return;
    const auto all = join_with(keys, "or");
    if (present.empty())
      return fail(path, false, fmt::format("{} has none of {}", path.owner(), all), "write exactly one of them");
    fail(path, false,
         fmt::format("{} has {}{}", path.owner(), present.size() == 2 ? "both " : "", join_with(present, "and")),
         fmt::format("exactly one of {} is allowed", all));
  }

  const ReportFunction& report_;
  bool good_ = true;
};

Result<Schema> Schema::parse(const json::value& schema) {
  return SchemaCompiler(schema).run();
}

bool Schema::validate(const json::value& value, const ReportFunction& report) const {
  return SchemaWalk(report).run(*this, value);
}

const Schema& pipeline_schema() {
  static const Schema kSchema = [] {
    const auto text = codec::parse_json(pipeline_schema_text());
    auto schema = text.ok() ? Schema::parse(*text) : Result<Schema>(text.error());
    if (!schema.ok()) std::abort();  // a defect of the build: a test reads the reason
    return std::move(schema).value();
  }();
  return kSchema;
}

}  // namespace stoker::pipeline
