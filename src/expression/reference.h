// Reference: a name outside the expression that it reads, such as parameters.trees or steps.split.outputs.train.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace stoker::expression {

enum class ReferenceKind {
  parameter,    // parameters.NAME
  step_output,  // steps.STEP.outputs.NAME
  step_state,   // steps.STEP.state
  item,         // item: the item of a foreach
  index,        // index: its position, from 0
  iteration,    // iteration: of a repeat, from 1
  output,       // outputs.NAME: of this step, in repeat.until and repeat.carry
  input,        // inputs.NAME: of this step, in its own texts and repeat.until
  run,          // run.id, run.pipeline, run.attempt, run.state
};

struct Reference {
  ReferenceKind kind = ReferenceKind::parameter;
  std::string step;  // step_output, step_state
  std::string name;  // parameter, step_output, output, input, run
  // Inside one_of(…) or has(…): the expression has a value although this one is not available.
  bool soft = false;
  // Byte in the text that was parsed (of the template, where it is in one).
  std::size_t offset = 0;

  // As an expression writes it: steps["my-step"].outputs.train
  std::string text() const;
  // Whether both name the same thing, wherever they stand.
  bool same_target(const Reference& other) const;
};

// What Scope::lookup returns for a value that will never be there because the step was skipped.
Error not_available(const Reference& reference);

}  // namespace stoker::expression
