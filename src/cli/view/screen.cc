#include "cli/view/screen.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cli/view/text_width.h"

namespace stoker::cli {

namespace {

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::plain: return "";
    case Colour::dim: return "\x1b[2m";
    case Colour::green: return "\x1b[32m";
    case Colour::red: return "\x1b[31m";
    case Colour::yellow: return "\x1b[33m";
    case Colour::blue: return "\x1b[34m";
    case Colour::bold: return "\x1b[1m";
  }
  return "";
}

// For terminals whose locale is not UTF-8.
std::string ascii(const std::string& text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kMarks = {{{"✓", "+"},
                                                                                            {"✗", "x"},
                                                                                            {"●", "*"},
                                                                                            {"○", "o"},
                                                                                            {"·", "."},
                                                                                            {"↻", "r"},
                                                                                            {"–", "-"},
                                                                                            {"■", "#"},
                                                                                            {"━", "="},
                                                                                            {"─", "-"},
                                                                                            {"…", "~"}}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if ((static_cast<unsigned char>(text[i]) & 0x80U) == 0) {
      out += text[i++];
      continue;
    }
    std::string_view replacement = "?";
    std::size_t length = 1;
    while (i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xC0U) == 0x80)
      ++length;
    for (const auto& [mark, plain] : kMarks) {
      if (std::string_view(text).substr(i, length) == mark) replacement = plain;
    }
    out += replacement;
    i += length;
  }
  return out;
}

constexpr std::string_view kBegin = "\x1b[?2026h\x1b[?25l";  // one synchronised update, cursor hidden
constexpr std::string_view kEnd = "\x1b[?25h\x1b[?2026l";

}  // namespace

std::string paint(const Line& line, const TerminalStyle& style) {
  std::string out;
  for (const auto& piece : line) {
    const auto text = style.unicode ? piece.text : ascii(piece.text);
    const auto code = style.colour ? code_of(piece.colour) : std::string_view();
    out += code.empty() ? text : fmt::format("{}{}\x1b[0m", code, text);
  }
  return out;
}

std::string Screen::erase(std::size_t columns) {
  std::size_t rows = 0;
  for (const auto width : widths_)
    rows += columns == 0 || width <= columns ? 1 : (width + columns - 1) / columns;
  std::string out;
  if (rows > 0) out += fmt::format("\x1b[{}F", rows);
  out += "\x1b[J";
  shown_.clear();
  widths_.clear();
  return out;
}

std::string Screen::frame(const std::vector<Line>& lines, std::size_t columns) {
  std::vector<std::string> next;
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    next.push_back(paint(line, style_));
    std::size_t width = 0;
    for (const auto& piece : line)
      width += text_width(piece.text);
    widths.push_back(width);
  }
  if (next == shown_ && columns == columns_) return "";

  std::string out(kBegin);
  if (columns != columns_ && columns_ != 0) out += erase(columns);
  columns_ = columns;
  const std::size_t before = shown_.size();
  if (before > 0) out += fmt::format("\x1b[{}F", before);
  for (std::size_t i = 0; i < next.size(); ++i) {
    const bool same = i < before && next[i] == shown_[i];
    out += same ? "\n" : "\r" + next[i] + "\x1b[K\n";
  }
  if (next.size() < before) out += "\x1b[J";
  shown_ = std::move(next);
  widths_ = std::move(widths);
  out += kEnd;
  return out;
}

std::string Screen::above(const std::string& text) {
  std::string out(kBegin);
  out += erase(columns_);
  out += text;
  out += kEnd;
  return out;
}

void Screen::close() {
  shown_.clear();
  widths_.clear();
}

}  // namespace stoker::cli
