// Source: one file that a document consists of, and how an error about a value in it finds its line and column.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/position.h"
#include "pipeline/diagnostics.h"
#include "pipeline/json_path.h"

namespace stoker::pipeline {

struct Source {
  std::string file;       // as messages name it
  std::string directory;  // its folder
  std::string text;
  codec::LocatedValue located;

  // By the name's ending: JSON for .json and for a text that begins with `{` and is JSON; YAML otherwise.
  static Source parse(std::string file, std::string directory, std::string text);
  // A value that no text stands behind; errors name a pointer instead of a line.
  static Source of_value(std::string file, std::string directory, json::value value);

  codec::Mark mark(std::string_view pointer, bool at_key) const;
  // Of a byte inside the text at `pointer`; where escapes or folding hide it, of the text.
  codec::Mark mark_inside(std::string_view pointer, std::size_t offset) const;
};

class Reporter {
 public:
  explicit Reporter(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void at_key(const Source& source, const JsonPath& path, std::string message, std::string hint = "");
  void at_value(const Source& source, const JsonPath& path, std::string message, std::string hint = "");
  void inside(const Source& source, const JsonPath& path, std::size_t offset, std::string message,
              std::string hint = "");
  // Everything that the reader of the text found.
  void text_problems(const Source& source);

  // Nothing more will be kept: what only helps people need not be worked out.
  bool full() const { return diagnostics_.full(); }
  // What to say about an unknown name: the nearest of `names()`, or all of them when they are few. Comparing has a
  // budget, so that a document with many wrong names among many is not slow.
  template <class Names>
  std::string suggest(std::string_view name, std::string_view if_none, const Names& names) {
    if (full() || comparisons_left_ == 0) return "";
    return suggestion(name, if_none, names());
  }

 private:
  static constexpr std::size_t kMaximumComparisons = 1'000'000;
  std::string suggestion(std::string_view name, std::string_view if_none, const std::vector<std::string>& names);
  void add(const Source& source, const std::string& pointer, codec::Mark mark, std::string message, std::string hint);
  Diagnostics& diagnostics_;
  std::size_t comparisons_left_ = kMaximumComparisons;
};

}  // namespace stoker::pipeline
