#include "local/recovery.h"

#include <vector>

#include "local/steps/process_attempt.h"
#include "runtime/file.h"
#include "runtime/process/process_table.h"

namespace stoker::local {

namespace {

constexpr std::size_t kProcessFileLimit = 4096;

// The leader as it was recorded; none when the attempt never got so far.
std::optional<runtime::ProcessIdentity> recorded_leader(const engine::LostAttempt& attempt) {
  auto text = runtime::read_file(AttemptFiles(attempt.attempt_folder).process, kProcessFileLimit);
  if (!text) return std::nullopt;
  auto parsed = codec::parse_json(*text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const json::value* pid = parsed->get_object().if_contains("pid");
  const json::value* started = parsed->get_object().if_contains("started");
  if (pid == nullptr || !pid->is_int64() || started == nullptr || !started->is_string()) return std::nullopt;
  return runtime::ProcessIdentity{static_cast<pid_t>(pid->get_int64()), std::string(started->get_string())};
}

std::vector<runtime::ProcessIdentity> find_survivors(std::span<const engine::LostAttempt> attempts) {
  std::vector<runtime::ProcessIdentity> found;
  for (const auto& attempt : attempts) {
    for (auto& process : runtime::find_processes_by_environment("STOKER_ATTEMPT_ID", attempt.id.text()))
      found.push_back(process);
    auto leader = recorded_leader(attempt);
    if (!leader) continue;
    for (auto& process : runtime::find_session(*leader))
      found.push_back(process);
  }
  return found;
}

}  // namespace

Result<void> end_lost_attempts(std::span<const engine::LostAttempt> attempts, const runtime::Context& context,
                               const Clock& clock) {
  return runtime::end_processes([&] { return find_survivors(attempts); }, context, clock)
      .with_context("clean up after an earlier run");
}

}  // namespace stoker::local
