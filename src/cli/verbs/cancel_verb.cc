#include <fmt/format.h>

#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "engine/run_socket.h"
#include "metadata/run_lock.h"
#include "runtime/channel.h"

namespace stoker::cli {

namespace {
constexpr std::chrono::seconds kAnswerLimit{10};
constexpr std::size_t kMessageLimit = 64 * 1024;

// Asks the run's engine. One that has just taken the lock may not listen yet.
Result<void> ask_engine(const Program& program, const metadata::Store& store, const RunId& run) {
  auto socket = runtime::connect_unix(metadata::run_folder(store.folder(), run) / engine::kRunSocketName);
  if (!socket.ok()) {
    return Error{.code = ErrorCode::unavailable,
                 .message = fmt::format("run {} is just starting or ending", run.str()),
                 .hint = "try again in a moment"};
  }
  runtime::Channel channel(*std::move(socket), kMessageLimit);
  const runtime::Context context{.deadline = runtime::Deadline::after(program.clock, kAnswerLimit)};
  TRY(channel.send(json::object{{"op", "cancel"}, {"at_once", false}}, context, program.clock));
  TRY(channel.receive(context, program.clock).with_context("the run's engine did not answer"));
  return {};
}

}  // namespace

Result<int> run_runs_cancel(const Program& program, const CommonOptions& common, const RunsCancelCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(const bool owned, metadata::is_owned(store->folder(), id));
  std::string outcome = "cancelling";
  std::string text = fmt::format("run {} is being cancelled", id.str());
  if (owned) {
    TRY(ask_engine(program, *store, id));
  } else {
    TRY_ASSIGN(const bool asked, store->request_cancel(id, program.clock.wall_now()));
    outcome = asked ? "noted" : "ended";
    text = asked ? fmt::format("nobody runs {}; it is cancelled when it is resumed", id.str())
                 : fmt::format("run {} has ended", id.str());
  }
  if (common.json) {
    print_json(json::object{{"run", id.str()}, {"outcome", outcome}});
  } else {
    print(text + "\n");
  }
  return 0;
}

}  // namespace stoker::cli
