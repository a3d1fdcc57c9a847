#include "codec/yaml_write.h"

#include <yaml.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "base/strings.h"
#include "codec/yaml.h"

namespace stoker::codec {

namespace {

constexpr int kLineWidth = 120;

// What readers of YAML 1.1 take for truth values, or for more than a text.
constexpr std::array<std::string_view, 10> kWordsOfOldYaml = {"y",   "n",    "yes",   "no", "on",
                                                              "off", "true", "false", "=",  "<<"};

// Whether kubectl, whose YAML is 1.1, would read a plain text as something else: `yes`, 1_000, 10:30, 2026-11-29, 0b11.
bool is_no_text_in_old_yaml(std::string_view text) {
  const std::string lower = lower_case(text);
  if (std::ranges::find(kWordsOfOldYaml, std::string_view(lower)) != kWordsOfOldYaml.end()) return true;
  const std::size_t sign = !lower.empty() && (lower.front() == '+' || lower.front() == '-') ? 1 : 0;
  if (lower.find_first_not_of("0123456789abcdefox_:.+-tz ", sign) != std::string::npos || lower.size() == sign)
    return false;
  const char first = lower[sign];
  return ((first >= '0' && first <= '9') || first == '.') && lower.find_first_of("_:-box", sign) != std::string::npos;
}

// U+0085, U+2028 and U+2029 end lines for some readers.
bool has_odd_line_end(std::string_view text) {
  return text.find("\xc2\x85") != std::string_view::npos || text.find("\xe2\x80\xa8") != std::string_view::npos ||
         text.find("\xe2\x80\xa9") != std::string_view::npos;
}

class Emitter {
 public:
  Emitter() {
    yaml_emitter_initialize(&emitter_);
    yaml_emitter_set_output(&emitter_, append, &text_);
    yaml_emitter_set_unicode(&emitter_, 1);
    yaml_emitter_set_width(&emitter_, kLineWidth);
    yaml_event_t event;
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(event);
    yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, /*implicit=*/1);
    emit(event);
  }
  ~Emitter() { yaml_emitter_delete(&emitter_); }
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  void write(const json::value& value) {
    yaml_event_t event;
    if (const auto* object = value.if_object()) {
      yaml_mapping_start_event_initialize(&event, nullptr, nullptr, 1, YAML_ANY_MAPPING_STYLE);
      emit(event);
      for (const auto& member : *object) {
        write_text(member.key());
        write(member.value());
      }
      yaml_mapping_end_event_initialize(&event);
      emit(event);
    } else if (const auto* array = value.if_array()) {
      yaml_sequence_start_event_initialize(&event, nullptr, nullptr, 1, YAML_ANY_SEQUENCE_STYLE);
      emit(event);
      for (const auto& item : *array)
        write(item);
      yaml_sequence_end_event_initialize(&event);
      emit(event);
    } else if (const auto* text = value.if_string()) {
      write_text(*text);
    } else {
      write_scalar(canonical_json(value), YAML_PLAIN_SCALAR_STYLE);
    }
  }

  std::string finish() {
    yaml_event_t event;
    yaml_document_end_event_initialize(&event, /*implicit=*/1);
    emit(event);
    yaml_stream_end_event_initialize(&event);
    emit(event);
    return std::move(text_);
  }

 private:
  static int append(void* target, unsigned char* bytes, std::size_t size) {
    static_cast<std::string*>(target)->append(reinterpret_cast<const char*>(bytes), size);
    return 1;
  }

  void write_text(std::string_view text) {
    // Plain only when reading it plain gives the same text, for our reader and for those of the older YAML.
    const auto read = parse_yaml(text);
    const bool odd = has_odd_line_end(text);
    const bool plain = !odd && !is_no_text_in_old_yaml(text) && read.problems.empty() && read.value.is_string() &&
                       read.value.get_string() == text;
    const bool block = !plain && !odd && text.find('\n') != std::string_view::npos;
    write_scalar(text, plain   ? YAML_ANY_SCALAR_STYLE
                       : block ? YAML_LITERAL_SCALAR_STYLE
                               : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
  }

  void write_scalar(std::string_view text, yaml_scalar_style_t style) {
    yaml_event_t event;
    const auto* bytes = reinterpret_cast<const yaml_char_t*>(text.data());
    if (yaml_scalar_event_initialize(&event, nullptr, nullptr, const_cast<yaml_char_t*>(bytes),
                                     static_cast<int>(text.size()), 1, 1, style) == 0)
      throw std::runtime_error("a text that is no UTF-8 cannot be written as YAML");
    emit(event);
  }

  // Only a defect of ours, or no memory, makes the emitter fail.
  void emit(yaml_event_t& event) {
    if (yaml_emitter_emit(&emitter_, &event) == 0)
      throw std::runtime_error(emitter_.problem == nullptr ? "YAML emitter" : emitter_.problem);
  }

  yaml_emitter_t emitter_{};
  std::string text_;
};

}  // namespace

std::string write_yaml(const json::value& value) {
  Emitter emitter;
  emitter.write(value);
  return emitter.finish();
}

}  // namespace stoker::codec
