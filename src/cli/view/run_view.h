// RunView: what a person sees of a run, built from its events (docs/reference/run-events.md). Pure: events and times
// in, lines out.
//
// The tree has a line per step of the document; instances of a foreach, iterations of a repeat and steps of a
// sub-pipeline are folded into their step's line as counts, and only those that run or failed get lines of their own,
// as many as fit.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "codec/json.h"

namespace stoker::cli {

enum class StepState { waiting, ready, running, retrying, succeeded, failed, skipped, cancelled };
enum class Colour { plain, dim, green, red, yellow, blue, bold };

// A piece of a line in one colour. The texts of a line's pieces together never exceed the width that was asked for.
struct Piece {
  std::string text;
  Colour colour = Colour::plain;
};
using Line = std::vector<Piece>;

struct StageProgress {
  std::string name;
  long done = 0;
  long total = 0;
};

struct StepView {
  std::string path;
  StepState state = StepState::waiting;
  bool cached = false;
  int attempt = 0;
  SteadyTime started{};
  std::optional<std::chrono::milliseconds> duration;
  std::optional<StageProgress> progress;
  std::string note;  // why skipped, the error's message, the metrics
};

class RunView {
 public:
  // `steps`: the names of the document's steps in order, finally included.
  RunView(std::string pipeline, const std::vector<std::string>& steps);

  void apply(const json::object& event, SteadyTime now);
  // At most `rows` lines, none wider than `columns`.
  std::vector<Line> lines(std::size_t columns, std::size_t rows, SteadyTime now) const;

  const std::string& run_id() const { return run_id_; }
  bool finished() const { return !state_.empty(); }
  // succeeded, failed or cancelled once finished, else "".
  const std::string& state() const { return state_; }

 private:
  struct Row {
    StepView step;                          // the step itself
    std::map<std::string, StepView> inner;  // its instances, iterations and inner steps by path
    std::optional<long> count;              // of a foreach, once expanded
    long known = 0;                         // of inner: those that count towards the step, and how many of them ended
    long done = 0;
    long failed = 0;

    bool counts(const std::string& path) const;
  };

  Row& row_of(const std::string& name);
  std::vector<const Row*> fitting(std::size_t rows) const;
  void apply_step(const std::string& type, const json::object& event, SteadyTime now);
  Line header(std::size_t columns, SteadyTime now) const;
  Line line_of(const StepView& step, const Row* row, std::size_t columns, std::size_t indent, SteadyTime now) const;

  std::string pipeline_;
  std::string run_id_;
  std::string state_;
  std::string stopping_;  // "cancelling" once that was asked for
  std::optional<SteadyTime> started_;
  std::optional<std::chrono::milliseconds> duration_;
  std::vector<Row> rows_;  // in the order of the document
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t name_columns_ = 0;  // of the longest step's name
};

// "0.4 s", "12.3 s", "3 min 05 s", "2 h 07 min".
std::string human_duration(std::chrono::milliseconds duration);
// When a step that is retried starts again: "again in 5.0 s".
std::string again_text(const json::object& event);
std::string human_bytes(double bytes);

}  // namespace stoker::cli
