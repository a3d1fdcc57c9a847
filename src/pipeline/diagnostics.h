// Diagnostics: everything that is wrong with a document, each with file, line, column and what to do, collected and not
// thrown at the first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/position.h"

namespace stoker::pipeline {

// Diagnostics that are printed; the rest is counted.
inline constexpr std::size_t kMaximumDiagnostics = 50;
// Diagnostics that are kept to choose the printed ones from, in the order of the text.
inline constexpr std::size_t kMaximumKeptDiagnostics = 200;

struct Diagnostic {
  std::string file;
  codec::Mark mark;  // line 0: not known
  std::string message;
  std::string hint;

  // "pipeline.yaml:3:5: unknown key …", with "\n    hint" when there is one.
  std::string text() const;
};

class Diagnostics {
 public:
  void add(Diagnostic diagnostic);
  bool empty() const { return total_ == 0; }
  std::size_t total() const { return total_; }
  // Whether one more would be kept: working out its position may be saved otherwise.
  bool full() const { return items_.size() >= kMaximumKeptDiagnostics; }
  void count_one_more() { ++total_; }

  // By file in the order of first use, then line and column.
  std::vector<Diagnostic> sorted() const;
  // The first kMaximumDiagnostics, a line or two each, then how many more there are.
  std::string text() const;
  // All of it as one error (invalid_document). Call it only when there is something.
  Error error() const;

 private:
  std::vector<Diagnostic> items_;
  std::size_t total_ = 0;
};

}  // namespace stoker::pipeline
