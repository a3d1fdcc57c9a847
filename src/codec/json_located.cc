// JSON with positions: Boost.JSON reads the values, then one pass over the text, known to be JSON, notes where they
// stand and finds what Boost takes without a word: duplicate keys and integers that become a double.
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <cmath>
#include <set>

#include "codec/json_reader.h"
#include "codec/yaml.h"

namespace stoker::codec {

namespace {

class Scanner {
 public:
  Scanner(std::string_view text, LocatedValue& result) : text_(text), result_(result) {}

  void run() { scan(&result_.value, {}); }

 private:
  void fail(Mark mark, std::string message, std::string hint) {
    if (result_.problems.size() < kMaximumTextProblems)
      result_.problems.push_back({mark, std::move(message), std::move(hint)});
  }

  void skip(std::size_t count) {
    for (; count > 0 && at_ < text_.size(); --count, ++at_) {
      if (text_[at_] == '\n') {
        ++mark_.line;
        mark_.column = 1;
      } else if ((static_cast<unsigned char>(text_[at_]) & 0xC0) != 0x80) {
        ++mark_.column;
      }
    }
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n'))
      skip(1);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::string_view string_token() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"')
      end += text_[end] == '\\' ? 2 : 1;
    const auto token = text_.substr(at_, end + 1 - at_);
    skip(token.size());
    return token;
  }

  // `value` is null for the values of a duplicate key, which the tree does not have.
  void scan(const json::value* value, Mark key) {
    skip_space();
    const Mark mark = mark_;
    const std::size_t node = result_.positions.nodes().size();
    result_.positions.nodes().push_back({key, mark, 1});
    if (peek() == '{') {
      scan_object(value == nullptr ? nullptr : value->if_object());
    } else if (peek() == '[') {
      scan_array(value == nullptr ? nullptr : value->if_array());
    } else if (peek() == '"') {
      string_token();
    } else {
      scan_word(value, mark);
    }
    auto& nodes = result_.positions.nodes();
    nodes[node].size = static_cast<std::uint32_t>(nodes.size() - node);
  }

  void scan_word(const json::value* value, Mark mark) {
    const auto end = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    const auto word = text_.substr(at_, end - at_);
    skip(word.size());
    const auto* number = value == nullptr ? nullptr : value->if_double();
    if (number == nullptr) return;
    if (!std::isfinite(*number) || word.find_first_of(".eE") == std::string_view::npos) {
      fail(mark, fmt::format("the number {} does not fit into 64 bits", word), "write it in quotes to keep it as text");
    }
  }

  void scan_array(const json::array* array) {
    skip(1);
    skip_space();
    for (std::size_t index = 0; peek() != ']' && at_ < text_.size(); ++index) {
      scan(array == nullptr ? nullptr : &(*array)[index], {});
      skip_space();
      if (peek() == ',') skip(1);
      skip_space();
    }
    skip(1);
  }

  void scan_object(const json::object* object) {
    skip(1);
    skip_space();
    std::set<std::string, std::less<>> seen;
    while (peek() == '"') {
      const Mark mark = mark_;
      std::string key(json::parse(string_token()).as_string());
      skip_space();
      skip(1);  // the colon
      if (!seen.insert(key).second) {
        fail(mark, fmt::format("the key \"{}\" is written twice", key), "remove one of the two");
        const std::size_t before = result_.positions.nodes().size();
        scan(nullptr, mark);
        result_.positions.nodes().resize(before);
      } else {
        scan(object == nullptr ? nullptr : object->if_contains(key), mark);
      }
      skip_space();
      if (peek() == ',') skip(1);
      skip_space();
    }
    skip(1);
  }

  std::string_view text_;
  LocatedValue& result_;
  std::size_t at_ = 0;
  Mark mark_{1, 1};
};

}  // namespace

LocatedValue parse_json_located(std::string_view text) {
  LocatedValue result;
  const auto fail = [&](Mark mark, std::string message, std::string hint = "") {
    result.problems.push_back({mark, std::move(message), std::move(hint)});
    result.complete = false;
    return std::move(result);
  };
  if (text.size() > kMaximumYamlBytes) {
    return fail({1, 1}, fmt::format("the document is larger than {} MiB", kMaximumYamlBytes >> 20));
  }
  auto read = read_json(text);
  if (read.failure) {
    return fail(
        mark_at(text, read.consumed), fmt::format("invalid JSON: {}", read.failure.message()),
        read.failure == json::error::syntax ? "a comma, colon, quote or bracket is missing or too much here" : "");
  }
  result.value = std::move(read.value);
  Scanner(text, result).run();
  return result;
}

}  // namespace stoker::codec
