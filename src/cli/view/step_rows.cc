#include "cli/view/step_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace stoker::cli {

bool means_step(const std::string& name, const StepPath& path) {
  const auto& text = path.str();
  if (!text.starts_with(name)) return false;
  return text.size() == name.size() || std::string_view("[#/").find(text[name.size()]) != std::string_view::npos;
}

Error no_such_step(const RunId& run, const std::string& name, const std::vector<metadata::StepRow>& steps,
                   std::vector<std::string> names) {
  for (const auto& step : steps)
    names.push_back(step.path.str());
  Error error{.code = ErrorCode::not_found,
              .message = fmt::format("run {} has no step \"{}\"", run.str(), name),
              .hint = did_you_mean(name, names)};
  if (error.hint.empty()) error.hint = "its steps: stoker runs show " + run.str();
  return error;
}

void sort_as_run(std::vector<metadata::StepRow>& steps) {
  const auto began = [](const metadata::StepRow& step) {
    return step.started.value_or(step.finished.value_or(WallTime::max()));
  };
  std::stable_sort(steps.begin(), steps.end(), [&](const auto& a, const auto& b) { return began(a) < began(b); });
}

}  // namespace stoker::cli
