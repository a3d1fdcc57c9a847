#include <fmt/format.h>

#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "metadata/run_lock.h"
#include "runtime/channel.h"

namespace stoker::cli {

namespace {
constexpr std::chrono::seconds kAnswerLimit{10};
constexpr std::size_t kMessageLimit = 64 * 1024;
}  // namespace

Result<int> run_runs_cancel(const Program& program, const CommonOptions& common, const RunsCancelCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(const bool owned, metadata::is_owned(store->folder(), id));
  if (!owned) {
    TRY_ASSIGN(const bool asked, store->request_cancel(id, program.clock.wall_now()));
    print(asked ? fmt::format("nobody runs {}; it is cancelled when it is resumed\n", id.str())
                : fmt::format("run {} has ended\n", id.str()));
    return 0;
  }
  TRY_ASSIGN(auto socket, runtime::connect_unix(metadata::run_folder(store->folder(), id) / "engine.sock"));
  runtime::Channel channel(std::move(socket), kMessageLimit);
  const runtime::Context context{.deadline = runtime::Deadline::after(program.clock, kAnswerLimit)};
  TRY(channel.send(json::object{{"op", "cancel"}, {"at_once", false}}, context, program.clock));
  TRY_ASSIGN(const auto answer, channel.receive(context, program.clock));
  (void)answer;
  print(fmt::format("run {} is being cancelled\n", id.str()));
  return 0;
}

}  // namespace stoker::cli
