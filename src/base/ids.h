// Strong types for ids: two ids of different kinds never mix, and a signature says which one it wants.
#pragma once

#include <compare>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

namespace stoker {

template <class Tag>
class StringId {
 public:
  StringId() = default;
  explicit StringId(std::string text) : text_(std::move(text)) {}

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend auto operator<=>(const StringId&, const StringId&) = default;
  friend std::ostream& operator<<(std::ostream& out, const StringId& id) { return out << id.text_; }

 private:
  std::string text_;
};

using RunId = StringId<struct RunIdTag>;                // 20261121-114233-k3f9
using PipelineName = StringId<struct PipelineNameTag>;  // breast_cancer
using StepName = StringId<struct StepNameTag>;          // train: a step as the document has it
using StepPath = StringId<struct StepPathTag>;          // search[2]/train: one instance of a step in a run

}  // namespace stoker

template <class Tag>
struct std::hash<stoker::StringId<Tag>> {
  std::size_t operator()(const stoker::StringId<Tag>& id) const noexcept { return std::hash<std::string>()(id.str()); }
};
