#include "expression/regex/regex.h"

#include <algorithm>
#include <limits>

#include "expression/regex/regex_program.h"

namespace stoker::expression {

namespace {

constexpr auto kNowhere = std::numeric_limits<std::size_t>::max();
constexpr std::uint32_t kReplacement = 0xFFFD;

// A byte that is no UTF-8 counts as one character that no class but a negated one names.
std::uint32_t decode(std::string_view text, std::size_t at, std::size_t& length) {
  const auto lead = static_cast<unsigned char>(text[at]);
  length = 1;
  if (lead < 0x80) return lead;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + size > text.size()) return kReplacement;
  std::uint32_t point = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) return kReplacement;
    point = (point << 6) | (next & 0x3FU);
  }
  length = size;
  return point;
}

bool is_word(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  const char c = text[at];
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool holds(Opcode assertion, std::string_view text, std::size_t at) {
  const bool boundary = (at > 0 && is_word(text, at - 1)) != is_word(text, at);
  switch (assertion) {
    case Opcode::text_start: return at == 0;
    case Opcode::text_end: return at == text.size();
    case Opcode::line_start: return at == 0 || text[at - 1] == '\n';
    case Opcode::line_end: return at == text.size() || text[at] == '\n';
    case Opcode::word_boundary: return boundary;
    default: return !boundary;
  }
}

bool in_class(const std::vector<CodePointRange>& ranges, std::uint32_t point) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), point, [](auto p, auto range) { return p < range.first; });
  return after != ranges.begin() && point <= std::prev(after)->last;
}

// All ways through the program walk the text together, best first; an instruction is in the list once, so a character
// costs at most one visit of each.
class Machine {
 public:
  Machine(const Regex::Program& program, std::string_view text, bool captures)
      : program_(program),
        text_(text),
        slots_(captures ? (program.groups + 1) * 2 : 0),
        mark_(program.code.size(), 0) {}

  bool run(std::vector<std::size_t>& found) {
    bool matched = false;
    std::vector<Thread> now;
    std::vector<Thread> next;
    for (std::size_t at = 0;;) {
      if (!matched) {
        // Where the threads of this position were added already, their instructions are marked and stay first.
        add(now, 0, at, std::vector<std::size_t>(slots_, kNowhere));
      }
      if (now.empty() && matched) break;
      std::size_t length = 1;
      const bool more = at < text_.size();
      const auto point = more ? decode(text_, at, length) : 0;
      ++generation_;
      next.clear();
      for (auto& thread : now) {
        const auto& instruction = program_.code[thread.pc];
        if (instruction.opcode == Opcode::match) {
          matched = true;
          if (slots_ == 0) return true;
          found = std::move(thread.slots);
          found[1] = at;
          break;  // the ways behind this one are worse
        }
        if (more && in_class(program_.classes[instruction.x], point))
          add(next, thread.pc + 1, at + length, std::move(thread.slots));
      }
      std::swap(now, next);
      if (!more) break;
      at += length;
    }
    return matched;
  }

 private:
  struct Thread {
    std::size_t pc;
    std::vector<std::size_t> slots;
  };
  struct Visit {
    std::size_t pc;
    // Not kNowhere: not a visit, but this slot gets its value back.
    std::size_t slot = kNowhere;
    std::size_t value = 0;
  };

  // The threads that begin at `pc`, with everything passed that reads no character.
  void add(std::vector<Thread>& list, std::size_t first, std::size_t at, std::vector<std::size_t> slots) {
    if (slots_ > 0 && first == 0) slots[0] = at;
    stack_.clear();
    stack_.push_back({first});
    while (!stack_.empty()) {
      const auto visit = stack_.back();
      stack_.pop_back();
      if (visit.slot != kNowhere) {
        slots[visit.slot] = visit.value;
        continue;
      }
      if (mark_[visit.pc] == generation_) continue;
      mark_[visit.pc] = generation_;
      const auto& instruction = program_.code[visit.pc];
      switch (instruction.opcode) {
        case Opcode::jump: stack_.push_back({instruction.x}); break;
        case Opcode::split:
          stack_.push_back({instruction.y});
          stack_.push_back({instruction.x});
          break;
        case Opcode::save:
          if (instruction.x < slots_) {
            stack_.push_back({visit.pc, instruction.x, slots[instruction.x]});
            slots[instruction.x] = at;
          }
          stack_.push_back({visit.pc + 1});
          break;
        case Opcode::one_of:
        case Opcode::match: list.push_back({visit.pc, slots}); break;
        default:
          if (holds(instruction.opcode, text_, at)) stack_.push_back({visit.pc + 1});
      }
    }
  }

  const Regex::Program& program_;
  std::string_view text_;
  std::size_t slots_;
  std::vector<std::size_t> mark_;
  std::size_t generation_ = 1;
  std::vector<Visit> stack_;
};

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern) {
  auto compiled = compile_regex(pattern);
  if (auto* error = std::get_if<Error>(&compiled)) return std::move(*error);
  return Regex(std::make_shared<const Program>(std::get<Program>(std::move(compiled))));
}

bool Regex::found_in(std::string_view text) const {
  std::vector<std::size_t> unused;
  return Machine(*program_, text, false).run(unused);
}

std::optional<Regex::Groups> Regex::search(std::string_view text) const {
  std::vector<std::size_t> slots;
  if (!Machine(*program_, text, true).run(slots)) return std::nullopt;
  Groups groups;
  for (std::size_t i = 0; i + 1 < slots.size(); i += 2) {
    if (slots[i] == kNowhere || slots[i + 1] == kNowhere) {
      groups.emplace_back(std::nullopt);
    } else {
      groups.emplace_back(text.substr(slots[i], slots[i + 1] - slots[i]));
    }
  }
  return groups;
}

std::size_t Regex::group_count() const {
  return program_->groups;
}

std::int64_t Regex::cost(std::size_t bytes) const {
  constexpr std::size_t kVisitsPerStep = 16;
  return static_cast<std::int64_t>((bytes + 1) * program_->code.size() / kVisitsPerStep);
}

}  // namespace stoker::expression
