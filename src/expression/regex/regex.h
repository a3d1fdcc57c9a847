// Regular expressions whose search takes time linear in the text (a Pike machine), so that no pattern of a user hangs
// the engine.
//
// The dialect is RE2's without Unicode properties and back-references: . [] [^] \d \w \s \D \W \S \b \B ^ $ ( ) (?: )
// (?P<name> ) | * + ? {m,n} and lazy forms; (?i) at the start ignores ASCII case. Characters are code points. The
// leftmost match wins, alternatives in order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stoker::expression {

class Regex {
 public:
  // Counted repetition multiplies: a{1000} is 1,000 instructions.
  static constexpr std::size_t kMaximumInstructions = 5000;
  static constexpr std::size_t kMaximumPatternBytes = 4096;
  static constexpr std::size_t kMaximumDepth = 50;
  static constexpr std::size_t kMaximumRepeat = 1000;

  // The error says the character and what is wrong with the pattern.
  static Result<Regex> compile(std::string_view pattern);

  // Whether the pattern matches anywhere in the text (anchor it with ^ and $ to match all).
  bool found_in(std::string_view text) const;
  // The first match: group 0 is all of it, groups that took no part are empty optionals.
  using Groups = std::vector<std::optional<std::string_view>>;
  std::optional<Groups> search(std::string_view text) const;

  std::size_t group_count() const;  // without group 0
  // Steps that a search in so many bytes takes at most, in units of the evaluation budget.
  std::int64_t cost(std::size_t bytes) const;

  struct Program;

 private:
  explicit Regex(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace stoker::expression
