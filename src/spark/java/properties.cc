#include "spark/java/properties.h"

#include <fmt/format.h>

#include <optional>

namespace stoker::spark {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}
bool is_break(char c) {
  return c == '\n' || c == '\r';
}

struct LogicalLine {
  std::string text;  // continuations joined, escapes as written
  int line = 0;
};

// Cuts a text into logical lines: without comments and blank lines, a line that ends with an odd number of backslashes
// joined with the next, whose leading blanks go.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}

  std::optional<LogicalLine> next() {
    LogicalLine found;
    bool continued = false;
    while (at_ < text_.size()) {
      skip_blanks();
      // A blank line after a continuation ends what was continued; one of its own is nothing.
      if (!continued && skip_break()) continue;
      if (found.text.empty() && at_ < text_.size() && (text_[at_] == '#' || text_[at_] == '!')) {
        skip_comment();
        continued = false;
        continue;
      }
      if (found.text.empty()) found.line = line_;
      const bool goes_on = read_rest(found.text);
      if (!goes_on && !found.text.empty()) return found;
      continued = goes_on;
      // A lone backslash at the end of the file is a property without name and value.
      if (goes_on && at_ >= text_.size()) return found;
    }
    if (found.text.empty()) return std::nullopt;
    return found;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_]))
      ++at_;
  }

  bool skip_break() {
    if (at_ >= text_.size() || !is_break(text_[at_])) return false;
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
    return true;
  }

  void skip_comment() {
    while (at_ < text_.size() && !is_break(text_[at_]))
      ++at_;
    skip_break();
  }

  // The rest of a line into `out`; whether the next line continues it.
  bool read_rest(std::string& out) {
    bool escapes = false;
    for (; at_ < text_.size() && !is_break(text_[at_]); ++at_) {
      out += text_[at_];
      escapes = text_[at_] == '\\' && !escapes;
    }
    if (escapes) out.pop_back();
    skip_break();
    return escapes;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

void append_utf8(std::string& out, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0 | (point >> 6));
    add(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    add(0xE0 | (point >> 12));
    add(0x80 | ((point >> 6) & 0x3F));
    add(0x80 | (point & 0x3F));
  } else {
    add(0xF0 | (point >> 18));
    add(0x80 | ((point >> 12) & 0x3F));
    add(0x80 | ((point >> 6) & 0x3F));
    add(0x80 | (point & 0x3F));
  }
}

// The four hex digits at `at`.
std::optional<std::uint32_t> code_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return std::nullopt;
  std::uint32_t unit = 0;
  for (const char c : text.substr(at, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return unit;
}

bool is_high_surrogate(std::uint32_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low_surrogate(std::uint32_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// Escapes replaced. nullopt: a malformed \u.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    const char escape = text[++at];
    if (escape != 'u') {
      out += escape == 't' ? '\t' : escape == 'n' ? '\n' : escape == 'r' ? '\r' : escape == 'f' ? '\f' : escape;
      continue;
    }
    const auto unit = code_unit(text, at + 1);
    if (!unit) return std::nullopt;
    at += 4;
    // Java's texts are UTF-16: two escapes may be one character. Half of one has no UTF-8, and Java writes `?` for it.
    const bool pair_follows = is_high_surrogate(*unit) && text.substr(at + 1).starts_with("\\u");
    const auto second = pair_follows ? code_unit(text, at + 3) : std::nullopt;
    if (second && is_low_surrogate(*second)) {
      append_utf8(out, 0x10000 + ((*unit - 0xD800) << 10) + (*second - 0xDC00));
      at += 6;
    } else if (is_high_surrogate(*unit) || is_low_surrogate(*unit)) {
      out += '?';
    } else {
      append_utf8(out, *unit);
    }
  }
  return out;
}

// Where the key ends (at the first unescaped `=`, `:` or blank) and where the value begins.
std::pair<std::size_t, std::size_t> split(std::string_view line) {
  std::size_t end = 0;
  for (bool escaped = false; end < line.size(); ++end) {
    const char c = line[end];
    if (!escaped && (c == '=' || c == ':' || is_blank(c))) break;
    escaped = c == '\\' && !escaped;
  }
  std::size_t value = end;
  bool separated = false;
  for (; value < line.size(); ++value) {
    const char c = line[value];
    if (is_blank(c)) continue;
    if (separated || (c != '=' && c != ':')) break;
    separated = true;
  }
  return {end, value};
}

enum class Spaces { leading, all };

void append_escaped(std::string& out, std::string_view text, Spaces spaces) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    switch (c) {
      case ' ':
        if (at == 0 || spaces == Spaces::all) out += '\\';
        out += ' ';
        break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\f': out += "\\f"; break;
      case '=':
      case ':':
      case '#':
      case '!':
      case '\\':
        out += '\\';
        out += c;
        break;
      default: out += c;
    }
  }
}

}  // namespace

Result<std::vector<Property>> read_java_properties(std::string_view text) {
  std::vector<Property> properties;
  LineReader lines(text);
  while (const auto line = lines.next()) {
    const std::string_view whole = line->text;
    const auto [key_end, value_begin] = split(whole);
    auto key = unescaped(whole.substr(0, key_end));
    auto value = unescaped(whole.substr(value_begin));
    if (!key || !value) {
      return Error{.code = ErrorCode::invalid_value,
                   .message = fmt::format("line {}: \\u must be followed by four hex digits", line->line),
                   .hint = "write \\\\ for a backslash"};
    }
    properties.push_back({std::move(*key), std::move(*value), line->line});
  }
  return properties;
}

std::string write_java_properties(std::span<const Property> properties) {
  std::string out;
  for (const Property& property : properties) {
    append_escaped(out, property.key, Spaces::all);
    out += '=';
    append_escaped(out, property.value, Spaces::leading);
    out += '\n';
  }
  return out;
}

}  // namespace stoker::spark
