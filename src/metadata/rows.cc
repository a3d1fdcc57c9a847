#include "metadata/rows.h"

#include <array>

namespace stoker::metadata {

namespace {
constexpr std::array<std::string_view, 4> kRunStates = {"running", "succeeded", "failed", "cancelled"};
}

std::string_view run_state_name(RunState state) {
  return kRunStates.at(static_cast<std::size_t>(state));
}

std::optional<RunState> parse_run_state(std::string_view name) {
  for (std::size_t i = 0; i < kRunStates.size(); ++i) {
    if (kRunStates.at(i) == name) return static_cast<RunState>(i);
  }
  return std::nullopt;
}

}  // namespace stoker::metadata
