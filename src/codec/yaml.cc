#include "codec/yaml.h"

#include <fmt/format.h>
#include <yaml.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "codec/yaml_scalar.h"

namespace stoker::codec {

namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

Mark mark_of(const yaml_mark_t& mark) {
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

// One event of libyaml, freed with it.
class Event {
 public:
  Event() = default;
  ~Event() { clear(); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  bool next(yaml_parser_t& parser) {
    clear();
    held_ = yaml_parser_parse(&parser, &event_) == 1;
    return held_;
  }
  const yaml_event_t& operator*() const { return event_; }
  const yaml_event_t* operator->() const { return &event_; }

 private:
  void clear() {
    if (held_) yaml_event_delete(&event_);
    held_ = false;
  }
  yaml_event_t event_{};
  bool held_ = false;
};

// A value that is ready, with its part of the position table.
struct Built {
  json::value value;
  std::vector<Positions::Node> nodes;
};

std::size_t cost(const json::value& value) {
  std::size_t total = kYamlNodeCost;
  if (const auto* text = value.if_string()) {
    total += text->size();
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array)
      total += cost(element);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object)
      total += member.key().size() + cost(member.value());
  }
  return total;
}

// Reads events and builds the value and the positions in one pass. Every function answers false when the parse cannot
// go on.
class Builder {
 public:
  Builder(std::string_view text, YamlScalars scalars) : text_(text), scalars_(scalars) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Builder() { yaml_parser_delete(&parser_); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  LocatedValue run() {
    result_.complete = read_stream();
    return std::move(result_);
  }

 private:
  bool fail(Mark mark, std::string message, std::string hint = "") {
    if (result_.problems.size() < kMaximumTextProblems) {
      result_.problems.push_back({mark, std::move(message), std::move(hint)});
    }
    return false;
  }

  std::vector<Positions::Node>& nodes() { return result_.positions.nodes(); }

  bool advance() { return event_.next(parser_) || syntax_error(); }

  std::string_view line_of(Mark mark) const {
    std::size_t start = 0;
    for (std::uint32_t line = 1; line < mark.line; ++line) {
      start = text_.find('\n', start);
      if (start == std::string_view::npos) return {};
      ++start;
    }
    return text_.substr(start, text_.find('\n', start) - start);
  }

  bool syntax_error() {
    if (parser_.error == YAML_READER_ERROR) {
      return fail(mark_at(text_, parser_.problem_offset), fmt::format("not a text in UTF-8: {}", parser_.problem));
    }
    if (parser_.problem == nullptr) return fail({1, 1}, "invalid YAML");
    auto mark = mark_of(parser_.problem_mark);
    auto message = fmt::format("invalid YAML: {}", parser_.problem);
    if (parser_.context != nullptr) {
      message += fmt::format(" {}", parser_.context);
      if (parser_.context_mark.line + 1 != mark.line)
        message += fmt::format(" (from line {})", parser_.context_mark.line + 1);
    }
    const auto line = line_of(mark);
    const auto context_line = line_of(mark_of(parser_.context_mark));
    std::string hint;
    if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
      hint = "indent with spaces: YAML allows no tabs there";
    } else if (line.find("${{") != std::string_view::npos || context_line.find("${{") != std::string_view::npos) {
      hint = "put quotes around an expression: \"${{ … }}\"";
    } else if (std::string_view(parser_.problem).find("mapping values are not allowed") != std::string_view::npos) {
      hint = "put quotes around a text that contains \": \", and check the indentation";
    } else if (std::string_view(parser_.problem).find("did not find expected") != std::string_view::npos) {
      hint = "check the indentation, and the brackets and quotes before";
    }
    return fail(mark, std::move(message), std::move(hint));
  }

  bool read_stream() {
    if (!advance()) return false;  // the start of the stream
    if (!advance()) return false;
    if (event_->type == YAML_STREAM_END_EVENT) return fail({1, 1}, "the document is empty");
    if (!advance()) return false;  // past the start of the document
    if (!read_node(0)) return false;
    if (!advance()) return false;  // the end of the document
    if (!advance()) return false;
    if (event_->type == YAML_STREAM_END_EVENT) return true;
    const Mark second = mark_of(event_->start_mark);
    if (!advance()) return false;
    const bool is_empty =
        event_->type == YAML_SCALAR_EVENT && event_->data.scalar.length == 0 && event_->data.scalar.plain_implicit;
    if (!is_empty || !advance() || !advance() || event_->type != YAML_STREAM_END_EVENT)
      return fail(second, "a second document starts here", "a file holds one document: split it");
    return true;
  }

  // Builds the node whose first event is the current one; the event that ends it is current afterwards.
  bool read_node(std::size_t depth) { return read_into(result_.value, {}, depth); }

  bool read_into(json::value& out, Mark key, std::size_t depth) {
    const Mark mark = mark_of(event_->start_mark);
    if (depth > kMaximumYamlDepth) return fail(mark, fmt::format("nested deeper than {} levels", kMaximumYamlDepth));
    if (event_->type == YAML_ALIAS_EVENT) return read_alias(out, key, mark, depth);
    const std::size_t at = nodes().size();
    nodes().push_back({key, mark, 1});
    std::string anchor;
    switch (event_->type) {
      case YAML_SCALAR_EVENT:
        anchor = view(event_->data.scalar.anchor);
        read_scalar(out, mark);
        break;
      case YAML_SEQUENCE_START_EVENT:
        anchor = view(event_->data.sequence_start.anchor);
        if (!check_tag(view(event_->data.sequence_start.tag), "seq", mark) || !open_anchor(anchor, mark)) return false;
        if (!read_sequence(out, depth)) return false;
        break;
      case YAML_MAPPING_START_EVENT:
        anchor = view(event_->data.mapping_start.anchor);
        if (!check_tag(view(event_->data.mapping_start.tag), "map", mark) || !open_anchor(anchor, mark)) return false;
        if (!read_mapping(out, depth)) return false;
        break;
      default: return fail(mark, "invalid YAML");
    }
    nodes()[at].size = static_cast<std::uint32_t>(nodes().size() - at);
    return anchor.empty() || keep_anchor(anchor, out, at, mark);
  }

  bool check_tag(std::string_view tag, std::string_view allowed, Mark mark) {
    if (tag.empty() || tag == "!" || tag == std::string(kTagPrefix) + std::string(allowed)) return true;
    return fail(mark, fmt::format("the tag {} has no meaning here", tag), "remove it");
  }

  void read_scalar(json::value& out, Mark mark) {
    const auto& scalar = event_->data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const auto tag = view(scalar.tag);
    if (scalars_ == YamlScalars::as_written) {
      if (scalar.plain_implicit && plain_scalar(text).value.is_null())
        out = nullptr;
      else
        out = json::string(text);
      return;
    }
    if (tag == "!" || tag == std::string(kTagPrefix) + "str" || (tag.empty() && scalar.quoted_implicit)) {
      out = json::string(text);
      return;
    }
    if (!tag.empty())
      fail(mark, fmt::format("the tag {} has no meaning here", tag), "remove it, or write !!str for a text");
    auto meaning = plain_scalar(text);
    if (!meaning.problem.empty()) fail(mark, std::move(meaning.problem), std::move(meaning.hint));
    out = std::move(meaning.value);
  }

  bool read_sequence(json::value& out, std::size_t depth) {
    auto& array = out.emplace_array();
    while (true) {
      if (!advance()) return false;
      if (event_->type == YAML_SEQUENCE_END_EVENT) return true;
      if (!read_into(array.emplace_back(nullptr), {}, depth + 1)) return false;
    }
  }

  bool read_mapping(json::value& out, std::size_t depth) {
    auto& object = out.emplace_object();
    std::vector<Built> merges;
    while (true) {
      if (!advance()) return false;
      if (event_->type == YAML_MAPPING_END_EVENT) break;
      const Mark key_mark = mark_of(event_->start_mark);
      if (event_->type != YAML_SCALAR_EVENT) return fail(key_mark, "a key must be a plain text");
      const auto& scalar = event_->data.scalar;
      const std::string key(reinterpret_cast<const char*>(scalar.value), scalar.length);
      const bool merge = key == "<<" && scalar.plain_implicit;
      if (const auto anchor = view(scalar.anchor); !anchor.empty())
        return fail(key_mark, "a key cannot have an anchor");
      if (!advance()) return false;
      if (merge) {
        if (!read_merge(merges, key_mark, depth)) return false;
      } else if (object.contains(key)) {
        fail(key_mark, fmt::format("the key \"{}\" is written twice", key), "remove one of the two");
        Built ignored;
        if (!read_apart(ignored, depth)) return false;
      } else {
        json::value value;
        if (!read_into(value, key_mark, depth + 1)) return false;
        object.emplace(key, std::move(value));
      }
    }
    for (auto& merged : merges)
      merge_into(object, merged);
    return true;
  }

  // Reads a node that does not become part of the tree where it stands.
  bool read_apart(Built& out, std::size_t depth) {
    const std::size_t at = nodes().size();
    if (!read_into(out.value, {}, depth + 1)) return false;
    out.nodes.assign(nodes().begin() + static_cast<std::ptrdiff_t>(at), nodes().end());
    nodes().resize(at);
    return true;
  }

  // `<<: *a` or `<<: [*a, *b]`: the members that are not written beside it.
  bool read_merge(std::vector<Built>& merges, Mark mark, std::size_t depth) {
    Built built;
    if (!read_apart(built, depth)) return false;
    if (built.value.is_object()) {
      merges.push_back(std::move(built));
      return true;
    }
    if (!built.value.is_array()) return fail(mark, "<< needs a mapping or a list of mappings");
    std::size_t at = 1;
    for (auto& element : built.value.get_array()) {
      if (!element.is_object()) return fail(mark, "<< needs a mapping or a list of mappings");
      const auto begin = built.nodes.begin() + static_cast<std::ptrdiff_t>(at);
      const auto size = static_cast<std::ptrdiff_t>(begin->size);
      merges.push_back({std::move(element), {begin, begin + size}});
      at += static_cast<std::size_t>(size);
    }
    return true;
  }

  void merge_into(json::object& object, Built& merged) {
    std::size_t at = 1;
    for (auto& member : merged.value.get_object()) {
      const auto begin = merged.nodes.begin() + static_cast<std::ptrdiff_t>(at);
      at += begin->size;
      if (object.contains(member.key())) continue;
      object.emplace(member.key(), std::move(member.value()));
      nodes().insert(nodes().end(), begin, begin + static_cast<std::ptrdiff_t>(begin->size));
    }
  }

  bool open_anchor(const std::string& anchor, Mark) {
    // An alias inside its own anchor would be a cycle: the name is known, its value is not.
    if (!anchor.empty()) anchors_[anchor] = std::nullopt;
    return true;
  }

  bool keep_anchor(const std::string& anchor, const json::value& value, std::size_t at, Mark mark) {
    if (!spend(cost(value), mark)) return false;
    anchors_[anchor] = Built{value, {nodes().begin() + static_cast<std::ptrdiff_t>(at), nodes().end()}};
    return true;
  }

  bool read_alias(json::value& out, Mark key, Mark mark, std::size_t depth) {
    const std::string name(view(event_->data.alias.anchor));
    const auto it = anchors_.find(name);
    if (it == anchors_.end()) return fail(mark, fmt::format("no anchor &{} stands before this alias", name));
    if (!it->second.has_value()) return fail(mark, fmt::format("the alias *{} stands inside its own anchor", name));
    const Built& built = *it->second;
    if (!spend(cost(built.value), mark)) return false;
    if (depth + height(built.value) > kMaximumYamlDepth) {
      return fail(mark, fmt::format("nested deeper than {} levels", kMaximumYamlDepth));
    }
    out = built.value;
    const std::size_t at = nodes().size();
    nodes().insert(nodes().end(), built.nodes.begin(), built.nodes.end());
    nodes()[at].key = key;
    nodes()[at].value = mark;
    return true;
  }

  static std::size_t height(const json::value& value) {
    std::size_t most = 0;
    if (const auto* array = value.if_array()) {
      for (const auto& element : *array)
        most = std::max(most, 1 + height(element));
    } else if (const auto* object = value.if_object()) {
      for (const auto& member : *object)
        most = std::max(most, 1 + height(member.value()));
    }
    return most;
  }

  bool spend(std::size_t bytes, Mark mark) {
    copied_ += bytes;
    if (copied_ <= kMaximumYamlCopiedBytes) return true;
    return fail(mark, fmt::format("anchors and aliases expand to more than {} MiB", kMaximumYamlCopiedBytes >> 20));
  }

  std::string_view text_;
  YamlScalars scalars_;
  yaml_parser_t parser_{};
  Event event_;
  LocatedValue result_;
  std::map<std::string, std::optional<Built>> anchors_;
  std::size_t copied_ = 0;
};

}  // namespace

LocatedValue parse_yaml(std::string_view text, YamlScalars scalars) {
  if (text.size() > kMaximumYamlBytes) {
    LocatedValue result{.complete = false};
    result.problems.push_back({{1, 1}, fmt::format("the document is larger than {} MiB", kMaximumYamlBytes >> 20), ""});
    return result;
  }
  return Builder(text, scalars).run();
}

}  // namespace stoker::codec
