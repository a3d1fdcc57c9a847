// StepTemplates: the templates of one step, parsed, and their evaluation into what a runner is given.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "expression/template.h"
#include "pipeline/document.h"

namespace stoker::pipeline {

// All references of the step's expressions, `when`, `foreach` and `repeat` included.
Result<std::vector<expression::Reference>> step_references(const Step& step);

class StepTemplates {
 public:
  static Result<StepTemplates> parse(const Step& step);

  std::vector<expression::Reference> references() const;
  // `when`: must give a boolean. Without one: true.
  Result<bool> condition(const expression::Scope& scope) const;
  // `foreach`: must give a list (or a map, whose entries become {"key","value"} in its order).
  Result<json::array> items(const expression::Scope& scope) const;
  Result<json::object> inputs(const expression::Scope& scope) const;
  // `repeat.carry` over the outputs of the iteration before.
  Result<json::object> carry(const expression::Scope& scope) const;
  // `repeat.until`.
  Result<bool> until(const expression::Scope& scope) const;
  // The step with the templates of its body, output paths, environment and secrets evaluated; of a secret the
  // reference.
  Result<std::shared_ptr<const Step>> body(std::shared_ptr<const Step> step, const expression::Scope& scope) const;

 private:
  std::optional<expression::Template> when_;
  std::optional<expression::CompiledValue> foreach_;
  expression::CompiledValue inputs_;
  std::optional<expression::Template> until_;
  expression::CompiledValue carry_;
  // Of the body, in the order in which visit_body_texts meets them.
  std::vector<expression::Template> texts_;
  std::vector<expression::Template> secrets_;  // in the order of Step::secrets
  expression::CompiledValue manifest_;
  bool constant_body_ = true;
};

}  // namespace stoker::pipeline
