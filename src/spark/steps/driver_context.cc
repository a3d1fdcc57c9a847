#include "spark/steps/driver_context.h"

#include "spark/uris.h"

namespace stoker::spark {

Result<std::optional<ConfiguredFile>> configured_file(const DriverContext& context, const std::string& key,
                                                      std::size_t limit_bytes) {
  TRY_ASSIGN(const auto path, context.configuration.text(key));
  if (!path) return std::optional<ConfiguredFile>();
  const std::string absolute = context.surroundings.absolute_path(local_path(*path));
  auto content = context.surroundings.read(absolute, limit_bytes);
  if (!content) return std::move(content).error().with_context(key);
  return std::optional(ConfiguredFile{*path, std::string(last_part(absolute)), *std::move(content)});
}

}  // namespace stoker::spark
