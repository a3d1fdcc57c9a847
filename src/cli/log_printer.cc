#include "cli/log_printer.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/file.h"

namespace stoker::cli {

namespace {

constexpr std::size_t kMaximumWaitingBytes = 8 << 20;

}  // namespace

struct LogPrinter::State {
  State(int its_descriptor, OnFailure its_on_failure)
      : descriptor(its_descriptor), on_failure(std::move(its_on_failure)) {}

  const int descriptor;
  const OnFailure on_failure;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::string waiting;   // guarded by mutex, as what follows
  bool writing = false;  // a piece that was taken out of `waiting`
  bool closed = false;
  std::optional<Error> failure;

  void run() {
    std::unique_lock lock(mutex);
    while (!failure) {
      changed.wait(lock, [this] { return closed || !waiting.empty(); });
      if (waiting.empty()) return;
      const std::string piece = std::exchange(waiting, {});
      writing = true;
      lock.unlock();
      changed.notify_all();
      auto written = runtime::write_all(descriptor, piece).with_context("cannot print the log");
      lock.lock();
      writing = false;
      if (!written) failure = std::move(written).error();
      changed.notify_all();
    }
    lock.unlock();
    if (on_failure) on_failure(*failure);  // which nobody changes any more
  }
};

LogPrinter::LogPrinter(int descriptor, OnFailure on_failure)
    : state_(std::make_shared<State>(descriptor, std::move(on_failure))) {
  std::thread([state = state_] { state->run(); }).detach();
}

LogPrinter::~LogPrinter() {
  {
    std::scoped_lock lock(state_->mutex);
    state_->closed = true;
    state_->waiting.clear();
  }
  state_->changed.notify_all();
}

void LogPrinter::print(std::string_view text, const runtime::StopToken& stop) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, stop, [&] { return state_->failure || state_->waiting.size() < kMaximumWaitingBytes; });
  if (stop.stop_requested() || state_->failure) return;
  state_->waiting += text;
  lock.unlock();
  state_->changed.notify_all();
}

Result<void> LogPrinter::finish(const runtime::StopToken& stop) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, stop, [&] { return state_->failure || (state_->waiting.empty() && !state_->writing); });
  if (state_->failure) return *state_->failure;
  return {};
}

}  // namespace stoker::cli
