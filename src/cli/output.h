// Standard output as the verbs see it: its kind and size, times and values for people.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/program.h"
#include "cli/view/screen.h"
#include "cli/view/table.h"

namespace stoker::cli {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

bool is_terminal(int fd);
// Of the terminal on `fd`, else 80 by 24.
TerminalSize terminal_size(int fd);
// Colour: a terminal, no NO_COLOR, no --no-color, TERM not dumb. Unicode: the locale's encoding is UTF-8.
TerminalStyle terminal_style(const Program& program, const CommonOptions& common, int fd);
// Whether the live tree can be drawn on it: a terminal that moves its cursor.
bool can_redraw(const Program& program, int fd);

// "2026-11-21 11:42:33" in UTC.
std::string human_time(WallTime time);
// As --json has it; null for none.
json::value time_json(const std::optional<WallTime>& time);
// "3 min ago".
std::string human_age(WallTime time, WallTime now);
// A value of an output or parameter on one line, at most `columns` wide.
std::string short_value(const json::value& value, std::size_t columns = 60);

// To standard output; what could not be written is found by written_out().
void print(std::string_view text);
// Whether everything that was printed is out: a command whose output went to a full disk has not succeeded.
Result<void> written_out();
// A line to standard error, for people. Whether anybody reads it does not matter: a reader that has paused for some
// seconds misses it, so that nothing waits for him.
void say(std::string_view line);
void warn(std::string_view text);  // "warning: …"
// One line.
void print_json(const json::value& value);
// On a terminal the last column is cut at its width; a pipe gets all of it.
void print_table(const Table& table);

}  // namespace stoker::cli
