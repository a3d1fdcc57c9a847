#include "cli/submit/log_printer.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace stoker::cli {

namespace {

constexpr std::size_t kMaximumWaitingBytes = 8 << 20;

}  // namespace

struct LogPrinter::State {
  explicit State(int its_descriptor) : descriptor(its_descriptor) {}

  const int descriptor;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::string waiting;   // guarded by mutex, as what follows
  bool writing = false;  // a piece that was taken out of `waiting`
  bool closed = false;
  std::atomic<bool> gone = false;  // the reader

  void run() {
    while (true) {
      std::string piece;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return closed || !waiting.empty(); });
        if (waiting.empty()) return;
        piece.swap(waiting);
        writing = true;
      }
      changed.notify_all();
      write_all(piece);
      {
        std::scoped_lock lock(mutex);
        writing = false;
      }
      changed.notify_all();
    }
  }

  void write_all(std::string_view piece) {
    while (!piece.empty() && !gone) {
      const ssize_t written = ::write(descriptor, piece.data(), piece.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0)
        gone = true;
      else
        piece.remove_prefix(static_cast<std::size_t>(written));
    }
  }
};

LogPrinter::LogPrinter(int descriptor) : state_(std::make_shared<State>(descriptor)) {
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
  if (state_->gone) return;
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, stop, [&] { return state_->gone || state_->waiting.size() < kMaximumWaitingBytes; });
  if (stop.stop_requested()) return;
  state_->waiting += text;
  lock.unlock();
  state_->changed.notify_all();
}

void LogPrinter::finish(const runtime::StopToken& stop) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, stop, [&] { return state_->gone || (state_->waiting.empty() && !state_->writing); });
}

bool LogPrinter::reader_is_gone() const {
  return state_->gone;
}

}  // namespace stoker::cli
