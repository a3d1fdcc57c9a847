#include "local/text.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"

namespace stoker::local {

namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Length of the valid UTF-8 sequence at the start, none when it is not valid (overlong forms and surrogates included).
std::optional<std::size_t> sequence_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
  }
  bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  bool beyond = (first == 0xed && byte(1) >= 0xa0) || (first == 0xf4 && byte(1) >= 0x90);
  if (overlong || beyond) return std::nullopt;
  return length;
}

bool is_control(unsigned char byte) {
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

// Length of an escape sequence at the start (ESC [ … letter, or ESC and one more byte).
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] != '[') return 2;
  std::size_t i = 2;
  while (i < text.size() && (text[i] < '@' || text[i] > '~'))
    ++i;
  return std::min(i + 1, text.size());
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte == 0x1b) {
      i += escape_length(bytes.substr(i));
    } else if (byte == '\r') {
      if (i + 1 < bytes.size() && bytes[i + 1] != '\n') text.resize(line_start);
      ++i;
    } else if (byte == '\n') {
      text += '\n';
      line_start = text.size();
      ++i;
    } else if (const auto length = is_control(byte) ? std::nullopt : sequence_length(bytes.substr(i))) {
      text += bytes.substr(i, *length);
      i += *length;
    } else {
      text += kReplacement;
      ++i;
    }
  }
  return text;
}

std::string printable_tail(std::string_view bytes, std::size_t lines, std::size_t limit) {
  if (bytes.size() > limit) bytes.remove_prefix(bytes.size() - limit);
  std::string text = printable(bytes);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  std::size_t start = text.size();
  for (std::size_t count = 0; count < lines && start != 0; ++count) {
    auto newline = text.rfind('\n', start - 1);
    if (newline == std::string::npos) return text;
    if (count + 1 == lines) return text.substr(newline + 1);
    start = newline;
  }
  return text;
}

}  // namespace stoker::local
