// Screen: keeps a block of lines at the bottom of a terminal up to date without flicker. Only lines that changed are
// written, inside one write(2); text printed above the block scrolls as usual. ANSI sequences of xterm that every
// current terminal has.
#pragma once

#include <string>
#include <vector>

#include "cli/view/run_view.h"

namespace stoker::cli {

// What a terminal can do, decided once from the environment (see terminal.h).
struct TerminalStyle {
  bool colour = true;
  bool unicode = true;
};

std::string paint(const Line& line, const TerminalStyle& style);

class Screen {
 public:
  explicit Screen(TerminalStyle style) : style_(style) {}

  // The bytes that turn what is shown into `lines`, on a terminal of `columns` columns. When the width changed since
  // the last frame the old block is cleared as a whole, since the terminal may have wrapped it.
  std::string frame(const std::vector<Line>& lines, std::size_t columns);
  // The bytes that print `text` (whole lines) above the block; the block is drawn anew with the next frame.
  std::string above(const std::string& text);
  // Leaves the block where it is, as ordinary text above the cursor.
  void close();

 private:
  // Clears the block as a terminal of `columns` columns shows it: a line wider than that is wrapped over several rows.
  std::string erase(std::size_t columns);

  TerminalStyle style_;
  std::vector<std::string> shown_;
  std::vector<std::size_t> widths_;
  std::size_t columns_ = 0;
};

}  // namespace stoker::cli
