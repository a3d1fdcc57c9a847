#include "expression/json_scope.h"

#include <fmt/format.h>

#include <algorithm>

namespace stoker::expression {

Result<Value> JsonScope::lookup(const Reference& reference) const {
  std::vector<std::string_view> path;
  switch (reference.kind) {
    case ReferenceKind::parameter: path = {"parameters", reference.name}; break;
    case ReferenceKind::step_output: path = {"steps", reference.step, "outputs", reference.name}; break;
    case ReferenceKind::step_state: path = {"steps", reference.step, "state"}; break;
    case ReferenceKind::item: path = {"item"}; break;
    case ReferenceKind::index: path = {"index"}; break;
    case ReferenceKind::iteration: path = {"iteration"}; break;
    case ReferenceKind::output: path = {"outputs", reference.name}; break;
    case ReferenceKind::input: path = {"inputs", reference.name}; break;
    case ReferenceKind::run: path = {"run", reference.name}; break;
  }
  const auto* root = root_.if_object();
  const auto* skipped = root != nullptr ? root->if_contains("skipped") : nullptr;
  if (reference.kind == ReferenceKind::step_output && skipped != nullptr && skipped->is_array()) {
    const auto& names = skipped->get_array();
    if (std::find(names.begin(), names.end(), json::value(reference.step)) != names.end())
      return not_available(reference);
  }
  const auto* at = &root_;
  for (const auto key : path) {
    const auto* object = at->if_object();
    at = object != nullptr ? object->if_contains(key) : nullptr;
    if (at == nullptr)
      return Error{.code = ErrorCode::evaluation, .message = fmt::format("{} does not exist", reference.text())};
  }
  return Value::borrow(*at);
}

}  // namespace stoker::expression
