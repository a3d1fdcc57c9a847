// Schema: validation by a JSON schema (draft 2020-12), for the keywords that api/pipeline.schema.json uses. docs/adr
// says why this is ours.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "pipeline/json_path.h"

namespace stoker::pipeline {

// What is wrong at `path`; `at_key`: the key is meant, not the value.
using ReportFunction = std::function<void(const JsonPath& path, bool at_key, std::string message, std::string hint)>;

class Schema {
 public:
  // Refuses keywords and forms that validate() would ignore, so that no rule of the schema is silently without effect.
  static Result<Schema> parse(const json::value& schema);

  // Reports every violation. Returns whether there was none.
  bool validate(const json::value& value, const ReportFunction& report) const;

  Schema(Schema&&) noexcept = default;
  Schema& operator=(Schema&&) noexcept = default;

 private:
  friend class SchemaCompiler;
  friend class SchemaWalk;

  struct Node {
    const Node* reference = nullptr;
    std::string title;
    std::uint32_t types = 0;  // bits; 0: any
    std::map<std::string, const Node*, std::less<>> properties;
    std::vector<std::string> free_prefixes;  // keys that may begin so and hold anything
    bool closed = false;                     // no other keys
    const Node* additional = nullptr;
    const Node* property_names = nullptr;
    const Node* items = nullptr;
    std::vector<std::string> required;
    std::vector<std::string> exactly_one_of;
    std::optional<json::array> enumeration;
    std::optional<double> minimum, maximum;
    std::optional<std::size_t> min_length, max_length, min_items, max_items, max_properties;
    std::string format;
    std::string example;  // for hints
  };

  Schema() = default;
  std::deque<Node> nodes_;  // stable addresses
  const Node* root_ = nullptr;
};

// The text of api/pipeline.schema.json, compiled in, and the schema made of it (once).
std::string_view pipeline_schema_text();
const Schema& pipeline_schema();

// The formats that the schema names: what is wrong with `text` (`"10" is not a duration: …`), or "".
std::string format_problem(std::string_view format, std::string_view text);
bool is_known_format(std::string_view format);

// A short form of a value for messages: the text "two", the number 5, a mapping.
std::string describe_value(const json::value& value);

}  // namespace stoker::pipeline
