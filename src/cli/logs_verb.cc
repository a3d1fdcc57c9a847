#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/strings.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "metadata/run_lock.h"
#include "runtime/event_loop.h"

namespace stoker::cli {

namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
// --tail looks at this much of a log's end.
constexpr std::uintmax_t kTailBytes = 16 * 1024 * 1024;
// How often --follow looks for more: inotify does not tell of appends on every file system, and a person does not see a
// quarter second.
constexpr std::chrono::milliseconds kFollowInterval{250};

struct LogFile {
  std::string title;  // "train[3], attempt 2, stderr"
  std::filesystem::path path;
  std::uintmax_t printed = 0;
};

// Where the last lines of a log of `size` bytes begin.
std::uintmax_t tail_start(std::ifstream& in, std::uintmax_t size, int lines) {
  if (lines == 0) return size;
  const auto window = std::min(size, kTailBytes);
  in.seekg(static_cast<std::streamoff>(size - window));
  std::string text(window, '\0');
  in.read(text.data(), static_cast<std::streamsize>(window));
  auto at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  for (; at > 0; --at) {
    if (text[at - 1] == '\n' && --lines == 0) break;
  }
  return size - window + at;
}

// Prints what each log has and, called again, what was appended; a title whenever the log changes.
class LogPrinter {
 public:
  LogPrinter(bool titles, std::optional<int> tail) : titles_(titles), tail_(tail) {}

  void print_new(LogFile& file) {
    std::error_code failure;
    const auto size = std::filesystem::file_size(file.path, failure);
    if (failure || size <= file.printed) return;
    std::ifstream in(file.path, std::ios::binary);
    auto from = file.printed;
    if (from == 0 && tail_) from = tail_start(in, size, *tail_);
    if (titles_ && last_ != file.path && from < size) print(fmt::format("==> {} <==\n", file.title));
    last_ = file.path;
    in.clear();
    in.seekg(static_cast<std::streamoff>(from));
    std::string chunk(kChunkBytes, '\0');
    while (from < size) {
      in.read(chunk.data(), static_cast<std::streamsize>(std::min<std::uintmax_t>(size - from, chunk.size())));
      if (in.gcount() <= 0) break;
      print(std::string_view(chunk.data(), static_cast<std::size_t>(in.gcount())));
      from += static_cast<std::uintmax_t>(in.gcount());
    }
    file.printed = size;
    std::fflush(stdout);
  }

 private:
  bool titles_;
  std::optional<int> tail_;
  std::filesystem::path last_;
};

// The logs of the attempts asked for, in the order in which they started. Called again while following: knows what it
// had.
class LogList {
 public:
  LogList(metadata::Store& store, RunId run, const RunsLogsCommand& command)
      : store_(store), run_(std::move(run)), command_(command) {}

  Result<std::vector<LogFile*>> refresh() {
    TRY_ASSIGN(auto attempts, store_.load_attempts(run_));
    std::stable_sort(attempts.begin(), attempts.end(),
                     [](const auto& a, const auto& b) { return a.started < b.started; });
    std::map<StepPath, int> last;
    for (const auto& attempt : attempts)
      last[attempt.path] = std::max(last[attempt.path], attempt.attempt);
    std::vector<LogFile*> shown;
    for (const auto& attempt : attempts) {
      if (!wanted(attempt, last[attempt.path])) continue;
      for (const auto* stream : {"stdout", "stderr", "spark"}) {
        if (command_.stream != "all" && command_.stream != stream) continue;
        const auto path = std::filesystem::path(attempt.logs) / (std::string(stream) + ".log");
        auto [file, fresh] = files_.try_emplace(path.string());
        if (fresh)
          file->second = {fmt::format("{}, attempt {}, {}", attempt.path.str(), attempt.attempt, stream), path};
        shown.push_back(&file->second);
      }
    }
    return shown;
  }

 private:
  bool wanted(const metadata::AttemptRow& attempt, int last) const {
    if (attempt.attempt != command_.attempt.value_or(last)) return false;
    if (!command_.step) return true;
    // "train" also means its instances and, of a sub-pipeline, the steps inside.
    const auto& path = attempt.path.str();
    return path == *command_.step ||
           (path.starts_with(*command_.step) &&
            std::string_view("[#/").find(path[command_.step->size()]) != std::string_view::npos);
  }

  metadata::Store& store_;
  RunId run_;
  const RunsLogsCommand& command_;
  std::map<std::string, LogFile> files_;
};

Result<void> check_step(metadata::Store& store, const RunId& run, const std::string& step) {
  TRY_ASSIGN(const auto steps, store.load_steps(run));
  std::vector<std::string> names;
  for (const auto& row : steps) {
    if (row.path.str() == step || row.path.str().substr(0, row.path.str().find_first_of("[#/")) == step) return {};
    names.push_back(row.path.str());
  }
  Error error{.code = ErrorCode::not_found,
              .message = fmt::format("run {} has no step \"{}\"", run.str(), step),
              .hint = did_you_mean(step, names)};
  if (error.hint.empty()) error.hint = "its steps: stoker runs show " + run.str();
  return error;
}

}  // namespace

Result<int> run_runs_logs(const Program& program, const CommonOptions& common, const RunsLogsCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  if (command.step) TRY(check_step(*store, id, *command.step));
  LogList list(*store, id, command);
  LogPrinter printer(!command.step || command.stream == "all", command.tail);
  TRY_ASSIGN(auto files, list.refresh());
  for (auto* file : files)
    printer.print_new(*file);

  runtime::EventLoop loop(program.clock);
  while (command.follow) {
    // Asked before the look, so that what the last step wrote before the end is printed.
    TRY_ASSIGN(const bool alive, metadata::is_owned(store->folder(), id));
    TRY_ASSIGN(files, list.refresh());
    for (auto* file : files)
      printer.print_new(*file);
    if (!alive) break;
    loop.run_once(kFollowInterval);
  }
  return 0;
}

}  // namespace stoker::cli
