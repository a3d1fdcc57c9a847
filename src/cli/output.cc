#include "cli/output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "cli/view/text_width.h"
#include "codec/json_fields.h"
#include "codec/time.h"
#include "net/url.h"

namespace stoker::cli {

using codec::text_of;

bool is_terminal(int fd) {
  return isatty(fd) == 1;
}

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

bool can_redraw(const Program& program, int fd) {
  const auto term = program.variable("TERM").value_or("");
  return is_terminal(fd) && !term.empty() && term != "dumb";
}

TerminalStyle terminal_style(const Program& program, const CommonOptions& common, int fd) {
  TerminalStyle style;
  style.colour = !common.no_color && can_redraw(program, fd) && program.variable("NO_COLOR").value_or("").empty();
  std::string locale;
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (locale.empty()) locale = program.variable(name).value_or("");
  }
  for (auto& c : locale)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  // Without any locale (containers, cron) today's terminals still take UTF-8; a locale that names another encoding is
  // believed.
  style.unicode =
      locale.empty() || locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  return style;
}

std::string human_time(WallTime time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(std::chrono::floor<std::chrono::seconds>(time)));
}

json::value time_json(const std::optional<WallTime>& time) {
  return time ? json::value(codec::format_time(*time)) : json::value();
}

std::string human_age(WallTime time, WallTime now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - time).count();
  if (seconds < 0) return "in the future";
  if (seconds < 60) return fmt::format("{} s ago", seconds);
  if (seconds < 3600) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 86'400) return fmt::format("{} h ago", seconds / 3600);
  return fmt::format("{} d ago", seconds / 86'400);
}

std::string short_value(const json::value& value, std::size_t columns) {
  if (const auto* object = value.if_object()) {
    if (const auto* file = object->if_contains("$file"); file != nullptr && file->is_object()) {
      return fit(one_line(text_of(file->get_object(), "path")), columns);
    }
    if (const auto* table = object->if_contains("$table"); table != nullptr && table->is_object()) {
      const auto* version = table->get_object().if_contains("version");
      const auto shown = version == nullptr ? std::string()
                                            : "@" + (version->is_string() ? std::string(version->get_string())
                                                                          : codec::write_json(*version));
      return fit(one_line(text_of(table->get_object(), "name") + shown), columns);
    }
    if (const auto* secret = object->if_contains("$secret"); secret != nullptr && secret->is_string())
      return "(secret)";
    if (const auto* artifact = object->if_contains("$artifact"); artifact != nullptr && artifact->is_object()) {
      return fit(text_of(artifact->get_object(), "type") + " artifact", columns);
    }
  }
  if (const auto* text = value.if_string()) return fit(one_line(std::string_view(*text)), columns);
  return fit(one_line(codec::write_json(value)), columns);
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Result<void> written_out() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  // Of a write before this one the number is not known any more.
  Error error = system_error("cannot write to standard output", errno != 0 ? errno : EIO);
  // Said once: what is left in the buffer would fail again.
  __fpurge(stdout);
  std::clearerr(stdout);
  return error;
}

void say(std::string_view line) {
  constexpr int kPatience_ms = 3'000;
  pollfd descriptor{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&descriptor, 1, kPatience_ms) == 0) return;
  const std::string whole = std::string(line) + "\n";
  std::fwrite(whole.data(), 1, whole.size(), stderr);
}

void warn(std::string_view text) {
  say("warning: " + net::without_password(std::string(text)));
}

void print_json(const json::value& value) {
  print(codec::write_json(value) + "\n");
}

void print_table(const Table& table) {
  print(table.text(is_terminal(STDOUT_FILENO) ? terminal_size(STDOUT_FILENO).columns : 0));
}

}  // namespace stoker::cli
