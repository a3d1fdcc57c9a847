#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/strings.h"
#include "expression/regex/regex_program.h"
#include "expression/value.h"

namespace stoker::expression {

namespace {

constexpr std::uint32_t kLastPoint = 0x10FFFF;
using Ranges = std::vector<CodePointRange>;

const Ranges kDigits{{'0', '9'}};
const Ranges kWords{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const Ranges kSpaces{{'\t', '\r'}, {' ', ' '}};

enum class PartKind { empty, characters, assertion, group, sequence, alternatives, repeat };

struct Part {
  PartKind kind = PartKind::empty;
  Ranges ranges;
  Opcode assertion = Opcode::match;
  std::optional<std::size_t> group;  // none: (?: )
  std::size_t least = 0;
  std::optional<std::size_t> most;
  bool lazy = false;
  std::vector<Part> parts;
};

Ranges complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(), [](auto a, auto b) { return a.first < b.first; });
  Ranges out;
  std::uint32_t next = 0;
  for (const auto& range : ranges) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = std::max(next, range.last + 1);
  }
  if (next <= kLastPoint) out.push_back({next, kLastPoint});
  return out;
}

// The pattern as code points, read left to right. Every read_* leaves none in case of an error.
class Reader {
 public:
  explicit Reader(std::string_view pattern) : text_(pattern) {}

  std::variant<Part, Error> run() {
    if (!is_utf8(text_)) {
      fail("is not UTF-8");
      return *error_;
    }
    read_flags();
    auto whole = read_alternatives();
    if (whole && at_ < text_.size()) whole = fail("has a ) without its (");
    if (!whole) return *error_;
    return std::move(*whole);
  }
  std::size_t groups() const { return groups_; }

 private:
  std::optional<Part> read_alternatives();
  std::optional<Part> read_sequence();
  std::optional<Part> read_repeated();
  std::optional<Part> read_atom();
  std::optional<Part> read_group();
  std::optional<Part> read_class();
  std::optional<Part> read_escape();
  bool read_count(Part& repeat);
  std::optional<std::uint32_t> read_class_point(Ranges& ranges, bool& is_set);
  // The set of \d, \w, … or none.
  static std::optional<Ranges> set_of(char letter);
  std::optional<std::uint32_t> escaped_point();
  std::optional<std::size_t> read_integer();
  void read_flags();

  bool starts(std::string_view text) const { return text_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!starts(text)) return false;
    at_ += text.size();
    return true;
  }
  std::uint32_t read_point();
  Part characters(Ranges ranges) const;
  static Part assertion(Opcode opcode) { return {.kind = PartKind::assertion, .assertion = opcode}; }
  std::nullopt_t fail(std::string_view what) {
    if (!error_) {
      error_ =
          Error{.code = ErrorCode::invalid_expression,
                .message = fmt::format("pattern {} (at character {})", what, code_points(text_.substr(0, at_)) + 1),
                .hint = "the dialect is RE2's"};
    }
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t groups_ = 0;
  bool ignore_case_ = false;
  bool multiline_ = false;
  bool dot_all_ = false;
  std::optional<Error> error_;
};

void Reader::read_flags() {
  if (!starts("(?")) return;
  const auto end = text_.find_first_not_of("ims", 2);
  if (end == std::string_view::npos || end == 2 || text_[end] != ')') return;
  const auto flags = text_.substr(2, end - 2);
  ignore_case_ = flags.find('i') != std::string_view::npos;
  multiline_ = flags.find('m') != std::string_view::npos;
  dot_all_ = flags.find('s') != std::string_view::npos;
  at_ = end + 1;
}

Part Reader::characters(Ranges ranges) const {
  if (ignore_case_) {
    const auto written = ranges;
    for (std::uint32_t letter = 'a'; letter <= 'z'; ++letter) {
      const std::uint32_t upper = letter - 'a' + 'A';
      for (const auto& range : written) {
        if (range.first <= letter && letter <= range.last) ranges.push_back({upper, upper});
        if (range.first <= upper && upper <= range.last) ranges.push_back({letter, letter});
      }
    }
  }
  return {.kind = PartKind::characters, .ranges = std::move(ranges)};
}

std::uint32_t Reader::read_point() {
  const auto lead = static_cast<unsigned char>(text_[at_++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  std::uint32_t point = lead & (0x3FU >> more);
  for (int i = 0; i < more; ++i)
    point = (point << 6) | (static_cast<unsigned char>(text_[at_++]) & 0x3FU);
  return point;
}

std::optional<Part> Reader::read_alternatives() {
  if (++depth_ > Regex::kMaximumDepth) return fail(fmt::format("is nested deeper than {}", Regex::kMaximumDepth));
  Part all{.kind = PartKind::alternatives};
  do {
    auto one = read_sequence();
    if (!one) return std::nullopt;
    all.parts.push_back(std::move(*one));
  } while (take("|"));
  --depth_;
  if (all.parts.size() == 1) return std::move(all.parts[0]);
  return all;
}

std::optional<Part> Reader::read_sequence() {
  Part sequence{.kind = PartKind::sequence};
  while (at_ < text_.size() && !starts("|") && !starts(")")) {
    auto next = read_repeated();
    if (!next) return std::nullopt;
    sequence.parts.push_back(std::move(*next));
  }
  return sequence;
}

std::optional<Part> Reader::read_repeated() {
  auto atom = read_atom();
  if (!atom) return std::nullopt;
  Part repeat{.kind = PartKind::repeat};
  if (take("*")) {
  } else if (take("+")) {
    repeat.least = 1;
  } else if (take("?")) {
    repeat.most = 1;
  } else if (!starts("{") || !read_count(repeat)) {
    if (error_) return std::nullopt;
    return atom;
  }
  repeat.lazy = take("?");
  if (starts("*") || starts("+") || starts("?")) return fail("repeats a repetition");
  repeat.parts.push_back(std::move(*atom));
  return repeat;
}

std::optional<std::size_t> Reader::read_integer() {
  const auto start = at_;
  std::size_t value = 0;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
    value = std::min<std::size_t>(value * 10 + static_cast<std::size_t>(text_[at_] - '0'), Regex::kMaximumRepeat + 1);
    ++at_;
  }
  if (start == at_) return std::nullopt;
  return value;
}

// {m}, {m,} or {m,n}; anything else is literal text, as in RE2.
bool Reader::read_count(Part& repeat) {
  const auto start = at_++;
  const auto least = read_integer();
  auto most = least;
  if (least && take(",")) most = read_integer();
  const bool open = least && !most;
  if (!least || !take("}")) {
    at_ = start;
    return false;
  }
  if (*least > Regex::kMaximumRepeat || (!open && *most > Regex::kMaximumRepeat)) {
    fail(fmt::format("repeats more than {} times", Regex::kMaximumRepeat));
    return false;
  }
  if (!open && *most < *least) {
    fail("repeats at least more than at most");
    return false;
  }
  repeat.least = *least;
  repeat.most = most;
  return true;
}

std::optional<Part> Reader::read_atom() {
  const char c = text_[at_];
  switch (c) {
    case '(': return read_group();
    case '[': return read_class();
    case '\\': return read_escape();
    case '*':
    case '+':
    case '?': return fail(fmt::format("repeats nothing with {}", c));
    case '^': ++at_; return assertion(multiline_ ? Opcode::line_start : Opcode::text_start);
    case '$': ++at_; return assertion(multiline_ ? Opcode::line_end : Opcode::text_end);
    case '.':
      ++at_;
      return Part{.kind = PartKind::characters,
                  .ranges = dot_all_ ? Ranges{{0, kLastPoint}} : complement({{'\n', '\n'}})};
    default: break;
  }
  const auto point = read_point();
  return characters({{point, point}});
}

std::optional<Part> Reader::read_group() {
  ++at_;
  Part group{.kind = PartKind::group};
  if (take("?P<") || take("?<")) {
    if (starts("=") || starts("!")) return fail("looks behind, which takes more than linear time");
    const auto end = text_.find('>', at_);
    if (end == std::string_view::npos || end == at_) return fail("has a group name without its end");
    at_ = end + 1;
    group.group = ++groups_;
  } else if (take("?:")) {
  } else if (starts("?=") || starts("?!")) {
    return fail("looks ahead, which takes more than linear time");
  } else if (starts("?")) {
    return fail("has an unknown group (?");
  } else {
    group.group = ++groups_;
  }
  auto inner = read_alternatives();
  if (!inner) return std::nullopt;
  if (!take(")")) return fail("has a ( without its )");
  group.parts.push_back(std::move(*inner));
  return group;
}

std::optional<Ranges> Reader::set_of(char letter) {
  switch (letter) {
    case 'd': return kDigits;
    case 'w': return kWords;
    case 's': return kSpaces;
    case 'D': return complement(kDigits);
    case 'W': return complement(kWords);
    case 'S': return complement(kSpaces);
    default: return std::nullopt;
  }
}

// After the backslash.
std::optional<std::uint32_t> Reader::escaped_point() {
  if (at_ >= text_.size()) return fail("ends with a backslash");
  const char c = text_[at_];
  constexpr std::string_view kLetters = "afnrtv";
  constexpr std::string_view kMeanings = "\a\f\n\r\t\v";
  if (const auto letter = kLetters.find(c); letter != std::string_view::npos) {
    ++at_;
    return static_cast<std::uint32_t>(kMeanings[letter]);
  }
  if (c == 'x') {
    ++at_;
    std::uint32_t point = 0;
    for (int i = 0; i < 2; ++i, ++at_) {
      const char digit = at_ < text_.size() ? text_[at_] : ' ';
      const auto value = std::string_view("0123456789abcdef").find(static_cast<char>(digit | 0x20));
      if (value == std::string_view::npos) return fail("has \\x without two hexadecimal digits");
      point = point * 16 + static_cast<std::uint32_t>(value);
    }
    return point;
  }
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
    return fail(c >= '1' && c <= '9' ? "refers back to a group, which takes more than linear time"
                                     : std::string("has the unknown escape \\") + c);
  }
  return read_point();
}

std::optional<Part> Reader::read_escape() {
  ++at_;
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (auto set = set_of(c)) {
    ++at_;
    return characters(std::move(*set));
  }
  if (take("b")) return assertion(Opcode::word_boundary);
  if (take("B")) return assertion(Opcode::not_word_boundary);
  if (take("A")) return assertion(Opcode::text_start);
  if (take("z")) return assertion(Opcode::text_end);
  const auto point = escaped_point();
  if (!point) return std::nullopt;
  return characters({{*point, *point}});
}

// One end of a range, or a whole set such as \d or [:alpha:] added to `ranges`.
std::optional<std::uint32_t> Reader::read_class_point(Ranges& ranges, bool& is_set) {
  is_set = false;
  if (starts("[:")) return fail("has a POSIX class: write \\d, \\w, \\s or a range");
  if (!take("\\")) return read_point();
  if (const auto set = set_of(at_ < text_.size() ? text_[at_] : '\0')) {
    ++at_;
    ranges.insert(ranges.end(), set->begin(), set->end());
    is_set = true;
    return 0;
  }
  return escaped_point();
}

std::optional<Part> Reader::read_class() {
  ++at_;
  const bool negated = take("^");
  Ranges ranges;
  bool first = true;
  while (first || !starts("]")) {
    if (at_ >= text_.size()) return fail("has a [ without its ]");
    first = false;
    bool is_set = false;
    const auto from = read_class_point(ranges, is_set);
    if (!from) return std::nullopt;
    if (is_set) continue;
    auto to = from;
    if (starts("-") && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
      ++at_;
      to = read_class_point(ranges, is_set);
      if (!to) return std::nullopt;
      if (is_set || *to < *from) return fail("has a range that runs backwards");
    }
    ranges.push_back({*from, *to});
  }
  ++at_;
  auto part = characters(std::move(ranges));
  if (negated) part.ranges = complement(std::move(part.ranges));
  return part;
}

class Emitter {
 public:
  bool emit(const Part& part);
  Regex::Program take(std::size_t groups) && {
    put({Opcode::match});
    program_.groups = groups;
    return std::move(program_);
  }
  std::size_t put(Instruction instruction) {
    program_.code.push_back(instruction);
    return program_.code.size() - 1;
  }

 private:
  bool emit_all(const std::vector<Part>& parts) {
    return std::all_of(parts.begin(), parts.end(), [&](auto& p) { return emit(p); });
  }
  bool emit_alternatives(const Part& part);
  bool emit_repeat(const Part& part);
  // Repeated parts share their class.
  std::size_t class_of(const Part& part) {
    const auto [found, added] = classes_.try_emplace(&part, program_.classes.size());
    if (added) program_.classes.push_back(complement(complement(part.ranges)));
    return found->second;
  }
  std::size_t here() const { return program_.code.size(); }
  // A split that tries the next instruction first (or last, if lazy); the other way is set by aim().
  std::size_t fork() { return put({Opcode::split}); }
  void aim(std::size_t at, std::size_t next, std::size_t away, bool lazy) {
    program_.code[at].x = lazy ? away : next;
    program_.code[at].y = lazy ? next : away;
  }

  Regex::Program program_;
  std::map<const Part*, std::size_t> classes_;
};

bool Emitter::emit(const Part& part) {
  if (here() > Regex::kMaximumInstructions) return false;
  switch (part.kind) {
    case PartKind::empty: return true;
    case PartKind::characters: put({Opcode::one_of, class_of(part)}); return true;
    case PartKind::assertion: put({part.assertion}); return true;
    case PartKind::sequence: return emit_all(part.parts);
    case PartKind::group: {
      if (part.group) put({Opcode::save, *part.group * 2});
      if (!emit_all(part.parts)) return false;
      if (part.group) put({Opcode::save, *part.group * 2 + 1});
      return true;
    }
    case PartKind::alternatives: return emit_alternatives(part);
    case PartKind::repeat: return emit_repeat(part);
  }
  return true;
}

bool Emitter::emit_alternatives(const Part& part) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i + 1 < part.parts.size(); ++i) {
    const auto split = fork();
    if (!emit(part.parts[i])) return false;
    ends.push_back(put({Opcode::jump}));
    aim(split, split + 1, here(), false);
  }
  if (!emit(part.parts.back())) return false;
  for (const auto end : ends)
    program_.code[end].x = here();
  return true;
}

bool Emitter::emit_repeat(const Part& part) {
  for (std::size_t i = 0; i < part.least; ++i) {
    const auto before = here();
    if (!emit_all(part.parts)) return false;
    if (here() == before) break;  // nothing, a thousand times: ((){1000}){1000} must not be counted out
  }
  if (!part.most) {
    const auto split = fork();
    if (!emit_all(part.parts)) return false;
    put({Opcode::jump, split});
    aim(split, split + 1, here(), part.lazy);
    return true;
  }
  std::vector<std::size_t> splits;
  for (std::size_t i = part.least; i < *part.most; ++i) {
    splits.push_back(fork());
    if (!emit_all(part.parts)) return false;
  }
  for (const auto split : splits)
    aim(split, split + 1, here(), part.lazy);
  return true;
}

}  // namespace

std::variant<Regex::Program, Error> compile_regex(std::string_view pattern) {
  if (pattern.size() > Regex::kMaximumPatternBytes) {
    return Error{.code = ErrorCode::invalid_expression,
                 .message = fmt::format("pattern is longer than {} bytes", Regex::kMaximumPatternBytes)};
  }
  Reader reader(pattern);
  auto parsed = reader.run();
  if (auto* error = std::get_if<Error>(&parsed)) return std::move(*error);
  Emitter emitter;
  if (!emitter.emit(std::get<Part>(parsed))) {
    return Error{.code = ErrorCode::invalid_expression,
                 .message = fmt::format("pattern needs more than {} instructions", Regex::kMaximumInstructions),
                 .hint = "counted repetitions multiply: write fewer or smaller ones"};
  }
  return std::move(emitter).take(reader.groups());
}

}  // namespace stoker::expression
