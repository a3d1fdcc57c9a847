#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <map>

#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/run_follower.h"
#include "cli/run_output.h"
#include "cli/signals.h"
#include "cli/verbs/verbs.h"
#include "cli/view/step_rows.h"
#include "codec/json_fields.h"
#include "runtime/file_watcher.h"

namespace stoker::cli {

using codec::object_of;
using codec::text_of;

namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
// --tail looks at this much of a log's end.
constexpr std::uintmax_t kTailBytes = 16 * 1024 * 1024;
// Events that come in a burst share a look at the attempts.
constexpr std::chrono::milliseconds kBurst{100};
constexpr std::array<const char*, 3> kStreams{"stdout", "stderr", "spark"};

struct LogFile {
  std::string title;  // "train[3], attempt 2, stderr"
  std::filesystem::path path;
  std::uintmax_t printed = 0;
};

struct AttemptLogs {
  std::filesystem::path folder;
  std::vector<LogFile> files;
  bool live = true;  // more may come
  runtime::WatchId watch = runtime::WatchId::none;
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
class LogFilePrinter {
 public:
  LogFilePrinter(bool titles, std::optional<int> tail) : titles_(titles), tail_(tail) {}

  bool printed() const { return !last_.empty(); }

  // `more` may follow: with several logs a line that has not ended waits, so that no other log cuts it in two.
  void print_new(LogFile& file, bool more) {
    std::error_code failure;
    auto size = std::filesystem::file_size(file.path, failure);
    if (failure || size <= file.printed) return;
    std::ifstream in(file.path, std::ios::binary);
    auto from = file.printed;
    if (from == 0 && tail_) from = tail_start(in, size, *tail_);
    if (more && titles_) size = last_line_end(in, from, size);
    if (titles_ && last_ != file.path && from < size) print(fmt::format("==> {} <==\n", file.title));
    if (from < size) last_ = file.path;
    copy(in, from, size);
    file.printed = std::max(file.printed, size);
    std::fflush(stdout);
  }

 private:
  static void copy(std::ifstream& in, std::uintmax_t from, std::uintmax_t to) {
    in.clear();
    in.seekg(static_cast<std::streamoff>(from));
    std::string chunk(kChunkBytes, '\0');
    while (from < to) {
      in.read(chunk.data(), static_cast<std::streamsize>(std::min<std::uintmax_t>(to - from, chunk.size())));
      if (in.gcount() <= 0) return;
      print(std::string_view(chunk.data(), static_cast<std::size_t>(in.gcount())));
      from += static_cast<std::uintmax_t>(in.gcount());
    }
  }

  // Behind the last line break in [from, to). A line longer than a chunk does not wait.
  static std::uintmax_t last_line_end(std::ifstream& in, std::uintmax_t from, std::uintmax_t to) {
    const auto window = std::min<std::uintmax_t>(to - from, kChunkBytes);
    std::string text(window, '\0');
    in.clear();
    in.seekg(static_cast<std::streamoff>(to - window));
    in.read(text.data(), static_cast<std::streamsize>(window));
    const auto at = text.rfind('\n');
    if (at != std::string::npos) return to - window + at + 1;
    return window < to - from || window == kChunkBytes ? to : from;
  }

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

  Result<void> refresh() {
    TRY_ASSIGN(auto attempts, store_.load_attempts(run_));
    std::stable_sort(attempts.begin(), attempts.end(),
                     [](const auto& a, const auto& b) { return a.started < b.started; });
    std::map<StepPath, int> last;
    for (const auto& attempt : attempts)
      last[attempt.path] = std::max(last[attempt.path], attempt.attempt);
    // What begins while one follows is shown from its first attempt on, what was there from its last.
    for (const auto& [path, number] : last)
      first_.try_emplace(path, fresh_ ? number : 1);
    fresh_ = false;
    for (const auto& attempt : attempts) {
      if (!wanted(attempt)) continue;
      const auto [at, fresh] = known_.try_emplace({attempt.path, attempt.attempt}, shown_.size());
      if (fresh) shown_.push_back(logs_of(attempt));
      shown_[at->second].live = attempt.state == "running";
    }
    return {};
  }

  std::vector<AttemptLogs>& shown() { return shown_; }

 private:
  AttemptLogs logs_of(const metadata::AttemptRow& attempt) const {
    AttemptLogs logs{.folder = attempt.logs, .files = {}};
    for (const auto* stream : kStreams) {
      if (command_.stream != "all" && command_.stream != stream) continue;
      logs.files.push_back({fmt::format("{}, attempt {}, {}", attempt.path.str(), attempt.attempt, stream),
                            logs.folder / (std::string(stream) + ".log")});
    }
    return logs;
  }

  bool wanted(const metadata::AttemptRow& attempt) const {
    if (command_.attempt ? attempt.attempt != *command_.attempt : attempt.attempt < first_.at(attempt.path))
      return false;
    return !command_.step || means_step(*command_.step, attempt.path);
  }

  metadata::Store& store_;
  RunId run_;
  const RunsLogsCommand& command_;
  bool fresh_ = true;
  std::map<StepPath, int> first_;  // the first attempt that is shown
  std::map<std::pair<StepPath, int>, std::size_t> known_;
  std::vector<AttemptLogs> shown_;
};

// Reads along until nobody runs the run any more: the kernel tells of what is written, the run's socket of what begins
// and ends.
class LogFollower {
 public:
  LogFollower(const Program& program, metadata::Store& store, const RunId& run, LogList& list, LogFilePrinter& printer)
      : loop_(program.clock),
        watcher_(loop_),
        list_(list),
        printer_(printer),
        follower_(store, run, loop_, [this](const json::object& event, auto) { on_event(event); }) {}

  // The exit code.
  Result<int> run() {
    const SignalWatch signals([this](int) {
      interrupted_ = true;
      loop_.wake();
    });
    look();
    follower_.start();
    while (!follower_.ended() && !failed_ && !interrupted_)
      loop_.run_once(std::chrono::hours(1));
    if (interrupted_) return exit_code(ErrorCode::cancelled);
    ended_ = true;
    if (!failed_) look();
    if (failed_) return *failed_;
    if (follower_.failed()) return *follower_.failed();
    return 0;
  }

 private:
  void on_event(const json::object& event) {
    const auto* type = event.if_contains("type");
    const bool tells = type != nullptr && type->is_string() && type->get_string().starts_with("step.");
    if (!tells || look_ != runtime::TimerId::none) return;
    look_ = loop_.after(kBurst, [this] { look(); });
  }

  void look() {
    look_ = runtime::TimerId::none;
    if (auto refreshed = list_.refresh(); !refreshed) {
      failed_ = std::move(refreshed).error();
      return;
    }
    for (std::size_t i = next_; i < list_.shown().size(); ++i) {
      AttemptLogs& logs = list_.shown()[i];
      print_new(i);
      const bool watched = logs.watch != runtime::WatchId::none;
      if (logs.live && !watched) {
        logs.watch = watcher_.watch(logs.folder / "stdout.log", [this, i] { print_new(i); }, runtime::Changes::appends);
      } else if (!logs.live && watched) {
        watcher_.forget(logs.watch);
        logs.watch = runtime::WatchId::none;
      }
    }
    // What has ended and was printed is not looked at again.
    while (next_ < list_.shown().size() && !list_.shown()[next_].live)
      ++next_;
  }

  void print_new(std::size_t attempt) {
    AttemptLogs& logs = list_.shown()[attempt];
    for (LogFile& file : logs.files)
      printer_.print_new(file, logs.live && !ended_);
  }

  runtime::EventLoop loop_;
  runtime::FileWatcher watcher_;
  LogList& list_;
  LogFilePrinter& printer_;
  RunFollower follower_;
  runtime::TimerId look_ = runtime::TimerId::none;
  std::size_t next_ = 0;
  std::optional<Error> failed_;
  bool ended_ = false;
  std::atomic<bool> interrupted_ = false;
};

Result<void> check_step(metadata::Store& store, const RunId& run, const std::string& name) {
  TRY_ASSIGN(const auto steps, store.load_steps(run));
  TRY_ASSIGN(const auto row, store.load_run(run));
  // Of a run that goes on a step may be known only to the document yet.
  const auto names = step_names(row.document);
  const auto first = name.substr(0, name.find_first_of("[#/"));
  const bool known =
      std::find(names.begin(), names.end(), first) != names.end() ||
      std::any_of(steps.begin(), steps.end(), [&](const auto& step) { return means_step(name, step.path); });
  return known ? Result<void>() : no_such_step(run, name, steps, names);
}

std::string why_nothing_was_printed(const std::vector<metadata::StepRow>& steps, const RunsLogsCommand& command) {
  for (const auto& step : steps) {
    if (!step.cached || (command.step && !means_step(*command.step, step.path))) continue;
    const auto run = text_of(object_of(step.cache), "run");
    return fmt::format("{} was taken from the cache; what it printed when it ran: stoker runs logs {}", step.path.str(),
                       run);
  }
  return "nothing was printed";
}

}  // namespace

Result<int> run_runs_logs(const Program& program, const CommonOptions& common, const RunsLogsCommand& command) {
  // Before the store makes its threads.
  if (command.follow) block_signals();
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  if (command.step) TRY(check_step(*store, id, *command.step));
  LogList list(*store, id, command);
  LogFilePrinter printer(!command.step || command.stream == "all", command.tail);
  if (command.follow) {
    TRY_ASSIGN(const int code, LogFollower(program, *store, id, list, printer).run());
    if (code != 0) return code;
    TRY_ASSIGN(const auto row, store->load_run(id));
    if (row.state == metadata::RunState::running) {
      say(fmt::format("run {0} was interrupted; finish it with: stoker runs resume {0}", id.str()));
    }
    return 0;
  }
  TRY(list.refresh());
  for (auto& attempt : list.shown()) {
    for (auto& file : attempt.files)
      printer.print_new(file, false);
  }
  if (!printer.printed()) {
    TRY_ASSIGN(const auto steps, store->load_steps(id));
    say(why_nothing_was_printed(steps, command));
  }
  return 0;
}

}  // namespace stoker::cli
