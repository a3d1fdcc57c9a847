// RunOutput: shows a run while it goes on, in one of four ways: live tree, plain lines, JSON lines, or only what
// failed.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "cli/output.h"
#include "cli/view/run_view.h"
#include "engine/engine.h"

namespace stoker::cli {

enum class RunStyle { tree, plain, json, quiet };

// Chosen from --json, --quiet, --plain and what standard output is.
RunStyle run_style(const Program& program, const CommonOptions& common, bool plain, bool quiet);

// The names of a stored document's steps in order, finally included.
std::vector<std::string> step_names(const json::value& document);

// Thread-safe: events come from the engine's thread, frames are drawn by one of its own.
class RunOutput final : public engine::RunObserver {
 public:
  RunOutput(const Program& program, const CommonOptions& common, RunStyle style, std::string pipeline,
            const std::vector<std::string>& steps);
  ~RunOutput() override;

  void on_event(const json::object& event) override { on_event(event, std::chrono::milliseconds(0)); }
  // Of something that happened `age` ago.
  void on_event(const json::object& event, std::chrono::milliseconds age);
  // The last frame, and the report of a failed run on standard error.
  void close();

 private:
  void draw(std::unique_lock<std::mutex>& lock);
  void draw_until_closed();

  const Program& program_;
  const RunStyle style_;
  const TerminalStyle terminal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  RunView view_;  // guarded by mutex_, like the rest
  Screen screen_;
  std::vector<json::object> failures_;
  std::string run_;
  bool has_parameters_ = false;
  bool closed_ = false;
  std::thread drawer_;
};

}  // namespace stoker::cli
