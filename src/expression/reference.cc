#include "expression/reference.h"

#include <fmt/format.h>

#include "expression/syntax/printer.h"

namespace stoker::expression {

namespace {

std::string member(const std::string& name) {
  return is_identifier(name) ? "." + name : "[" + quote(name) + "]";
}

}  // namespace

std::string Reference::text() const {
  switch (kind) {
    case ReferenceKind::parameter: return "parameters" + member(name);
    case ReferenceKind::step_output: return "steps" + member(step) + ".outputs" + member(name);
    case ReferenceKind::step_state: return "steps" + member(step) + ".state";
    case ReferenceKind::item: return "item";
    case ReferenceKind::index: return "index";
    case ReferenceKind::iteration: return "iteration";
    case ReferenceKind::output: return "outputs" + member(name);
    case ReferenceKind::input: return "inputs" + member(name);
    case ReferenceKind::run: return "run." + name;
  }
  return {};
}

bool Reference::same_target(const Reference& other) const {
  return kind == other.kind && step == other.step && name == other.name;
}

Error not_available(const Reference& reference) {
  return Error{.code = ErrorCode::not_available,
               .message = fmt::format("{} is not available: its step was skipped", reference.text()),
               .hint = fmt::format("write one_of({}, …) to give another value", reference.text())};
}

}  // namespace stoker::expression
