#include "codec/yaml_write.h"

#include <yaml.h>

#include <stdexcept>
#include <string_view>

#include "codec/yaml.h"

namespace stoker::codec {

namespace {

constexpr int kLineWidth = 120;

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
    // Plain only when reading it plain gives the same text: the reader is the judge, not a list of special cases.
    const auto read = parse_yaml(text);
    const bool plain = read.problems.empty() && read.value.is_string() && read.value.get_string() == text;
    const bool block = !plain && text.find('\n') != std::string_view::npos;
    write_scalar(text, plain   ? YAML_ANY_SCALAR_STYLE
                       : block ? YAML_LITERAL_SCALAR_STYLE
                               : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
  }

  void write_scalar(std::string_view text, yaml_scalar_style_t style) {
    yaml_event_t event;
    const auto* bytes = reinterpret_cast<const yaml_char_t*>(text.data());
    yaml_scalar_event_initialize(&event, nullptr, nullptr, const_cast<yaml_char_t*>(bytes),
                                 static_cast<int>(text.size()), 1, 1, style);
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
