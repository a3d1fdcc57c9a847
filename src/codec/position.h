// Where each value of a parsed text stands: a table beside the JSON value, so that an error about a value can name its
// line and column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json.h"

namespace stoker::codec {

// Line and column, both from 1; the column counts characters (code points), not bytes. 0: not known.
struct Mark {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

// The marks of a tree in preorder: a value, then its members (in the order of the object) or elements. Costs 20 bytes a
// value; finding one walks the tree, which is fine for errors, the only use.
class Positions {
 public:
  struct Node {
    Mark key;  // of an object's member; otherwise not known
    Mark value;
    std::uint32_t size = 1;  // values of this subtree, itself included
  };

  std::vector<Node>& nodes() { return nodes_; }
  const std::vector<Node>& nodes() const { return nodes_; }

  // `pointer` is a JSON pointer (RFC 6901) into `root`, the value that was parsed with this table. Where it leads
  // nowhere, its nearest ancestor answers.
  Mark value(const json::value& root, std::string_view pointer) const;
  Mark key(const json::value& root, std::string_view pointer) const;

 private:
  const Node* find(const json::value& root, std::string_view pointer) const;
  std::vector<Node> nodes_;
};

struct TextProblem {
  Mark mark;
  std::string message;
  std::string hint;
};

// "name:line:column: message" (invalid_document); without line and column where they are not known.
Error located_error(std::string_view name, Mark mark, std::string_view message, std::string hint = "");
Error located_error(std::string_view name, const TextProblem& problem);

// A parsed text. With problems, `value` is for looking at (to report more), never for use.
struct LocatedValue {
  json::value value;
  Positions positions;
  std::vector<TextProblem> problems;
  // Read to its end; otherwise `value` is what came before the problem.
  bool complete = true;
};

// The mark of a byte offset.
Mark mark_at(std::string_view text, std::size_t offset);

// "a/b" -> "a~1b": one token of a JSON pointer.
std::string escape_pointer(std::string_view token);

}  // namespace stoker::codec
