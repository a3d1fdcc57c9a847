#include "codec/hadoop_configuration.h"

#include <fmt/format.h>

#include <pugixml.hpp>

#include "base/strings.h"

namespace stoker::codec {

Result<HadoopProperties> read_hadoop_configuration(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_parse_result read = document.load_buffer(xml.data(), xml.size());
  if (!read)
    return Error{.code = ErrorCode::invalid_document,
                 .message = fmt::format("it is no XML: {} at byte {}", read.description(), read.offset)};
  const pugi::xml_node root = document.child("configuration");
  if (!root)
    return Error{.code = ErrorCode::invalid_document, .message = "it has no <configuration>, as Hadoop's files have"};
  HadoopProperties properties;
  for (const pugi::xml_node property : root.children("property")) {
    std::string name(trim(property.child_value("name")));
    if (!name.empty()) properties.insert_or_assign(std::move(name), property.child_value("value"));
  }
  return properties;
}

}  // namespace stoker::codec
