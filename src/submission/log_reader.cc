#include "submission/log_reader.h"

#include "kube/api_error.h"
#include "runtime/wait.h"
#include "submission/log_resumer.h"

namespace stoker::submission {

Result<void> LogReader::run(const runtime::Context& context, const LogSource& source) {
  LogResumer lines(options_.tail_lines.has_value());
  Result<void> outcome;
  int failures = 0;
  bool ended_well = false;  // the reading before
  while (true) {
    const bool last = ended_;
    const std::string since = lines.since_time();
    bool came = false;
    auto read = client_.logs(context, source.namespace_name, source.pod,
                             {.container = source.container,
                              .follow = !last,
                              .previous = options_.previous,
                              .timestamps = true,
                              // What has begun goes on where it was.
                              .tail_lines = since.empty() ? options_.tail_lines : std::nullopt,
                              .since_time = since},
                             [&](std::string_view piece) -> Result<void> {
                               came = true;
                               lines.feed(piece, on_line_);
                               return {};
                             });
    // A pod that was removed after its log had ended well has said all.
    if ((read && last) || (last && ended_well && !read && read.error().code == ErrorCode::not_found)) break;
    ended_well = read.ok();
    failures = read || came ? 0 : failures + 1;
    const bool given_up = options_.maximum_failures && failures >= *options_.maximum_failures;
    if (!read && (!kube::is_passing(read.error()) || given_up)) {
      outcome = std::move(read);
      break;
    }
    lines.disconnected();
    // The state of the pod comes a little after its log ends.
    if (read && ended_) continue;
    if (outcome = runtime::wait_for(context, client_.clock(), options_.retry_delay); !outcome) break;
  }
  lines.flush(on_line_);
  return outcome;
}

}  // namespace stoker::submission
