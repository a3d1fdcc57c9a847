#include "cli/view/text_width.h"

#include <algorithm>
#include <array>

namespace stoker::cli {

namespace {

struct Symbol {
  char32_t code = 0;
  std::size_t bytes = 1;
};

// One code point; an invalid byte comes back as itself with a length of one.
Symbol decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  std::size_t length = 1;
  char32_t code = lead;
  if (lead >= 0xF0 && lead < 0xF8) {
    length = 4;
    code = lead & 0x07U;
  } else if (lead >= 0xE0) {
    length = 3;
    code = lead & 0x0FU;
  } else if (lead >= 0xC0) {
    length = 2;
    code = lead & 0x1FU;
  }
  if (length == 1 || text.size() < length) return {U'\uFFFD', 1};
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) return {U'\uFFFD', 1};
    code = (code << 6U) | (next & 0x3FU);
  }
  return {code, length};
}

struct Range {
  char32_t first;
  char32_t last;
};

// Wide and zero-width blocks that matter in names and messages (Unicode 15, East Asian Width W and F, and combining
// marks).
constexpr std::array<Range, 12> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0x33FF},
                                          {0x3400, 0x4DBF},
                                          {0x4E00, 0x9FFF},
                                          {0xA000, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF00, 0xFF60},
                                          {0x1F300, 0x1FAFF},
                                          {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 6> kZero = {
    {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x1AB0, 0x1AFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}}};

template <std::size_t size>
bool contains(const std::array<Range, size>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return code >= r.first && code <= r.last; });
}

std::size_t width_of(char32_t code) {
  if (contains(kZero, code)) return 0;
  return contains(kWide, code) ? 2 : 1;
}

Symbol next(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  return lead < 0x80 ? Symbol{lead, 1} : decode(text);
}

}  // namespace

std::size_t text_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto symbol = next(text);
    columns += width_of(symbol.code);
    text.remove_prefix(symbol.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (text_width(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const auto symbol = next(text);
    const auto width = width_of(symbol.code);
    if (used + width > columns - 1) break;
    used += width;
    out += text.substr(0, symbol.bytes);
    text.remove_prefix(symbol.bytes);
  }
  return out + "…";
}

std::string pad(std::string_view text, std::size_t columns) {
  auto out = fit(text, columns);
  out.append(columns - text_width(out), ' ');
  return out;
}

std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto symbol = next(text);
    const bool invalid = symbol.code == U'\uFFFD' && symbol.bytes == 1;
    if (symbol.code == '\n' || symbol.code == '\t' || symbol.code == '\r') {
      out += ' ';
    } else if (symbol.code < 0x20 || symbol.code == 0x7F || (symbol.code >= 0x80 && symbol.code < 0xA0) || invalid) {
      out += "\uFFFD";
    } else {
      out += text.substr(0, symbol.bytes);
    }
    text.remove_prefix(symbol.bytes);
  }
  return out;
}

}  // namespace stoker::cli
