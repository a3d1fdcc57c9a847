// JsonScope: a scope held in one JSON value, for tests and small callers: {"parameters": {…}, "steps": {"a":
// {"outputs": {…}, "state": …}}, "item": …, "index": …, "iteration": …, "outputs": {…}, "inputs": {…}, "run": {…},
// "skipped": ["step", …]}. Outputs of a skipped step are not available.
#pragma once

#include "expression/expression.h"

namespace stoker::expression {

class JsonScope final : public Scope {
 public:
  explicit JsonScope(json::value root) : root_(std::move(root)) {}
  Result<Value> lookup(const Reference& reference) const override;

 private:
  json::value root_;
};

}  // namespace stoker::expression
